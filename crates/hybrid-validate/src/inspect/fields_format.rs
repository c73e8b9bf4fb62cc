//! The rest of an object as a serde format.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::error::ReadError;
use super::fields::{Entry, EntryValue, Fields};
use super::spelling::names_header;
use super::text_format::Texts;
use crate::Segment;

impl<'de> Deserializer<'de> for &'de Fields<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_map(self.walk(None))
    }

    /// A struct reads its own fields and leaves the others to the next reader.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_map(self.walk(Some(fields)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(de::value::MapAccessDeserializer::new(self.walk(None)))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> Fields<'de> {
    /// The rest, entry by entry. With the field names of a struct, only the entries that the struct knows.
    fn walk(&'de self, fields: Option<&'static [&'static str]>) -> RestAccess<'de> {
        let entries: Vec<_> = self.rest().collect();
        RestAccess {
            entries: entries.into_iter(),
            value: None,
            again: None,
            fields,
            are_headers: self.are_headers,
        }
    }
}

struct RestAccess<'de> {
    entries: std::vec::IntoIter<&'de Entry<'de>>,
    value: Option<&'de Entry<'de>>,
    /// An entry that is read a second time, under the name of a struct's field.
    again: Option<&'de Entry<'de>>,
    fields: Option<&'static [&'static str]>,
    are_headers: bool,
}

impl<'de> RestAccess<'de> {
    /// The name of the struct's field that the entry belongs to.
    fn known_as(&self, entry: &'de Entry<'de>) -> Option<&'de str> {
        let Some(fields) = self.fields else {
            return Some(&entry.key);
        };
        let same = |name: &&&'static str| match self.are_headers {
            true => names_header(name, &entry.key),
            false => **name == entry.key,
        };
        fields.iter().find(same).copied()
    }
}

impl<'de> MapAccess<'de> for RestAccess<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        if let Some(entry) = self.again.take() {
            self.value = Some(entry);
            let name = entry.key.replace('-', "_");
            return seed.deserialize(name.into_deserializer()).map(Some);
        }
        let (entry, name) = loop {
            let Some(entry) = self.entries.next() else {
                return Ok(None);
            };
            if let Some(name) = self.known_as(entry) {
                break (entry, name);
            }
        };
        if self.fields.is_some() {
            entry.used.set(true);
        }
        self.value = Some(entry);
        let asked = Cell::new(false);
        let hides_underscores = self.are_headers && self.fields.is_none();
        let read = seed.deserialize(EntryName {
            name,
            hides_underscores,
            asked: &asked,
        })?;
        let is_hyphened = name.contains('-') && !name.contains('_');
        if asked.get() && hides_underscores && is_hyphened {
            self.again = Some(entry);
        }
        Ok(Some(read))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some(entry) = self.value.take() else {
            return Err(ReadError::wrong("expected a key before its value"));
        };
        let step = || Segment::Key(Cow::Owned(entry.key.clone().into_owned()));
        match &entry.value {
            EntryValue::Json(json) => seed.deserialize(*json),
            EntryValue::Texts(texts) => seed.deserialize(Texts(texts)),
        }
        .map_err(|error| error.inside(step()))
    }
}

/// The name of an entry. It notes whether it was requested as the name of a field: a struct with flattened fields is
/// read as a map, and differs only in this request. Such a struct finds a header only by the name of its field.
struct EntryName<'a, 'de> {
    name: &'de str,
    /// A sent name with an underscore is not the name of a field.
    hides_underscores: bool,
    asked: &'a Cell<bool>,
}

impl<'de> Deserializer<'de> for EntryName<'_, 'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        de::value::BorrowedStrDeserializer::new(self.name).deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.asked.set(true);
        if self.hides_underscores && self.name.contains('_') {
            // Header names ignore case, field names do not.
            return visitor.visit_string(self.name.to_ascii_uppercase());
        }
        visitor.visit_borrowed_str(self.name)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        de::value::BorrowedStrDeserializer::new(self.name).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct ignored_any
    }
}
