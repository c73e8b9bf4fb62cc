//! The wire names of a type's fields, asked of its own `Deserialize`.
//!
//! A derived `Deserialize` hands the list of its field names to the deserializer. [`WireNames`] is a deserializer
//! that has no data: it walks to the struct in question, notes the list, and stops. That tells the names and their
//! order, not which Rust field each belongs to; that is found by comparing letters, which covers every
//! `rename_all`. A field with a name of its own (`rename = "x"`) is not found that way, nor are those beside a
//! flattened struct, which serde does not list: they keep their Rust names, unless what was sent is at hand, see
//! [`from_validator_sent`](super::from_validator_sent).

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::WireName;
use crate::violation::Segment;

/// Finds the wire names of the fields of one type, however deep they lie.
#[derive(Clone, Copy, Debug)]
pub struct WireNames {
    fields_at: fn(&[Segment]) -> Option<&'static [&'static str]>,
}

impl WireNames {
    /// The names that `T` reads.
    #[must_use]
    pub fn of<T: DeserializeOwned>() -> Self {
        Self {
            fields_at: fields_at::<T>,
        }
    }

    /// The fields of the struct at `path` in the order of declaration; `None` where there is no struct, or its
    /// `Deserialize` does not tell.
    #[must_use]
    pub fn fields(&self, path: &[Segment]) -> Option<&'static [&'static str]> {
        (self.fields_at)(path)
    }

    /// The wire name of the field that Rust calls `rust_name`, in the struct at `path`; the Rust name itself where
    /// none fits.
    #[must_use]
    pub fn find(&self, path: &[Segment], rust_name: &str) -> WireName {
        let fields = self.fields(path).unwrap_or_default();
        match position(fields, rust_name) {
            Some(order) => WireName {
                order,
                name: fields[order].into(),
            },
            None => WireName::same(rust_name),
        }
    }
}

/// Which of `names` is `rust_name` as it is, or else in another spelling.
pub(super) fn position(names: &[&str], rust_name: &str) -> Option<usize> {
    let exact = names.iter().position(|name| *name == rust_name);
    exact.or_else(|| {
        names
            .iter()
            .position(|name| letters(name).eq(letters(rust_name)))
    })
}

/// What all the spellings of one name have in common.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.strip_prefix("r#")
        .unwrap_or(name)
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
}

fn fields_at<T: DeserializeOwned>(path: &[Segment]) -> Option<&'static [&'static str]> {
    match T::deserialize(Probe { path }) {
        Err(Found::Fields(fields)) => Some(fields),
        Err(Found::Nothing) | Ok(_) => None,
    }
}

/// How the probe comes back: always as an error, since it has no value to give.
#[derive(Debug)]
enum Found {
    Fields(&'static [&'static str]),
    Nothing,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a type were asked for")
    }
}

impl std::error::Error for Found {}

impl serde::de::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Nothing
    }
}

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [Segment],
}

impl<'a> Probe<'a> {
    fn step(self) -> Option<(&'a Segment, Self)> {
        self.path
            .split_first()
            .map(|(step, rest)| (step, Self { path: rest }))
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Found;

    /// Nothing to look into: a number, a text, or a type that describes itself from data.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        Err(Found::Nothing)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Found> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Found> {
        match self.step() {
            None => Err(Found::Fields(fields)),
            Some((Segment::Key(key), rest)) => visitor.visit_map(One {
                key: Some(key),
                rest,
            }),
            Some((Segment::Index(_), _)) => Err(Found::Nothing),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        match self.step() {
            Some((Segment::Key(key), rest)) => visitor.visit_map(One {
                key: Some(key),
                rest,
            }),
            // `validator` numbers the entries of a map.
            Some((Segment::Index(_), rest)) => visitor.visit_map(One {
                key: Some(""),
                rest,
            }),
            None => Err(Found::Nothing),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        match self.step() {
            Some((Segment::Index(_), rest)) => visitor.visit_seq(One { key: None, rest }),
            _ => Err(Found::Nothing),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

/// The one entry or element on the way.
struct One<'a> {
    key: Option<&'a str>,
    rest: Probe<'a>,
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Found;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Found> {
        let Some(key) = self.key.take() else {
            return Err(Found::Nothing);
        };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Found> {
        seed.deserialize(self.rest)
    }
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Found;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Found> {
        seed.deserialize(self.rest).map(Some)
    }
}
