//! Text to value: how the text of a path segment, a query key, a header, a cookie or a form field becomes a value.
//!
//! [`FromParam`] makes a value of one text. Users implement it. [`FromTexts`] makes a value of all texts under one
//! name, so it decides about missing, repeated and empty values: one value refuses a repetition, an `Option` is `None`
//! if the value is absent or empty, a `Vec` takes every text.

mod convert;
mod error;
pub(crate) mod extra;
mod list;
mod many;
mod numbers;
mod words;

pub use convert::{FromParam, FromTexts, Style};
pub use error::ParamError;
pub(crate) use list::elements;
pub use list::split_unquoted;
