//! Types that only know serde: read in one go, and of a bad input the first fault, with its place.
//!
//! serde_json's messages repeat what was sent and name Rust types, so that nothing of them may reach a client. A bad
//! input is therefore read once more by formats of our own, whose errors say what was expected (see [`error`]): JSON by
//! that of [`trace`], which lists all faults, and where that has read too much by a plain one. Where a model stands
//! somewhere inside such a type, its own violations come out whole (see [`check`]).
//!
//! [`error`]: super::error

use serde::de::{DeserializeOwned, Deserializer};

use super::error::{ReadError, WRONG_FORM};
use super::spans::Spans;
use super::text_format::Texts;
use super::trace::{self, Node};
use super::{Fields, Input, Json, check, expected, finite, guesses, json};
use crate::{Report, Segment};

/// Builds a value of a type that only knows serde.
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
        Input::Texts(texts) => match guesses::read(|| T::deserialize(Texts(texts))) {
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

/// Builds a value of keys and texts, or of what is left of an object.
fn from_fields<T: DeserializeOwned>(fields: &Fields<'_>) -> Result<T, ReadError> {
    // Fields that a flattened struct has taken are there again for the next reading.
    let taken = fields.marks();
    let read = || {
        fields.reset(&taken);
        T::deserialize(fields)
    };
    guesses::read(read).map_err(|error| found_again(error, fields))
}

/// Builds a value of what is left of an object. An `Option` of which no key was sent is `None`.
fn flattened<T: DeserializeOwned>(fields: &Fields<'_>, report: &mut Report) -> Option<T> {
    let before = fields.taken();
    let mut found = report.aside();
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
        && fields.taken() == before
        && let Some(nothing) = absent::<T>()
    {
        return Some(nothing);
    }
    report.absorb(found);
    value
}

/// The place of a text that serde had put aside, if it is one of these.
pub(super) fn found_again(error: ReadError, fields: &Fields<'_>) -> ReadError {
    let place = error.lost_piece().and_then(|piece| fields.place_of(piece));
    match place {
        Some((key, Some(index))) => error.inside(Segment::Index(index)).inside(key),
        Some((key, None)) => error.inside(key),
        None => error,
    }
}

/// What serde makes of nothing: `None` for an `Option`, a fault for the others.
#[must_use]
pub fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

/// Builds a value through a function of the user's, as `#[serde(with = ..)]` names it. The function is generic over
/// the deserializer, so it is given twice.
pub fn inspect_with<'a, T>(
    input: Input<'a>,
    report: &mut Report,
    from_json: fn(Json<'a>) -> Result<T, ReadError>,
    from_text: fn(Texts<'a>) -> Result<T, ReadError>,
) -> Option<T> {
    check::forget();
    let read = match input {
        Input::Json(json) => from_json(json),
        Input::Texts(texts) => guesses::read(|| from_text(Texts(texts))),
        Input::Pairs(_) | Input::Rest(_) => {
            expected("a single value", report);
            return None;
        }
    };
    read.map_err(|fault| fault.report(report)).ok()
}

/// Reads once more, this time with an eye on where it stops.
#[cold]
pub(super) fn located<T: DeserializeOwned>(text: &str) -> Option<ReadError> {
    check::forget();
    let spans = Spans::of(text);
    T::deserialize(Json::new(text, &spans)).err()
}

/// The same of a piece that serde has refused.
#[cold]
fn refused<T: DeserializeOwned>(json: Json<'_>) -> ReadError {
    check::forget();
    let read = T::deserialize(json).err();
    read.unwrap_or_else(|| ReadError::wrong(WRONG_FORM))
}

/// The deserializer of nothing.
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
