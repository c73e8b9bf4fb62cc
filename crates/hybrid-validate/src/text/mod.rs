//! Text to value: how the text of a path segment, a query key, a header, a cookie or a form field becomes a value.
//!
//! [`FromParam`] makes a value of one text, and is what users implement. [`FromTexts`] makes a value of all the
//! texts that came under one name, and so knows what missing, repeated and empty mean: one value refuses a
//! repetition, an `Option` takes absence and emptiness as `None`, a `Vec` takes what came.

use std::borrow::Cow;

use serde_json::Value;

mod error;
pub(crate) mod extra;
mod list;
mod many;
mod numbers;
mod words;

pub use error::ParamError;
pub(crate) use list::elements;
pub use list::split_unquoted;

use crate::report::Report;
use crate::violation::Source;

/// A value that one text can become.
///
/// ```
/// # mod hybrid { pub use hybrid_validate::{FromParam, ParamError}; }
/// use hybrid::{FromParam, ParamError};
///
/// struct Isbn(String);
///
/// impl FromParam for Isbn {
///     fn from_param(text: &str) -> Result<Self, ParamError> {
///         match text.len() {
///             10 | 13 => Ok(Self(text.to_owned())),
///             _ => Err(ParamError::expected("an ISBN")),
///         }
///     }
/// }
/// assert!(Isbn::from_param("12").is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "no text can become a `{Self}`",
    label = "this type cannot be read from a path, query, header, cookie or form field",
    note = "implement `FromParam` for it, or put `#[derive(FromParam)]` on an enum whose variants hold nothing",
    note = "for a whole struct take `Query<T>`, `Path<T>`, `Header<T>`, `Form<T>` or `Json<T>`"
)]
pub trait FromParam: Sized {
    /// Whether an empty text is a value like any other, so that it is not `None` for an `Option`.
    const EMPTY_IS_A_VALUE: bool = false;

    /// Makes the value.
    ///
    /// # Errors
    /// What was expected instead, without the text itself.
    fn from_param(text: &str) -> Result<Self, ParamError>;

    /// The JSON Schema of the text, before any rules. A string unless said otherwise.
    #[must_use]
    fn schema() -> Value {
        serde_json::json!({ "type": "string" })
    }
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Style {
    /// The name once for each element: `ids=1&ids=2`.
    #[default]
    Repeated,
    /// All in one, with commas between: `ids=1,2`. An empty text has no elements. Repeated names are joined.
    /// Headers follow RFC 9110, section 5.6.1: spaces round an element are no part of it, empty elements are
    /// nothing, and a comma in quotes separates nothing. The quotes stay, since some elements need them (`"v1"` is
    /// an entity tag).
    Csv,
}

/// A value that all the texts under one name can become. Implemented for everything that has [`FromParam`], for
/// `Option` and for lists and sets of such.
#[diagnostic::on_unimplemented(
    message = "no text can become a `{Self}`",
    label = "this type cannot be read from a path, query, header, cookie or form field",
    note = "implement `FromParam` for it, or put `#[derive(FromParam)]` on an enum whose variants hold nothing",
    note = "for a whole struct take `Query<T>`, `Path<T>`, `Header<T>`, `Form<T>` or `Json<T>`"
)]
pub trait FromTexts: Sized {
    /// Whether an empty text is a value like any other.
    const EMPTY_IS_A_VALUE: bool;

    /// Whether a request without the name is fine even without a default.
    const MAY_BE_ABSENT: bool = false;

    /// Makes the value from the texts in the order in which they came; none means that the name was absent.
    /// Returns `None` where something was wrong, which then stands in the report.
    fn from_texts(texts: &[Cow<'_, str>], style: Style, report: &mut Report) -> Option<Self>;

    /// Each element of a list or set that can be read, in a value of its own, with its index as sent: the rules about
    /// elements are held against these where one could not be read, or where the whole has another order. Nothing
    /// for anything but a list.
    #[must_use]
    fn parts(texts: &[Cow<'_, str>], style: Style, source: Source) -> Vec<(usize, Self)> {
        let _ = (texts, style, source);
        Vec::new()
    }

    /// The JSON Schema of the value, before any rules.
    #[must_use]
    fn schema() -> Value;
}

impl<T: FromParam> FromTexts for T {
    const EMPTY_IS_A_VALUE: bool = <T as FromParam>::EMPTY_IS_A_VALUE;

    #[inline]
    fn from_texts(texts: &[Cow<'_, str>], _: Style, report: &mut Report) -> Option<Self> {
        match texts {
            [text] => match T::from_param(text) {
                Ok(value) => Some(value),
                Err(error) => error.report(report),
            },
            [] => missing(report),
            _ => duplicate(report),
        }
    }

    fn schema() -> Value {
        <T as FromParam>::schema()
    }
}

/// Reports that a value is needed and absent.
#[cold]
pub(crate) fn missing<T>(report: &mut Report) -> Option<T> {
    report.violate("missing", "is required");
    None
}

#[cold]
fn duplicate<T>(report: &mut Report) -> Option<T> {
    report.violate("duplicate", "appears more than once");
    None
}
