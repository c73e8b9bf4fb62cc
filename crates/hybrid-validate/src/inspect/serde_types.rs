//! Types that implement only serde's traits. They are read in one pass. For a bad input, serde reports the first fault.
//!
//! serde_json's messages repeat the input and name Rust types, so they must not reach a client. A bad input is
//! therefore read again by formats of this crate, whose errors say what was expected (see [`error`]). JSON is read by
//! [`trace`], which lists all faults. If its budget is spent, a plain format finds the first fault. A model inside such
//! a type reports all its violations (see [`check`]).
//!
//! [`error`]: super::error

use serde::de::{DeserializeOwned, Deserializer};

use super::error::{ReadError, WRONG_FORM};
use super::spans::Spans;
use super::text_format::Texts;
use super::trace::{self, Node};
use super::{Fields, Input, Json, buffered_texts, check, finite, json};
use crate::{Report, Segment};

/// Builds a value of a serde type.
pub fn inspect<T: DeserializeOwned>(input: Input<'_>, report: &mut Report) -> Option<T> {
    check::forget();
    let fault = match input {
        Input::Json(json) => match finite::from_str::<T>(json.text()) {
            Ok(value) => return Some(value),
            Err(error) if json::is_too_deep(&error) => {
                report.refuse_depth();
                return None;
            }
            Err(_) => match trace::inspect(Node::Piece(json), report) {
                Ok(value) => return value,
                Err(trace::Exhausted) => refused::<T>(json),
            },
        },
        Input::Texts(texts) => match buffered_texts::read(|| T::deserialize(Texts(texts))) {
            Ok(value) => return Some(value),
            Err(error) => error,
        },
        Input::Pairs(_) => match from_fields(&Fields::open(input, report)?) {
            Ok(value) => return Some(value),
            Err(error) => error,
        },
        Input::Rest(_) => {
            let fields = Fields::open(input, report)?;
            return flattened(&fields, report);
        }
    };
    fault.report(report);
    None
}

/// Builds a value from keys and texts, or from the rest of an object.
fn from_fields<T: DeserializeOwned>(fields: &Fields<'_>) -> Result<T, ReadError> {
    // The next reading must find the entries that a flattened struct has read.
    let taken = fields.marks();
    let read = || {
        fields.reset(&taken);
        T::deserialize(fields)
    };
    buffered_texts::read(read).map_err(|error| found_again(error, fields))
}

/// Builds a value from the rest of an object. An `Option` without a sent key is `None`.
fn flattened<T: DeserializeOwned>(fields: &Fields<'_>, report: &mut Report) -> Option<T> {
    let before = fields.read_count();
    let mut found = report.sub_report();
    let traced = fields
        .json_rest()
        .and_then(|rest| trace::inspect(Node::Rest(&rest), &mut found).ok());
    let value = traced.unwrap_or_else(|| match from_fields(fields) {
        Ok(value) => Some(value),
        Err(error) => {
            error.report(&mut found);
            None
        }
    });
    if found.found() > 0
        && fields.read_count() == before
        && let Some(nothing) = absent::<T>()
    {
        return Some(nothing);
    }
    report.absorb(found);
    value
}

/// The place of a text that serde had buffered.
pub(super) fn found_again(error: ReadError, fields: &Fields<'_>) -> ReadError {
    let place = error.lost_piece().and_then(|piece| fields.place_of(piece));
    match place {
        Some((key, Some(index))) => error.inside(Segment::Index(index)).inside(key),
        Some((key, None)) => error.inside(key),
        None => error,
    }
}

/// The value for a missing input: `None` for an `Option`, a fault for other types.
#[must_use]
pub fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

/// Builds a value by a user's function, as in `#[serde(with = ..)]`. The function is generic over the deserializer, so
/// it is passed twice.
pub fn inspect_with<'a, T>(
    input: Input<'a>,
    report: &mut Report,
    from_json: fn(Json<'a>) -> Result<T, ReadError>,
    from_text: fn(Texts<'a>) -> Result<T, ReadError>,
) -> Option<T> {
    check::forget();
    let read = match input {
        Input::Json(json) => from_json(json),
        Input::Texts(texts) => buffered_texts::read(|| from_text(Texts(texts))),
        Input::Pairs(_) | Input::Rest(_) => {
            report.expected("a single value");
            return None;
        }
    };
    read.map_err(|fault| fault.report(report)).ok()
}

/// Reads again and notes the place of the fault.
#[cold]
pub(super) fn located<T: DeserializeOwned>(text: &str) -> Option<ReadError> {
    check::forget();
    let spans = Spans::of(text);
    T::deserialize(Json::new(text, &spans)).err()
}

/// The same for a piece of JSON that serde has refused.
#[cold]
fn refused<T: DeserializeOwned>(json: Json<'_>) -> ReadError {
    check::forget();
    let read = T::deserialize(json).err();
    read.unwrap_or_else(|| ReadError::wrong(WRONG_FORM))
}

/// The deserializer of a missing value.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = ReadError;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::wrong("is required"))
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: serde::de::Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == crate::patch::NAME {
            visitor.visit_none()
        } else {
            self.deserialize_any(visitor)
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
