//! One argument of a handler.

use proc_macro2::{Span, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt as _;
use syn::{Ident, LitStr, Type};

use crate::diag::Diagnostics;
use crate::options::{Options, as_str};
use crate::parse::param::{RawParam, RawSource};
use crate::rules::{self, Rules};
use crate::settings;
use crate::types;

/// One argument.
#[derive(Debug)]
pub(crate) struct Argument {
    /// The binding in the closure around the call: `__limit`.
    pub(crate) binding: Ident,
    pub(crate) ty: Type,
    pub(crate) read: ArgumentKind,
    /// The tokens for messages: the pattern.
    pub(crate) at: TokenStream,
    /// The argument's own name, if it has exactly one.
    pub(crate) name: Option<Ident>,
    pub(crate) broken: bool,
}

/// How the value of an argument is made.
#[derive(Debug)]
pub(crate) enum ArgumentKind {
    /// A single named value with its rules.
    Text(Box<TextArgument>),
    /// `#[body]`: the raw body.
    RawBody,
    /// By its type, with an extractor.
    Extractor,
}

/// A single named value.
#[derive(Debug)]
pub(crate) struct TextArgument {
    pub(crate) source: ArgumentSource,
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) rules: Rules,
    /// `style = csv`.
    pub(crate) csv: bool,
    /// The static that holds the `Param`: `__LIMIT`.
    pub(crate) place: Ident,
}

/// The source of a single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentSource {
    Path,
    Query,
    Header,
    Cookie,
    Form,
}

impl ArgumentSource {
    /// The source that an attribute names.
    fn from_word(word: &Ident) -> Option<Self> {
        let all = [
            Self::Path,
            Self::Query,
            Self::Header,
            Self::Cookie,
            Self::Form,
        ];
        all.into_iter().find(|source| word == source.word())
    }

    /// The word of the attribute and of the constructor.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Form => "form",
        }
    }
}

