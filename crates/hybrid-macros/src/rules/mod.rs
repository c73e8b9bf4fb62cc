//! The rules of one value: what `#[query(ge = 1, le = 100)]` and `#[field(ge = 1, le = 100)]` have in common.
//!
//! `parse` takes the words out of an attribute, `check` judges literals against each other and against the type as
//! it is spelled, `expand` writes the builder calls of a `Param`. Parameters and model fields share all three, so a
//! rule means the same in both places.

mod check;
mod expand;
mod parse;
mod search;

use hybrid_validate::{Format, Num};
use proc_macro2::Span;
use syn::{Expr, Ident, LitStr, Path};

pub(crate) use expand::{Expanded, default_value};

/// The words that [`Rules::take`] understands, for suggestions.
pub(crate) const WORDS: &[&str] = &[
    "ge",
    "gt",
    "le",
    "lt",
    "multiple_of",
    "min_length",
    "max_length",
    "regex",
    "format",
    "min_items",
    "max_items",
    "unique_items",
    "one_of",
    "custom",
    "message",
    "default",
    "default_with",
    "alias",
    "description",
    "example",
    "deprecated",
];

/// Everything that is said about one value, sound once [`Rules::check`] reported nothing.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// In the order in which they are written, which is the order of violations.
    pub(crate) list: Vec<Rule>,
    /// What is said in place of the text of every rule above.
    pub(crate) message: Option<LitStr>,
    pub(crate) default: Option<DefaultValue>,
    /// The wire name in place of the Rust name.
    pub(crate) alias: Option<LitStr>,
    pub(crate) description: Option<String>,
    pub(crate) example: Option<String>,
    pub(crate) deprecated: bool,
}

/// One rule with the word that states it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) key: Ident,
    pub(crate) what: What,
}

/// What a rule demands.
#[derive(Debug)]
pub(crate) enum What {
    Bound(Bound, Number),
    Count(Count, Size),
    Regex(LitStr),
    Format(Format, LitStr),
    UniqueItems,
    OneOfText(Vec<LitStr>),
    OneOfNumbers(Vec<Number>),
    Custom(Path),
}

/// The rules that compare numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Ge,
    Gt,
    Le,
    Lt,
    MultipleOf,
}

/// The rules that count characters or items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
}

/// A number as written.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub(crate) value: Num,
    pub(crate) span: Span,
    /// As in the source, for messages.
    pub(crate) text: String,
}

/// A count: a literal, or a constant of the user's.
#[derive(Debug)]
pub(crate) enum Size {
    Literal(usize, Span),
    Constant(Expr),
}

/// What stands in where the value is absent.
#[derive(Debug)]
pub(crate) enum DefaultValue {
    /// `default = expression`.
    Expr(Expr),
    /// `default_with = path`.
    With(Path),
}

impl Rules {
    /// Whether a request may leave the value out.
    pub(crate) fn has_default(&self) -> bool {
        self.default.is_some()
    }
}
