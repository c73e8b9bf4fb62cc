//! JSON as a serde format for the second pass. It makes the same values as serde_json. Its errors have the place and
//! the reason, which serde_json's errors have only as a text.

use std::borrow::Cow;
use std::vec::IntoIter;

use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::error::ReadError;
use super::forward::visit_numbers;
use super::json::{Json, JsonKind};
use crate::{FromParam, Report, Segment, Source};

/// The name that serde_json uses to request the text of a value.
const RAW: &str = "$serde_json::private::RawValue";

impl<'a> Json<'a> {
    fn list(self) -> Result<Vec<Self>, ReadError> {
        let mut report = Report::first_only(Source::Body);
        self.elements(&mut report)
            .ok_or_else(|| refused(report, "expected an array"))
    }

    fn object(self) -> Result<Vec<(Cow<'a, str>, Self)>, ReadError> {
        let mut report = Report::first_only(Source::Body);
        self.entries(&mut report)
            .ok_or_else(|| refused(report, "expected an object"))
    }
}

/// The piece could not be opened: it is of another kind, too deep, or its keys are not Unicode.
fn refused(report: Report, otherwise: &'static str) -> ReadError {
    if report.is_too_deep() {
        return ReadError::too_deep();
    }
    match report.into_violations().pop() {
        Some(found) => ReadError::wrong(found.message),
        None => ReadError::wrong(otherwise),
    }
}

impl<'de> Deserializer<'de> for Json<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.kind() {
            JsonKind::Null => visitor.visit_unit(),
            JsonKind::Bool => visitor.visit_bool(self.text() == "true"),
            JsonKind::Number => number(self.text(), visitor),
            JsonKind::String => match self.string() {
                Some(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
                Some(Cow::Owned(text)) => visitor.visit_string(text),
                None => Err(ReadError::wrong("expected a string of Unicode characters")),
            }
            .map_err(ReadError::making::<V::Value>),
            JsonKind::Array => visit_list(self, None, visitor),
            JsonKind::Object => visitor.visit_map(EntryAccess {
                entries: self.object()?.into_iter(),
                value: None,
            }),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.text().parse() {
            Ok(value) => visitor.visit_u128(value),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.text().parse() {
            Ok(value) => visitor.visit_i128(value),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    /// serde would make infinity of a number beyond the range of `f32`.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.kind() == JsonKind::Number
            && let Err(error) = f32::from_param(self.text())
        {
            return Err(ReadError::wrong(error.to_string()));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.kind() {
            JsonKind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == RAW {
            let read = |raw: &'de serde_json::value::RawValue| {
                raw.deserialize_newtype_struct(name, visitor)
            };
            return self.raw().and_then(read).map_err(serde::de::Error::custom);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.kind() {
            JsonKind::Array => visit_list(self, Some(count), visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.kind() {
            JsonKind::String => match self.string() {
                Some(text) => visitor.visit_enum(CowStrDeserializer::new(text)),
                None => self.deserialize_any(visitor),
            },
            JsonKind::Object => match <[_; 1]>::try_from(self.object()?) {
                Ok([(name, content)]) => visitor.visit_enum(SingleKey { name, content }),
                Err(_) => Err(ReadError::wrong("expected an object with one key")),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f64 char str string bytes byte_buf unit unit_struct seq map struct
        identifier
    }
}

/// A number as in serde_json: an integer if it fits into 64 bits, else a float. Minus zero is a float.
fn number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, ReadError> {
    if let Ok(value) = text.parse() {
        return visitor.visit_u64(value);
    }
    match (text.parse(), text.parse::<f64>()) {
        (Ok(value), _) if text != "-0" => visitor.visit_i64(value),
        (_, Ok(value)) if value.is_finite() => visitor.visit_f64(value),
        _ => Err(ReadError::wrong("expected a finite number")),
    }
}

fn visit_list<'de, V: Visitor<'de>>(
    json: Json<'de>,
    count: Option<usize>,
    visitor: V,
) -> Result<V::Value, ReadError> {
    let elements = json.list()?;
    let found = elements.len();
    if let Some(count) = count.filter(|count| *count < found) {
        return Err(ReadError::wrong(format!(
            "expected an array of {count} element{}",
            if count == 1 { "" } else { "s" }
        )));
    }
    visitor.visit_seq(ElementAccess(elements.into_iter().enumerate()))
}

struct ElementAccess<'a>(std::iter::Enumerate<IntoIter<Json<'a>>>);

impl<'de> SeqAccess<'de> for ElementAccess<'de> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let Some((index, json)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(json)
            .map(Some)
            .map_err(|error| error.inside(Segment::Index(index)))
    }
}

struct EntryAccess<'a> {
    entries: IntoIter<(Cow<'a, str>, Json<'a>)>,
    value: Option<(Cow<'a, str>, Json<'a>)>,
}

impl<'de> MapAccess<'de> for EntryAccess<'de> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let Some((name, json)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((name.clone(), json));
        let step = || Segment::from(name.clone().into_owned());
        seed.deserialize(KeyText(name.clone()))
            .map(Some)
            .map_err(|error| error.of_key_here().inside(step()))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((name, json)) = self.value.take() else {
            return Err(ReadError::wrong("expected a key before its value"));
        };
        seed.deserialize(json)
            .map_err(|error| error.inside(Segment::from(name.into_owned())))
    }
}

/// The key of an entry: a text, or a value that is parsed from it.
pub(super) struct KeyText<'a>(pub(super) Cow<'a, str>);

impl KeyText<'_> {
    fn parse<T: FromParam>(&self) -> Result<T, ReadError> {
        T::from_param(&self.0).map_err(|error| ReadError::wrong(error.to_string()))
    }
}

impl<'de> Deserializer<'de> for KeyText<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Cow::Borrowed(text) => BorrowedStrDeserializer::new(text).deserialize_any(visitor),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    visit_numbers! { (self, visitor) => self.parse()? }

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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(CowStrDeserializer::new(self.0))
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// `{"name": content}`.
struct SingleKey<'a> {
    name: Cow<'a, str>,
    content: Json<'a>,
}

impl<'de> EnumAccess<'de> for SingleKey<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let name: CowStrDeserializer<'_, ReadError> = self.name.clone().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> SingleKey<'de> {
    fn inside<T>(
        self,
        read: impl FnOnce(Json<'de>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let name = self.name;
        read(self.content).map_err(|error| error.inside(Segment::from(name.into_owned())))
    }
}

impl<'de> VariantAccess<'de> for SingleKey<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        self.inside(serde::Deserialize::deserialize)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ReadError> {
        self.inside(|content| seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.inside(|content| content.deserialize_tuple(count, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.inside(|content| content.deserialize_any(visitor))
    }
}
