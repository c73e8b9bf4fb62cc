//! A key of an object, read as serde_json reads it.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{self, Deserializer, Error as _, Visitor};

use super::Stop;
use super::model::ASK;

type Read<'de, V> = Result<<V as Visitor<'de>>::Value, Stop>;

/// The characters of a key.
pub(super) struct Key<'de, 'k> {
    pub(super) text: Cow<'de, str>,
    /// Whether it was asked for as the name of a field.
    pub(super) names_a_field: &'k Cell<bool>,
}

impl<'de> Key<'de, '_> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }
}

macro_rules! numeric_keys {
    ($($method:ident $visit:ident $ty:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
            match serde_json::from_str::<$ty>(&self.text) {
                Ok(number) if !self.text.starts_with([' ', '\t', '\r', '\n']) => visitor.$visit(number),
                _ => Err(Stop::invalid_type(de::Unexpected::Str(""), &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de, '_> {
    type Error = Stop;

    numeric_keys! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
        deserialize_bool visit_bool bool;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        self.visit(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        self.names_a_field.set(true);
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Read<'de, V> {
        if name == ASK {
            return self.visit(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V> {
        visitor.visit_enum(de::value::CowStrDeserializer::new(self.text))
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}
