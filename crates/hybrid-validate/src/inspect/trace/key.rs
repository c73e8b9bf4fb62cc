//! A key of an object, read as serde_json reads it.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{self, DeserializeOwned, Deserializer, Error as _, Visitor};

use super::model::ASK;
use super::passes::Stop;
use super::reader::TracedResult;
use crate::inspect::forward::visit_numbers;

/// The characters of a key.
pub(super) struct TracedKey<'de, 'k> {
    pub(super) text: Cow<'de, str>,
    /// Whether it was requested as the name of a field.
    pub(super) names_a_field: &'k Cell<bool>,
}

impl<'de> TracedKey<'de, '_> {
    fn visit<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn parse<'v, T: DeserializeOwned>(&self, visitor: &impl Visitor<'v>) -> Result<T, Stop> {
        match serde_json::from_str(&self.text) {
            Ok(value) if !self.text.starts_with([' ', '\t', '\r', '\n']) => Ok(value),
            _ => Err(Stop::invalid_type(de::Unexpected::Str(""), visitor)),
        }
    }
}

impl<'de> Deserializer<'de> for TracedKey<'de, '_> {
    type Error = Stop;

    visit_numbers! { (self, visitor) => self.parse(&visitor)? }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        self.visit(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        self.names_a_field.set(true);
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> TracedResult<'de, V> {
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
    ) -> TracedResult<'de, V> {
        visitor.visit_enum(de::value::CowStrDeserializer::new(self.text))
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}
