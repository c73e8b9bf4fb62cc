//! Types that only know serde: read in one go, and of a bad input the first fault, with its place.
//!
//! serde_json's messages repeat what was sent and name Rust types, so that nothing of them may reach a client. A bad
//! input is therefore read once more by a format of our own, whose errors say what was expected (see [`error`]). Where a
//! model stands somewhere inside such a type, its own violations come out whole (see [`check`]).
//!
//! [`error`]: super::error

use serde::de::{DeserializeOwned, Deserializer};

use super::error::ReadError;
use super::spans::Spans;
use super::text_format::Texts;
use super::{Fields, Input, Json, check, expected, guesses, json};
use crate::{Report, Segment};

/// Builds a value of a type that only knows serde.
pub fn inspect<T: DeserializeOwned>(input: Input<'_>, report: &mut Report) -> Option<T> {
    check::forget();
    let fault = match input {
        Input::Json(json) => match serde_json::from_str::<T>(json.text()) {
            Ok(value) => return Some(value),
            Err(error) if json::is_too_deep(&error) => {
                json::refuse_depth(report);
                return None;
            }
            Err(_) => T::deserialize(json).err()?,
        },
        Input::Texts(texts) => match guesses::read(|| T::deserialize(Texts(texts))) {
            Ok(value) => return Some(value),
            Err(error) => error,
        },
        Input::Pairs(_) | Input::Rest(_) => {
            let fields = Fields::open(input, report)?;
            // Fields that a flattened struct has taken are there again for the next reading.
            let taken = fields.marks();
            let read = || {
                fields.reset(&taken);
                T::deserialize(&fields)
            };
            match guesses::read(read) {
                Ok(value) => return Some(value),
                Err(error) => found_again(error, &fields),
            }
        }
    };
    fault.report(report);
    None
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
