//! `Path<T>` by serde: one value, a tuple in the order of the template, a struct
//! or a map by name. Values are text; each becomes what the type asks for.

use hybrid_validate::{FromParam, Report, Source};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Visitor, value::Error,
};

use crate::head::Head;

/// Reads all values of the path as one `T`; a fault is reported where it is.
pub(crate) fn read<T: DeserializeOwned>(head: &Head, report: &mut Report) -> Option<T> {
    report.set_source(Source::Path);
    let values: Vec<_> = head.path_values().collect();
    let mut names = values.iter().map(|(name, _)| *name);
    let fault = match serde_path_to_error::deserialize(All { values: &values }) {
        Ok(value) => return Some(value),
        Err(fault) => fault,
    };
    // A struct is located by key, a tuple by index, one value by its only name.
    let name = match fault.path().iter().next() {
        Some(serde_path_to_error::Segment::Map { key }) => Some(key.clone()),
        Some(serde_path_to_error::Segment::Seq { index }) => names.nth(*index).map(str::to_owned),
        _ => names.next().map(str::to_owned),
    };
    let message = without_value(&fault.into_inner().to_string());
    match name {
        Some(name) => report.at_key(name, |report| report.violate("type", message)),
        None => report.violate("type", message),
    }
    None
}

/// serde's sentence without what was sent: only what was expected is said.
fn without_value(message: &str) -> String {
    match message.rfind("expected ") {
        Some(at) => message[at..].to_owned(),
        None => "is not valid".to_owned(),
    }
}

struct All<'a> {
    values: &'a [(&'a str, &'a str)],
}

impl<'a> All<'a> {
    fn only(&self) -> Result<Text<'a>, Error> {
        match self.values {
            [(_, value)] => Ok(Text(value)),
            values => Err(Error::custom(format!(
                "expected one value, the path has {}",
                values.len()
            ))),
        }
    }
}

/// One value of the path.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

/// By the rules of text, as `#[path]` has them.
macro_rules! parsed {
    ($($method:ident $visit:ident $ty:ty;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let parsed = <$ty>::from_param(self.0);
            visitor.$visit(parsed.map_err(|error| Error::custom(error))?)
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool bool;
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
        deserialize_char visit_char char;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! only {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.only()?.$method(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for All<'de> {
    type Error = Error;

    only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier
        deserialize_any
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Values(self.values.iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        wanted: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if wanted != self.values.len() {
            let found = self.values.len();
            return Err(Error::custom(format!(
                "expected {wanted} values, the path has {found}"
            )));
        }
        visitor.visit_seq(Values(self.values.iter()))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        wanted: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(wanted, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Named {
            values: self.values.iter(),
            value: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { unit_struct ignored_any }
}

struct Values<'a>(std::slice::Iter<'a, (&'a str, &'a str)>);

impl<'de> SeqAccess<'de> for Values<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.0
            .next()
            .map(|(_, value)| seed.deserialize(Text(value)))
            .transpose()
    }
}

struct Named<'a> {
    values: std::slice::Iter<'a, (&'a str, &'a str)>,
    value: Option<&'a str>,
}

impl<'de> MapAccess<'de> for Named<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.values.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(Text(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(Text(self.value.take().unwrap_or_default()))
    }
}
