//! The rules of one value, as they are written in an attribute.

use hybrid_validate::{Format, Num};
use proc_macro2::Span;
use syn::{Expr, Ident, LitStr, Path};

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

/// All words about one value. They have no mistakes once [`Rules::check`] has reported none.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// In the order written, which is the order of violations.
    pub(crate) list: Vec<WrittenRule>,
    /// The message in place of the text of every rule above.
    pub(crate) message: Option<LitStr>,
    pub(crate) default: Option<DefaultValue>,
    /// The wire name in place of the Rust name.
    pub(crate) alias: Option<LitStr>,
    pub(crate) description: Option<String>,
    pub(crate) example: Option<String>,
    pub(crate) deprecated: bool,
}

/// One rule with its word.
#[derive(Debug)]
pub(crate) struct WrittenRule {
    pub(crate) key: Ident,
    pub(crate) what: RuleKind,
}

/// The kind of a rule, with its value.
#[derive(Debug)]
pub(crate) enum RuleKind {
    Bound(Bound, NumberLiteral),
    Count(Count, Size),
    Regex(LitStr),
    Format(Format, LitStr),
    UniqueItems,
    OneOfText(Vec<LitStr>),
    OneOfNumbers(Vec<NumberLiteral>),
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
pub(crate) struct NumberLiteral {
    pub(crate) value: Num,
    pub(crate) span: Span,
    /// The source text, for messages.
    pub(crate) text: String,
}

/// A count: a literal, or a constant of the user's.
#[derive(Debug)]
pub(crate) enum Size {
    Literal(usize, Span),
    Constant(Expr),
}

/// The replacement for an absent value.
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
