//! Text as a serde format, for serde types: the keys and texts of a query or a form.
//!
//! Scalars are parsed as [`FromParam`] parses them, so that `yes` is a boolean here too.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};

use super::buffered_texts::{self, Scalar};
use super::error::ReadError;
use super::forward::{forward, visit_numbers};
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

impl<'de> Deserializer<'de> for Texts<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            [only] if !buffered_texts::of(only).list => any(only, visitor),
            _ => self.deserialize_seq(visitor),
        }
    }

    visit_numbers! { (self, visitor) => self.parse()? }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_char(self.parse()?)
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

    /// An empty text is `None`, unless the `Option` holds a text. That shows when it is read.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            [] => visitor.visit_none(),
            [only] if only.is_empty() => {
                if buffered_texts::of(only).scalar == Some(Scalar::Nothing) {
                    return visitor.visit_none();
                }
                visitor
                    .visit_some(self)
                    .inspect_err(|_| buffered_texts::nothing(only))
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
        visitor.visit_seq(TextAccess {
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

/// A text whose expected type is unknown: a string, or the type that an earlier reading found.
fn any<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, ReadError> {
    match buffered_texts::of(text).scalar {
        None => visitor.visit_borrowed_str(text),
        Some(Scalar::Nothing) => visitor.visit_unit(),
        Some(Scalar::Unsigned(value)) => visitor.visit_u64(value),
        Some(Scalar::Signed(value)) => visitor.visit_i64(value),
        Some(Scalar::Float(value)) => visitor.visit_f64(value),
        Some(Scalar::Bool(value)) => visitor.visit_bool(value),
    }
}

/// The texts one by one. A refused text is reported at its index.
struct TextAccess<'a> {
    texts: &'a [Cow<'a, str>],
    next: usize,
}

impl<'de> SeqAccess<'de> for TextAccess<'de> {
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
        seed.deserialize(ListedText(text))
            .map(Some)
            .map_err(|error| error.inside(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.texts.len() - self.next)
    }
}

/// One text of several: like [`Texts`], but not a list.
struct ListedText<'a>(&'a Cow<'a, str>);

impl<'de> Deserializer<'de> for ListedText<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        any(self.0, visitor)
    }

    forward! {
        (self, visitor) => Texts(std::slice::from_ref(self.0)), visitor;
        scalars deserialize_f32 deserialize_identifier deserialize_option deserialize_newtype_struct
        deserialize_seq deserialize_tuple deserialize_enum deserialize_ignored_any
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple_struct map struct
    }
}
