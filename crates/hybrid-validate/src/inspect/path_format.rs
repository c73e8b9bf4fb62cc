//! The values of a path as a serde format: one value, a tuple in the order of the template, a struct or a map by name.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::error::ReadError;
use super::fields::Fields;
use super::pairs::Pairs;
use super::text_format::Texts;
use crate::Segment;

/// All values of a path. `fields` has the same values by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) pairs: &'a Pairs<'a>,
    pub(super) fields: &'a Fields<'a>,
}

impl<'a> Values<'a> {
    /// Reads the only value. A fault is reported at its name.
    fn only<T>(self, read: impl FnOnce(Texts<'a>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        match self.pairs {
            [(name, text)] => read(Texts(std::slice::from_ref(text)))
                .map_err(|error| error.inside(Segment::from(name.clone().into_owned()))),
            pairs => Err(ReadError::wrong(format!(
                "expected one value, the path has {}",
                pairs.len()
            ))),
        }
    }
}

macro_rules! only {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.only(|text| text.$method(visitor))
        })*
    };
}

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = ReadError;

    only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_identifier
    }

    /// The value, if there is only one. An enum with a tag is read by name.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.pairs {
            [_] => self.only(|text| text.deserialize_any(visitor)),
            _ => self.fields.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(InOrder(self.pairs))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        wanted: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let found = self.pairs.len();
        if wanted != found {
            return Err(ReadError::wrong(format!(
                "expected {wanted} values, the path has {found}"
            )));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        wanted: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_tuple(wanted, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.fields.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.fields.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.only(|text| text.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { unit_struct ignored_any }
}

/// The values one by one. A refused value is reported at its name.
struct InOrder<'a>(&'a Pairs<'a>);

impl<'de> SeqAccess<'de> for InOrder<'de> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let Some(((name, text), rest)) = self.0.split_first() else {
            return Ok(None);
        };
        self.0 = rest;
        seed.deserialize(Texts(std::slice::from_ref(text)))
            .map(Some)
            .map_err(|error| error.inside(Segment::from(name.clone().into_owned())))
    }
}
