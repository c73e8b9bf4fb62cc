//! The model of a user's type: its wire names, its fields with their rules, the form of its enum.
//!
//! It is built from the item and its attributes. Every part is filled in or reported. `check` and `expand` read this
//! model and never an attribute.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Attribute, DeriveInput, Generics, Ident, LitStr, Member, Path, Type, parse_quote};

use super::fields::FieldReader;
use super::serde_attr::{DefaultFn, OnField, OnType};
use crate::diag::Diagnostics;
use crate::options::Options;
use crate::parse::function::docs;
use crate::rules::{DefaultValue, RuleKind, Rules, WrittenRule};

/// A user's type with all its attributes.
#[derive(Debug)]
pub(crate) struct Model {
    /// The path of the facade: `::hybrid`, or that of `crate = path`.
    pub(crate) root: Path,
    pub(crate) name: Ident,
    pub(crate) wire: String,
    pub(crate) generics: Generics,
    pub(crate) mode: Mode,
    pub(crate) deny: bool,
    pub(crate) deny_at: Option<Span>,
    pub(crate) validate: Option<Path>,
    pub(crate) serde: OnType,
    pub(crate) docs: TypeDocs,
    pub(crate) body: Body,
}

/// The directions of a model: input, output or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Both,
    Input,
    Output,
}

/// A doc comment: a first line `# Title`, and the rest.
#[derive(Debug, Default)]
pub(crate) struct TypeDocs {
    pub(crate) title: String,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) enum Body {
    Struct(Shape),
    Enum(Form, Vec<Variant>),
}

/// serde's form of an enum.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    External,
    Internal(LitStr),
    Adjacent(LitStr, LitStr),
    Untagged,
}

#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) name: Ident,
    pub(crate) wire: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) skip: bool,
    pub(crate) docs: TypeDocs,
    pub(crate) shape: Shape,
}

/// The fields of a struct or a variant.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) kind: ShapeKind,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShapeKind {
    Named,
    Newtype,
    Tuple,
    Unit,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) member: Member,
    /// The span for messages.
    pub(crate) span: Span,
    pub(crate) ty: Type,
    pub(crate) wire: String,
    /// The wire name is written out and has an underscore. A header with this name must have the underscore too.
    pub(crate) is_spelled: bool,
    pub(crate) rules: Rules,
    pub(crate) csv: bool,
    pub(crate) serde: OnField,
    /// The function that makes the default of `#[field(default = ..)]`.
    pub(crate) default_fn: Option<(Ident, syn::Expr)>,
    /// The default of the whole type, if serde has one.
    pub(crate) from_whole: Option<DefaultFn>,
    /// The static that holds the `Param`: `__ID`.
    pub(crate) place: Ident,
    /// The binding in generated code: `__id`.
    pub(crate) binding: Ident,
    /// Whether the type names a parameter of the model, so that no static can hold its `Param`.
    pub(crate) generic: bool,
}

/// The words of `#[model(..)]`.
const WORDS: &[&str] = &["input", "output", "deny_unknown", "validate", "crate"];

impl Model {
    /// Reads the attribute and the item.
    pub(crate) fn build(mut options: Options, item: &DeriveInput, diag: &mut Diagnostics) -> Self {
        let root = options
            .take("crate")
            .and_then(|opt| opt.path(diag))
            .unwrap_or_else(|| parse_quote!(::hybrid));
        let mode = mode(&mut options, diag);
        let deny = options.take("deny_unknown");
        let deny_at = deny.as_ref().map(|opt| opt.key.span());
        let denied = deny.is_some_and(|opt| opt.flag(diag));
        let validate = options.take("validate").and_then(|opt| opt.path(diag));
        for positional in &options.positional {
            diag.error(
                positional,
                "write the word first: `#[model(validate = path)]`",
            );
        }
        options.reject_rest(WORDS, diag);
        let serde = OnType::read(&item.attrs, diag);
        let wire = serde
            .rename
            .clone()
            .unwrap_or_else(|| item.ident.unraw().to_string());
        let mut reader = FieldReader::new(item);
        let body = reader.body(item, &serde, diag);
        Self {
            root,
            name: item.ident.clone(),
            wire,
            generics: item.generics.clone(),
            mode,
            deny: denied || serde.deny_unknown_fields,
            deny_at,
            validate,
            serde,
            docs: TypeDocs::read(&item.attrs),
            body,
        }
    }

