//! A type that is flattened into an `Option`.
//!
//! serde returns `None` if it cannot read the type, and drops a faulty value silently. Here the result is `None` only
//! if the client sent none of the type's keys.

use std::cell::Cell;
use std::fmt::{self, Write};

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, Visitor};

use super::forward::forward;

/// Reads the rest of an object into an `Option`. `#[model]` names it on a flattened field.
///
/// # Errors
///
/// Those of `T`, if one of its keys was sent.
pub fn flat_option<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let sent = Cell::new(false);
    match T::deserialize(NoteKeys { from, sent: &sent }) {
        Ok(value) => Ok(Some(value)),
        Err(error) if sent.get() => Err(error),
        Err(_) => Ok(None),
    }
}

/// A wrapped deserializer, visitor or access that notes whether a key was sent.
struct NoteKeys<'s, T> {
    from: T,
    sent: &'s Cell<bool>,
}

/// What a visitor expects, as a text.
struct Expected<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> fmt::Display for Expected<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

/// Whether the visitor's expectation starts with `words`.
fn begins<'de, V: Visitor<'de>>(visitor: &V, words: &str) -> bool {
    let mut said = String::new();
    write!(said, "{}", Expected(visitor)).is_ok() && said.starts_with(words)
}

/// Whether an error says that a field is missing, in serde's words or in those of this crate.
fn is_missing(error: &str) -> bool {
    error.starts_with("missing field") || error == "is required"
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for NoteKeys<'_, D> {
    type Error = D::Error;

    forward! {
        (self, visitor) => self.from, visitor;
        scalars deserialize_f32 deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_unit_struct deserialize_seq deserialize_tuple deserialize_tuple_struct deserialize_identifier
        deserialize_ignored_any
    }

    forward! {
        (self, visitor) => self.from, NoteKeys { from: visitor, sent: self.sent };
        deserialize_newtype_struct deserialize_struct deserialize_enum
    }

    /// An internally tagged enum has the tag as its key. An untagged enum has no key.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        if begins(&visitor, "any value") {
            return self.from.deserialize_any(visitor);
        }
        let sent = self.sent;
        let value = self.from.deserialize_any(visitor);
        match &value {
            Ok(_) => sent.set(true),
            Err(error) => sent.set(!is_missing(&error.to_string())),
        }
        value
    }

    /// A struct with a flattened field is requested as a map. Its own keys are unknown, so any key may be its own. A
    /// map has no keys of its own.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        if begins(&visitor, "struct ") {
            return self.from.deserialize_map(NoteKeys {
                from: visitor,
                sent,
            });
        }
        self.from.deserialize_map(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.from.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for NoteKeys<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.expecting(f)
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.from.visit_unit()
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        self.from
            .visit_newtype_struct(NoteKeys { from: inner, sent })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let sent = self.sent;
        self.from.visit_map(NoteKeys { from: map, sent })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.sent.set(true);
        self.from.visit_enum(access)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for NoteKeys<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let key = self.from.next_key_seed(seed);
        if !matches!(key, Ok(None)) {
            self.sent.set(true);
        }
        key
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.from.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.from.size_hint()
    }
}