impl Argument {
    pub(super) fn build(
        index: usize,
        raw: RawParam,
        before: &[Self],
        in_path: &impl Fn(&str) -> bool,
        diag: &mut Diagnostics,
    ) -> Self {
        let (binding, place) = names(&raw, index, before);
        let pat = &raw.pat;
        let at = quote::quote!(#pat);
        let name = raw.name().cloned();
        let plain = raw.plain_name().map(|name| name.unraw().to_string());
        let path_name = plain.and_then(|name| path_name(&name, in_path));
        let path_name = path_name.filter(|_| raw.source.is_some() || !says_source(&raw.ty));
        let mut broken = raw.broken;
        let before = diag.len();
        let read = match raw.source {
            Some(source) => read(
                source,
                &raw.ty,
                name.as_ref(),
                path_name,
                place,
                &raw.docs,
                diag,
            ),
            None => match path_name {
                Some(wire) => text(
                    ArgumentSource::Path,
                    wire,
                    Rules::default(),
                    place,
                    &raw.docs,
                ),
                None => ArgumentKind::Extractor,
            },
        };
        broken |= diag.len() > before;
        Self {
            binding,
            ty: raw.ty,
            read,
            at,
            name,
            broken,
        }
    }

    /// The single value, if the argument is one.
    pub(crate) fn text(&self) -> Option<&TextArgument> {
        match &self.read {
            ArgumentKind::Text(text) => Some(text),
            ArgumentKind::RawBody | ArgumentKind::Extractor => None,
        }
    }
}

/// The binding of an argument and the name of its static, unlike those of the arguments before it.
fn names(raw: &RawParam, index: usize, before: &[Argument]) -> (Ident, Ident) {
    let stem = raw
        .name()
        .map_or_else(|| format!("arg{index}"), |name| name.unraw().to_string());
    let stem = stem.trim_start_matches('_');
    let mut binding = format_ident!("__{}", stem, span = Span::mixed_site());
    let upper = binding.to_string().to_uppercase();
    if stem.is_empty()
        || before
            .iter()
            .any(|param| param.binding.to_string().to_uppercase() == upper)
    {
        binding = format_ident!("__{}_{}", stem, index, span = Span::mixed_site());
    }
    let place = format_ident!(
        "{}",
        binding.to_string().to_uppercase(),
        span = Span::mixed_site()
    );
    (binding, place)
}

/// Types that name their source.
const WRAPPERS: &[&str] = &[
    "Json",
    "Query",
    "Form",
    "Path",
    "Header",
    "State",
    "Extension",
];

/// Whether a type names its source, as far as its spelling tells.
pub(crate) fn says_source(ty: &Type) -> bool {
    WRAPPERS.iter().any(|name| types::is(types::bare(ty), name))
}

/// The name of the path that belongs to an argument: the same name, or the name without the `_` of an unused argument.
fn path_name(name: &str, in_path: &impl Fn(&str) -> bool) -> Option<String> {
    let bare = name.trim_start_matches('_');
    [name, bare]
        .into_iter()
        .find(|name| in_path(name))
        .map(str::to_owned)
}

/// Reads an attribute such as `#[query("name", ge = 1)]`.
fn read(
    raw: RawSource,
    ty: &Type,
    name: Option<&Ident>,
    path_name: Option<String>,
    place: Ident,
    docs: &[String],
    diag: &mut Diagnostics,
) -> ArgumentKind {
    let RawSource { word, mut options } = raw;
    let Some(source) = ArgumentSource::from_word(&word) else {
        if word == "body" {
            return raw_body(&options, diag);
        }
        diag.error(
            &word,
            "`#[file]` is not available in this version: take the body as `Bytes`",
        );
        return ArgumentKind::Extractor;
    };
    let mut rules = Rules::take(&mut options, diag);
    let csv = csv(&mut options, ty, diag);
    let positional = positional(source, &options, diag);
    reject_settings(&mut options, diag);
    let mut known = rules::WORDS.to_vec();
    known.push("style");
    options.reject_rest(&known, diag);
    if let (Some(first), Some(second)) = (&positional, &rules.alias) {
        let message = format!(
            "the name is given twice, {} and here: keep one",
            first.token()
        );
        diag.error(second, message);
    }
    let wire = positional
        .or_else(|| rules.alias.take())
        .map(|literal| literal.value());
    let own = name.map(|name| own_name(source, name));
    let Some(wire) = wire
        .or(path_name.filter(|_| source == ArgumentSource::Path))
        .or(own)
    else {
        let source = source.word();
        diag.error(
            &word,
            format_args!("the pattern has no single name, write `#[{source}(\"name\")]`"),
        );
        return ArgumentKind::Extractor;
    };
    rules.check(ty, diag);
    let ArgumentKind::Text(mut text) = text(source, wire, rules, place, docs) else {
        return ArgumentKind::Extractor;
    };
    text.csv = csv;
    ArgumentKind::Text(text)
}

fn text(
    source: ArgumentSource,
    wire: String,
    mut rules: Rules,
    place: Ident,
    docs: &[String],
) -> ArgumentKind {
    let docs = docs.join("\n").trim().to_owned();
    if rules.description.is_none() && !docs.is_empty() {
        rules.description = Some(docs);
    }
    ArgumentKind::Text(Box::new(TextArgument {
        source,
        wire,
        rules,
        csv: false,
        place,
    }))
}

fn raw_body(options: &Options, diag: &mut Diagnostics) -> ArgumentKind {
    for opt in &options.named {
        let message = "`#[body]` has no options; rules on a body stand on the fields of a `#[model]`, read as `Json<T>`";
        diag.error(&opt.key, message);
    }
    for value in &options.positional {
        diag.error(value, "a body has no name, write `#[body]`");
    }
    ArgumentKind::RawBody
}

/// Reports options of the route on an argument.
fn reject_settings(options: &mut Options, diag: &mut Diagnostics) {
    for word in settings::WORDS
        .iter()
        .filter(|word| !rules::WORDS.contains(word))
    {
        if let Some(opt) = options.take(word) {
            diag.error(
                &opt.key,
                format_args!("`{word}` belongs to the route: write it behind the path"),
            );
        }
    }
}

/// `style = csv`.
fn csv(options: &mut Options, ty: &Type, diag: &mut Diagnostics) -> bool {
    let Some(opt) = options.take("style") else {
        return false;
    };
    let Some(word) = opt.word(&["csv"], diag) else {
        return false;
    };
    if word != "csv" {
        diag.unknown(&word, "style", &["csv"]);
        return false;
    }
    if !matches!(
        types::kind(types::bare(ty)),
        types::TypeKind::List | types::TypeKind::Unknown
    ) {
        let spelled = types::spelled(ty);
        diag.error(
            &word,
            format_args!(
                "`style = csv` splits a list, `{spelled}` is one value: write `Vec<{spelled}>`"
            ),
        );
    }
    true
}

/// The name at the start: `#[header("X-Request-ID")]`.
fn positional(source: ArgumentSource, options: &Options, diag: &mut Diagnostics) -> Option<LitStr> {
    let mut values = options.positional.iter();
    let first = values.next()?;
    for more in values {
        diag.error(more, "one name is enough, remove this");
    }
    let word = source.word();
    let Some(name) = as_str(first) else {
        diag.error(
            first,
            format_args!("the name is a string: `#[{word}(\"name\")]`"),
        );
        return None;
    };
    if name.value().is_empty() {
        diag.error(name, "the name is empty, write the one that clients send");
        return None;
    }
    if source == ArgumentSource::Header && !name.value().bytes().all(is_token) {
        diag.error(
            name,
            format_args!(
                "{} is no header name: letters, digits and `-`",
                name.token()
            ),
        );
        return None;
    }
    Some(name.clone())
}

/// Whether a byte may stand in a header's name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The name on the wire that follows from an argument's name.
fn own_name(source: ArgumentSource, name: &Ident) -> String {
    let name = name.unraw().to_string();
    let bare = name.trim_start_matches('_');
    let bare = if bare.is_empty() { &name } else { bare };
    match source {
        ArgumentSource::Header => bare.replace('_', "-"),
        ArgumentSource::Path
        | ArgumentSource::Query
        | ArgumentSource::Cookie
        | ArgumentSource::Form => bare.to_owned(),
    }
}
