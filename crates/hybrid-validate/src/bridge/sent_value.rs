//! A value as the client sent it, with its keys in the order sent.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A value as the client sent it. Unlike [`Value`], it keeps the keys of an object in the order sent. A key that was
/// sent twice counts once, with its last value.
///
/// ```
/// use hybrid_validate::bridge::SentValue;
///
/// let sent: SentValue = serde_json::from_str(r#"{"b":1,"a":{"c":2}}"#).unwrap();
/// assert_eq!(sent.keys().collect::<Vec<_>>(), ["b", "a"]);
/// ```
#[derive(Clone, Debug)]
pub enum SentValue {
    /// A number, a text, a boolean or `null`.
    Scalar(Value),
    /// An array, or the texts of a repeated key.
    Array(Vec<Self>),
    /// An object, or the keys and texts of a query or a form.
    Object(IndexMap<String, Self>),
}

impl SentValue {
    /// The keys and texts of a query, a form or a path. The texts of a repeated key become an array.
    #[must_use]
    pub fn from_pairs(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Self {
        let mut object = IndexMap::new();
        for (key, text) in pairs {
            let text = Self::Scalar(Value::from(&**text));
            match object.get_mut(&**key) {
                None => drop(object.insert(key.clone().into_owned(), text)),
                Some(Self::Array(texts)) => texts.push(text),
                Some(first) => {
                    let texts = vec![std::mem::replace(first, Self::NULL), text];
                    *first = Self::Array(texts);
                }
            }
        }
        Self::Object(object)
    }

    /// The keys of an object in the order sent; none for other values.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let object = self.as_object();
        object
            .into_iter()
            .flat_map(|object| object.keys().map(String::as_str))
    }

    /// `null`, as an object of which nothing is known.
    pub(crate) const NULL: Self = Self::Scalar(Value::Null);

    pub(super) const fn as_object(&self) -> Option<&IndexMap<String, Self>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Array(_) | Self::Scalar(_) => None,
        }
    }

    /// The value under a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The element of an array.
    pub(super) fn element(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Array(elements) => elements.get(index),
            Self::Object(_) | Self::Scalar(_) => None,
        }
    }

    /// The values of an object or an array; none for a scalar.
    pub(super) fn values(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Self::Object(object) => Box::new(object.values()),
            Self::Array(elements) => Box::new(elements.iter()),
            Self::Scalar(_) => Box::new(std::iter::empty()),
        }
    }
}

impl<'de> Deserialize<'de> for SentValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SentVisitor)
    }
}

struct SentVisitor;

impl<'de> Visitor<'de> for SentVisitor {
    type Value = SentValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<SentValue, E> {
        Ok(SentValue::NULL)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<SentValue, E> {
        Ok(SentValue::Scalar(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<SentValue, E> {
        Ok(SentValue::Scalar(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<SentValue, E> {
        Ok(SentValue::Scalar(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<SentValue, E> {
        Ok(SentValue::Scalar(value.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SentValue, E> {
        Ok(SentValue::Scalar(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<SentValue, E> {
        Ok(SentValue::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<SentValue, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(SentValue::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SentValue, A::Error> {
        let mut object = IndexMap::new();
        while let Some((key, value)) = map.next_entry()? {
            object.insert(key, value);
        }
        Ok(SentValue::Object(object))
    }
}
