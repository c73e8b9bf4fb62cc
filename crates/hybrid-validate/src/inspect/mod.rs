//! Builds a value from an input and reports every violation in it, rather than the first.
//!
//! serde stops at the first fault. That is right for a good body, which costs one pass, and wrong for a bad one,
//! whose sender wants to know all that is wrong. So a bad body is read a second time:
//!
//! ```text
//! bytes ─serde→ value                                            (good: nothing here runs)
//! bytes ─serde→ fault ─RawValue→ Input ─Inspect→ violations       (bad: every fault, with its place)
//! pairs of text ───────────────────→ Input ─Inspect→ value        (query, form, headers, path: one pass)
//! ```
//!
//! The second pass goes level by level over the raw text, never through `serde_json::Value`, which drops duplicate
//! keys and bends large integers. The order of violations is that of the declared fields, then unknown keys, then
//! the entries of maps as they were sent.
//!
//! [`Inspect`] is implemented here for what the standard library has and by `#[model]` for users' types. Types that
//! only know serde are read by serde (module [`foreign`]); of texts that finds their first fault, of JSON all faults of
//! the models inside (module `trace`). The second pass has the last word: what it reads without a fault is taken. This
//! module knows nothing of requests: who reads which source into which type is the caller's business.

pub mod check;
pub mod fields;
pub mod foreign;
pub mod formal;
pub mod json;
pub mod pairs;
#[doc(hidden)]
pub mod private;
pub mod probe;
pub mod shape;
pub mod strict;
pub mod survey;
pub mod variants;

mod containers;
mod elements;
mod error;
mod finite;
mod guesses;
mod json_format;
mod leaf;
mod optional;
mod path_format;
mod spans;
mod text_format;
mod trace;

use std::borrow::Cow;

pub use check::{Check, Inside, Refusal};
pub use elements::Elements;
pub use error::ReadError;
pub use fields::Fields;
pub use json::{Json, NotJson, read_json, read_json_plain, read_json_validator};
pub use pairs::{
    read_pairs, read_pairs_plain, read_pairs_validator, read_path_plain, read_path_validator,
};
pub use survey::Survey;
pub use text_format::Texts;

use crate::{Report, Segment, Source};

/// What a value is built from.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A piece of JSON, not yet looked into.
    Json(Json<'a>),
    /// The texts that were sent for one key, in order.
    Texts(&'a [Cow<'a, str>]),
    /// Keys and texts: a whole query, form, path or head.
    Pairs(&'a [(Cow<'a, str>, Cow<'a, str>)]),
    /// An object that is already open, and what its other readers have left of it: for flattened fields and the
    /// content of internally tagged enums.
    Rest(&'a Fields<'a>),
}

/// Who takes the elements that [`Inspect::parts`] gives.
pub type Take<'a, T> = dyn FnMut(Vec<Segment>, T) + 'a;

/// Builds a value from an input and reports every violation in it, rather than the first.
///
/// `#[model]` implements it. By hand it is needed only for a type that serde reads and that should find more than
/// one fault in itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model",
    label = "not a `#[model]`",
    note = "write `#[model]` above the type"
)]
pub trait Inspect: Sized {
    /// The value, as far as it could be built, and in `report` everything that is wrong with it.
    ///
    /// `Some` says that the types are right; rules may be broken all the same. Whoever wants a verdict asks whether
    /// the report has grown. So the rules of a list are checked even where an item of it breaks one of its own.
    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self>;

    /// Gives `take` each element that can be read, in a value of its own, with its place inside what was sent,
    /// innermost step first: the rules about elements are held against these where the whole has lost an element, or
    /// the order in which they came. A type without elements is one element.
    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        if let Some(value) = Self::inspect(input, &mut Report::first_only(source)) {
            take(Vec::new(), value);
        }
    }

    /// What stands for a value that was not sent: `None` for an `Option`, nothing for most types.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// Whether an empty text is a value of this type, so that `Option` must not take it for nothing.
    const KEEPS_EMPTY: bool = false;

    /// Whether no model stands in it, so that it may be read again for a check of its elements.
    const IS_LEAF: bool = false;

    /// Looks once, at the start of a program, at what is wrong with the rules themselves, of this type and of those
    /// inside it.
    fn survey(survey: &mut Survey) {
        // A number, a text, a date: nothing to look at.
        let _ = survey;
    }

    /// Checks the rules of a value that exists, and of all values inside it.
    fn check_deep(&self, report: &mut Report) {
        // A number, a text, a date: nothing inside.
        let _ = report;
    }
}

/// Reports that nothing was sent where something must be.
#[cold]
pub(crate) fn missing(report: &mut Report) {
    report.violate("missing", "is required");
}

/// Reports that the input is of another shape.
#[cold]
pub(crate) fn expected(what: &str, report: &mut Report) {
    if report.leaves_out() {
        return;
    }
    report.violate("type", format!("expected {what}"));
}

/// Reports that one value was sent more than once.
#[cold]
pub(crate) fn duplicate(report: &mut Report) {
    report.violate("duplicate", "appears more than once");
}
