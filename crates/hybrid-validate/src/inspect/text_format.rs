//! Text as a serde format, for types that only know serde: what a query or a form says, by key.
//!
//! Scalars are parsed as [`FromParam`] parses them, so that `yes` is a boolean here too.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};

use super::error::ReadError;
use super::guesses::{self, Scalar};
use crate::{FromParam, Segment};

/// The texts of one key, as a serde deserializer.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a>(pub &'a [Cow<'a, str>]);

impl<'a> Texts<'a> {
    fn one(self) -> Result<&'a str, ReadError> {
        match self.0 {
            [only] => Ok(only),
            [] => Err(ReadError::wrong("is required")),
            _ => Err(ReadError::duplicate()),
        }
    }

    fn parse<T: FromParam>(self) -> Result<T, ReadError> {
        T::from_param(self.one()?).map_err(|error| ReadError::wrong(error.to_string()))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            visitor.$visit(self.parse()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Texts<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            [only] if !guesses::of(only).list => any(only, visitor),
            _ => self.deserialize_seq(visitor),
        }
    }

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
        deserialize_char visit_char
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let made = visitor.visit_borrowed_str(self.one()?);
        made.map_err(ReadError::making::<V::Value>)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let made = visitor.visit_borrowed_str(self.one()?);
        made.map_err(ReadError::making::<V::Value>)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(self.one()?)
    }

    /// An empty text is nothing, unless text is what stands behind the `Option`. That shows when it is read.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            [] => visitor.visit_none(),
            [only] if only.is_empty() => {
                if guesses::of(only).scalar == Some(Scalar::Nothing) {
                    return visitor.visit_none();
                }
                visitor
                    .visit_some(self)
                    .inspect_err(|_| guesses::nothing(only))
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(Items {
            texts: self.0,
            next: 0,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if self.0.len() != count {
            return Err(ReadError::wrong(format!("expected {count} values")));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.one()?.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple_struct map struct
    }
}

/// A text for which nobody says what is wanted: a string, or what was learned of it.
fn any<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, ReadError> {
    match guesses::of(text).scalar {
        None => visitor.visit_borrowed_str(text),
        Some(Scalar::Nothing) => visitor.visit_unit(),
        Some(Scalar::Unsigned(value)) => visitor.visit_u64(value),
        Some(Scalar::Signed(value)) => visitor.visit_i64(value),
        Some(Scalar::Float(value)) => visitor.visit_f64(value),
        Some(Scalar::Bool(value)) => visitor.visit_bool(value),
    }
}

/// The texts one by one, each with its index where it is refused.
struct Items<'a> {
    texts: &'a [Cow<'a, str>],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let index = self.next;
        let Some(text) = self.texts.get(index) else {
            return Ok(None);
        };
        self.next += 1;
        seed.deserialize(Item(text))
            .map(Some)
            .map_err(|error| error.inside(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.texts.len() - self.next)
    }
}

/// One text of several: as [`Texts`], but that it is no list again.
struct Item<'a>(&'a Cow<'a, str>);

macro_rules! through {
    ($($method:ident($($name:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $ty,)* visitor: V) -> Result<V::Value, ReadError> {
            Texts(std::slice::from_ref(self.0)).$method($($name,)* visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Item<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        any(self.0, visitor)
    }

    through! {
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
        deserialize_identifier();
        deserialize_option();
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(count: usize);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_ignored_any();
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple_struct map struct
    }
}
