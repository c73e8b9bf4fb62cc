//! The two traits that make a value of text.

use std::borrow::Cow;

use serde_json::Value;

use super::ParamError;
use crate::report::Report;
use crate::violation::Source;

/// A type that one text can become.
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
    /// Whether an empty text is a value, so that an `Option` of it is not `None`.
    const EMPTY_IS_A_VALUE: bool = false;

    /// Makes the value.
    ///
    /// # Errors
    /// The expected form, without the text itself.
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
    /// One text, with commas between the elements: `ids=1,2`. An empty text has no elements. Repeated names are joined.
    /// Headers follow RFC 9110, section 5.6.1: whitespace around an element is removed, empty elements are ignored, and
    /// a comma in quotes does not separate. The quotes are kept, since some elements need them (`"v1"` is an entity
    /// tag).
    Csv,
}

/// A type that all texts under one name can become. Implemented for every type with [`FromParam`], and for `Option`,
/// lists and sets of such types.
#[diagnostic::on_unimplemented(
    message = "no text can become a `{Self}`",
    label = "this type cannot be read from a path, query, header, cookie or form field",
    note = "implement `FromParam` for it, or put `#[derive(FromParam)]` on an enum whose variants hold nothing",
    note = "for a whole struct take `Query<T>`, `Path<T>`, `Header<T>`, `Form<T>` or `Json<T>`"
)]
pub trait FromTexts: Sized {
    /// Whether an empty text is a value.
    const EMPTY_IS_A_VALUE: bool;

    /// Whether a request may leave the name out, even without a default.
    const MAY_BE_ABSENT: bool = false;

    /// Makes the value from the texts in the order sent. No text means that the name was absent. Returns `None` if
    /// there is a violation, which is in the report.
    fn from_texts(texts: &[Cow<'_, str>], style: Style, report: &mut Report) -> Option<Self>;

    /// Each readable element of a list or set, as a value of its own, with its index in the order sent. Rules about
    /// elements are checked on these if one element could not be read, or if the whole value has another order. Empty
    /// for types that are not lists.
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
            [] => {
                report.missing();
                None
            }
            _ => {
                report.duplicate();
                None
            }
        }
    }

    fn schema() -> Value {
        <T as FromParam>::schema()
    }
}
