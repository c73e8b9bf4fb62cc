//! What a value is built from, and the trait of the types that are built.

use std::borrow::Cow;

use super::{Fields, Json, Survey};
use crate::report::Report;
use crate::violation::{Segment, Source};

/// What a value is built from.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A piece of JSON, not yet opened.
    Json(Json<'a>),
    /// The texts that were sent for one key, in order.
    Texts(&'a [Cow<'a, str>]),
    /// Keys and texts: a whole query, form, path or head.
    Pairs(&'a [(Cow<'a, str>, Cow<'a, str>)]),
    /// The rest of an object that other fields have read from: for flattened fields and the content of internally
    /// tagged enums.
    Rest(&'a Fields<'a>),
}

/// The receiver of the elements from [`Inspect::parts`].
pub type Take<'a, T> = dyn FnMut(Vec<Segment>, T) + 'a;

/// Builds a value from an input and reports every violation in it, rather than the first.
///
/// `#[model]` implements it. Implement it yourself only for a serde type that should report more than one fault.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model",
    label = "not a `#[model]`",
    note = "write `#[model]` above the type"
)]
pub trait Inspect: Sized {
    /// Returns the value if it could be built, and reports everything that is wrong with it.
    ///
    /// `Some` means that the types are right. Rules may be broken: a caller that needs a verdict compares the length of
    /// the report. So the rules of a list are checked even if one of its items breaks a rule.
    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self>;

    /// Passes each readable element to `take`, as a value of its own, with its place in the input (innermost step
    /// first). Rules about elements are checked on these if the whole value has lost an element or the order sent. A
    /// type without elements is its own only element.
    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        if let Some(value) = Self::inspect(input, &mut Report::first_only(source)) {
            take(Vec::new(), value);
        }
    }

    /// The value for a missing input: `None` for an `Option`, nothing for most types.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// Whether an empty text is a value of this type, so that an `Option` of it is not `None`.
    const KEEPS_EMPTY: bool = false;

    /// Whether it contains no model, so that it may be read again to check its elements.
    const IS_LEAF: bool = false;

    /// Checks the rules themselves, of this type and of the types inside it. Runs once, when the program starts.
    fn survey(survey: &mut Survey) {
        // A number, a text or a date has no rules of its own.
        let _ = survey;
    }

    /// Checks the rules of an existing value, and of all values inside it.
    fn check_deep(&self, report: &mut Report) {
        // A number, a text or a date contains no other value.
        let _ = report;
    }
}
