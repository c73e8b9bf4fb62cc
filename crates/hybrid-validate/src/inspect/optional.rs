//! A type that is flattened into an `Option`.
//!
//! serde takes `None` for whatever it cannot read there, so that a value with a fault is dropped without a word. Here
//! only that is `None` of which no key was sent.

use std::cell::Cell;
use std::fmt::{self, Write};

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, Visitor};

/// Reads what serde has left of an object into an `Option`. Named by `#[model]` on a flattened field.
///
/// # Errors
///
/// Those of `T`, where a key of it was sent.
pub fn flat_option<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let sent = Cell::new(false);
    match T::deserialize(Peek { from, sent: &sent }) {
        Ok(value) => Ok(Some(value)),
        Err(error) if sent.get() => Err(error),
        Err(_) => Ok(None),
    }
}

/// A deserializer, or what it hands on, that notes whether a key was sent.
struct Peek<'s, T> {
    from: T,
    sent: &'s Cell<bool>,
}

/// What a visitor says that it expects.
struct Said<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> fmt::Display for Said<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

/// Whether a text is written that begins so.
fn begins<'de, V: Visitor<'de>>(visitor: &V, words: &str) -> bool {
    let mut said = String::new();
    write!(said, "{}", Said(visitor)).is_ok() && said.starts_with(words)
}

/// Whether an error says, in serde's words or in ours, that a field was not sent.
fn is_missing(error: &str) -> bool {
    error.starts_with("missing field") || error == "is required"
}

macro_rules! forward {
    ($($method:ident($($name:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            self.from.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Peek<'_, D> {
    type Error = D::Error;

    forward! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    /// Of an internally tagged enum, the tag is the key. One without a tag has none.
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

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        self.from.deserialize_newtype_struct(
            name,
            Peek {
                from: visitor,
                sent,
            },
        )
    }

    /// A struct with a flattened part of its own is asked as a map; which keys are its own cannot be seen, so that
    /// any may be. A map has no keys of its own.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        if begins(&visitor, "struct ") {
            return self.from.deserialize_map(Peek {
                from: visitor,
                sent,
            });
        }
        self.from.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        let visitor = Peek {
            from: visitor,
            sent,
        };
        self.from.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        let visitor = Peek {
            from: visitor,
            sent,
        };
        self.from.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.from.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Peek<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.expecting(f)
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.from.visit_unit()
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let sent = self.sent;
        self.from.visit_newtype_struct(Peek { from: inner, sent })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let sent = self.sent;
        self.from.visit_map(Peek { from: map, sent })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.sent.set(true);
        self.from.visit_enum(access)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Peek<'_, A> {
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
