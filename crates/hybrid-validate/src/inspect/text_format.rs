//! Text as a serde format, for types that only know serde: what a query or a form says, by key.
//!
//! Scalars are parsed as [`FromParam`] parses them, so that `yes` is a boolean here too.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use crate::{FromParam, Segment};

/// The texts of one key, as a serde deserializer.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a>(pub &'a [Cow<'a, str>]);

/// What is wrong with a text, and where inside the value.
#[derive(Debug)]
pub struct TextError {
    pub(super) path: Vec<Segment>,
    pub(super) message: String,
}

impl TextError {
    pub(super) fn at(path: Segment, error: &dyn Display) -> Self {
        Self {
            path: vec![path],
            message: error.to_string(),
        }
    }

    pub(super) fn inside(mut self, step: Segment) -> Self {
        self.path.insert(0, step);
        self
    }
}

impl Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TextError {}

impl serde::de::Error for TextError {
    fn custom<T: Display>(message: T) -> Self {
        Self {
            path: Vec::new(),
            message: message.to_string(),
        }
    }
}

impl<'a> Texts<'a> {
    fn one(self) -> Result<&'a str, TextError> {
        match self.0 {
            [only] => Ok(only),
            [] => Err(serde::de::Error::custom("nothing, expected a value")),
            _ => Err(serde::de::Error::custom(
                "several values, expected a single value",
            )),
        }
    }

    /// The error's own words are kept; they repeat nothing.
    fn parse<T: FromParam>(self) -> Result<T, TextError> {
        T::from_param(self.one()?).map_err(|error| {
            let text = error.to_string();
            let words = text.strip_prefix("expected ").unwrap_or("another value");
            serde::de::Error::custom(format_args!("invalid value, expected {words}"))
        })
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
            visitor.$visit(self.parse()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Texts<'de> {
    type Error = TextError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.0 {
            [only] => visitor.visit_borrowed_str(only),
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

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_borrowed_str(self.one()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_borrowed_str(self.one()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_borrowed_str(self.one()?)
    }

    /// An empty text is nothing. Whether a text stands behind the `Option` cannot be known here.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.0 {
            [] => visitor.visit_none(),
            [only] if only.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_seq(SeqDeserializer::new(self.0.iter().map(Item)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        let name: StrDeserializer<'_, TextError> = self.one()?.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple_struct map struct
    }
}

/// One text of several, on its way to become [`Texts`] again.
struct Item<'a>(&'a Cow<'a, str>);

impl<'de> IntoDeserializer<'de, TextError> for Item<'de> {
    type Deserializer = Texts<'de>;

    fn into_deserializer(self) -> Texts<'de> {
        Texts(std::slice::from_ref(self.0))
    }
}
