//! serde's attributes on a model. `Inspect` must read the same values as serde, so an attribute that it does not
//! support is refused by name.

use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, ExprPath, LitStr, Type};

use crate::case::Case;
use crate::diag::{Diagnostics, nearest};

/// serde's attributes on the type.
#[derive(Debug, Default)]
pub(crate) struct OnType {
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) rename_all_fields: Option<Case>,
    pub(crate) deny_unknown_fields: bool,
    pub(crate) tag: Option<LitStr>,
    pub(crate) content: Option<LitStr>,
    pub(crate) untagged: bool,
    pub(crate) default: Option<DefaultFn>,
    pub(crate) transparent: bool,
    pub(crate) from: Option<Type>,
    pub(crate) try_from: Option<Type>,
}

/// serde's attributes on a variant.
#[derive(Debug, Default)]
pub(crate) struct OnVariant {
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) aliases: Vec<String>,
    pub(crate) skip: bool,
}

/// serde's attributes on a field.
#[derive(Debug, Default)]
pub(crate) struct OnField {
    pub(crate) rename: Option<LitStr>,
    pub(crate) aliases: Vec<String>,
    pub(crate) default: Option<DefaultFn>,
    pub(crate) skip: bool,
    pub(crate) flatten: bool,
    /// Whether an attribute decides when it is written.
    pub(crate) written: bool,
    /// The function that deserialises the field.
    pub(crate) with: Option<ExprPath>,
}

/// The source of serde's default.
#[derive(Debug, Clone)]
pub(crate) enum DefaultFn {
    Standard,
    Path(ExprPath),
}

/// Reads one word of an attribute. `false` if it is unknown.
type WordReader<'a> = dyn FnMut(&str, &ParseNestedMeta<'_>) -> syn::Result<bool> + 'a;

const ON_TYPE: &[&str] = &[
    "rename",
    "rename_all",
    "rename_all_fields",
    "deny_unknown_fields",
    "tag",
    "content",
    "untagged",
    "default",
    "transparent",
    "from",
    "try_from",
    "into",
];
const ON_VARIANT: &[&str] = &[
    "rename",
    "rename_all",
    "alias",
    "skip",
    "skip_serializing",
    "skip_deserializing",
];
const ON_FIELD: &[&str] = &[
    "rename",
    "alias",
    "default",
    "skip",
    "skip_serializing",
    "skip_deserializing",
    "skip_serializing_if",
    "flatten",
    "with",
    "serialize_with",
    "deserialize_with",
];

impl OnType {
    pub(crate) fn read(attrs: &[Attribute], diag: &mut Diagnostics) -> Self {
        let mut on = Self::default();
        let mut read = |word: &str, meta: &ParseNestedMeta<'_>| {
            match word {
                "rename" => on.rename = wire(meta)?.map(|text| text.value()),
                "rename_all" => {
                    on.rename_all = wire(meta)?.map(|text| Case::read(&text)).transpose()?
                }
                "rename_all_fields" => {
                    on.rename_all_fields = wire(meta)?.map(|text| Case::read(&text)).transpose()?;
                }
                "deny_unknown_fields" => on.deny_unknown_fields = true,
                "tag" => on.tag = Some(meta.value()?.parse()?),
                "content" => on.content = Some(meta.value()?.parse()?),
                "untagged" => on.untagged = true,
                "default" => on.default = Some(default(meta)?),
                "transparent" => on.transparent = true,
                "from" => on.from = Some(meta.value()?.parse::<LitStr>()?.parse()?),
                "try_from" => on.try_from = Some(meta.value()?.parse::<LitStr>()?.parse()?),
                "into" => drop(meta.value()?.parse::<LitStr>()?),
                _ => return Ok(false),
            }
            Ok(true)
        };
        each(attrs, ON_TYPE, &mut read, diag);
        on
    }
}

impl OnVariant {
    pub(crate) fn read(attrs: &[Attribute], diag: &mut Diagnostics) -> Self {
        let mut on = Self::default();
        let mut read = |word: &str, meta: &ParseNestedMeta<'_>| {
            match word {
                "rename" => on.rename = wire(meta)?.map(|text| text.value()),
                "rename_all" => {
                    on.rename_all = wire(meta)?.map(|text| Case::read(&text)).transpose()?
                }
                "alias" => on.aliases.push(meta.value()?.parse::<LitStr>()?.value()),
                "skip" | "skip_deserializing" => on.skip = true,
                "skip_serializing" => {}
                _ => return Ok(false),
            }
            Ok(true)
        };
        each(attrs, ON_VARIANT, &mut read, diag);
        on
    }
}

impl OnField {
    pub(crate) fn read(attrs: &[Attribute], diag: &mut Diagnostics) -> Self {
        let mut on = Self::default();
        let mut read = |word: &str, meta: &ParseNestedMeta<'_>| {
            match word {
                "rename" => on.rename = wire(meta)?,
                "alias" => on.aliases.push(meta.value()?.parse::<LitStr>()?.value()),
                "default" => on.default = Some(default(meta)?),
                "skip" => (on.skip, on.written) = (true, true),
                "skip_deserializing" => on.skip = true,
                "skip_serializing" => on.written = true,
                "skip_serializing_if" => {
                    meta.value()?.parse::<LitStr>()?;
                    on.written = true;
                }
                "serialize_with" => drop(meta.value()?.parse::<LitStr>()?),
                "flatten" => on.flatten = true,
                "with" => {
                    let mut path: ExprPath = meta.value()?.parse::<LitStr>()?.parse()?;
                    path.path.segments.push(syn::parse_quote!(deserialize));
                    on.with = Some(path);
                }
                "deserialize_with" => on.with = Some(meta.value()?.parse::<LitStr>()?.parse()?),
                _ => return Ok(false),
            }
            Ok(true)
        };
        each(attrs, ON_FIELD, &mut read, diag);
        on
    }
}

/// Passes every word of every `#[serde(..)]` to the reader, and reports unknown words.
fn each(attrs: &[Attribute], known: &[&str], read: &mut WordReader<'_>, diag: &mut Diagnostics) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        let result = attr.parse_nested_meta(|meta| {
            let Some(word) = meta.path.get_ident() else {
                return Err(meta.error("not an attribute of serde's"));
            };
            let text = word.unraw().to_string();
            if read(&text, &meta)? {
                return Ok(());
            }
            let hint = nearest(&text, known).map_or_else(
                || "write the `Deserialize` of this type by hand instead of `#[model]`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(meta.error(format!("`#[serde({text})]` is not supported here: {hint}")))
        });
        if let Err(error) = result {
            diag.syntax(error);
        }
    }
}

/// `= "x"`, or `(serialize = "y", deserialize = "x")`: the name for reading, if there is one.
fn wire(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<LitStr>> {
    if meta.input.peek(syn::Token![=]) {
        return meta.value()?.parse().map(Some);
    }
    let mut name = None;
    meta.parse_nested_meta(|side| {
        let text: LitStr = side.value()?.parse()?;
        if side.path.is_ident("deserialize") {
            name = Some(text);
        } else if !side.path.is_ident("serialize") {
            return Err(side.error("it is one of `serialize` and `deserialize`"));
        }
        Ok(())
    })?;
    Ok(name)
}

fn default(meta: &ParseNestedMeta<'_>) -> syn::Result<DefaultFn> {
    if meta.input.peek(syn::Token![=]) {
        meta.value()?
            .parse::<LitStr>()?
            .parse()
            .map(DefaultFn::Path)
    } else {
        Ok(DefaultFn::Standard)
    }
}
