//! The rules of one value, shared by `#[query(ge = 1, le = 100)]` and `#[field(ge = 1, le = 100)]`.
//!
//! `parse` reads the words of an attribute. `check` compares literals with each other and with the spelled type.
//! `expand` generates the builder calls of a `Param`. Parameters and model fields share all three, so a rule means the
//! same for both.

mod check;
mod contradict;
mod defaults;
mod expand;
mod parse;
mod search;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use expand::{Expanded, default_value};
pub(crate) use words::{
    Bound, Count, DefaultValue, NumberLiteral, RuleKind, Rules, Size, WORDS, WrittenRule,
};