    /// Every field, those of variants included, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        let shapes: Vec<&Shape> = match &self.body {
            Body::Struct(shape) => vec![shape],
            Body::Enum(_, variants) => variants.iter().map(|variant| &variant.shape).collect(),
        };
        shapes.into_iter().flat_map(|shape| &shape.fields)
    }

    /// Whether requests can contain it.
    pub(crate) fn is_read(&self) -> bool {
        self.mode != Mode::Output
    }

    /// The other type that serde converts it from, if there is one.
    pub(crate) fn made_from(&self) -> Option<&Type> {
        self.serde.from.as_ref().or(self.serde.try_from.as_ref())
    }

    /// Whether it has rules besides serde's.
    pub(crate) fn has_rules(&self) -> bool {
        self.validate.is_some() || self.fields().any(Field::is_checked)
    }
}

impl Field {
    /// Whether its value can break a rule.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.list.is_empty()
    }

    /// Whether its rules can only be checked when the program runs: its default, or the size of a pattern.
    pub(crate) fn has_open_questions(&self) -> bool {
        let regex = |rule: &WrittenRule| matches!(rule.what, RuleKind::Regex(_));
        let named = !self.serde.flatten;
        named && self.has_rules() && (self.has_default() || self.rules.list.iter().any(regex))
    }

    /// Whether the spelling of its type contains `f32`. serde makes infinity of a number beyond the range of `f32`.
    pub(crate) fn holds_singles(&self) -> bool {
        self.is_read() && !self.generic && crate::types::is(crate::types::element(&self.ty), "f32")
    }

    /// Whether it has a check besides serde's.
    pub(crate) fn is_checked(&self) -> bool {
        self.has_rules() || self.holds_singles()
    }

    /// Whether it is read from the input.
    pub(crate) fn is_read(&self) -> bool {
        !self.serde.skip
    }

    /// The function that serde calls for a missing value, if this crate names one.
    pub(crate) fn default_path(&self) -> Option<Path> {
        if let Some(DefaultValue::With(path)) = &self.rules.default {
            return Some(path.clone());
        }
        match (&self.serde.default, self.serde.skip) {
            (Some(DefaultFn::Path(path)), true) => Some(path.path.clone()),
            _ => None,
        }
    }

    /// Whether it is a `Patch` without another default.
    pub(crate) fn is_patch(&self) -> bool {
        crate::types::is_patch(&self.ty) && self.is_read() && !self.has_default()
    }

    pub(crate) fn has_default(&self) -> bool {
        self.rules.has_default() || self.serde.default.is_some() || self.from_whole.is_some()
    }

    /// Its name in messages.
    pub(crate) fn shown(&self) -> String {
        self.member.to_token_stream().to_string()
    }
}

impl TypeDocs {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let text = docs(attrs).join("\n").trim().to_owned();
        let Some(rest) = text.strip_prefix("# ") else {
            return Self {
                title: String::new(),
                text,
            };
        };
        let (title, text) = rest.split_once('\n').unwrap_or((rest, ""));
        Self {
            title: title.trim().to_owned(),
            text: text.trim().to_owned(),
        }
    }
}

fn mode(options: &mut Options, diag: &mut Diagnostics) -> Mode {
    let input = options.take("input").filter(|opt| opt.flag(diag));
    let output = options.take("output").filter(|opt| opt.flag(diag));
    match (input, output) {
        (Some(_), Some(output)) => {
            diag.error(
                &output.key,
                "`input` and `output` together are the default, leave both out",
            );
            Mode::Both
        }
        (Some(_), None) => Mode::Input,
        (None, Some(_)) => Mode::Output,
        (None, None) => Mode::Both,
    }
}
