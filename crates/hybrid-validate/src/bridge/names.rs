//! The wire names of a type's fields, read from its own `Deserialize`.
//!
//! A derived `Deserialize` passes the list of its field names to the deserializer. [`WireNames`] is a deserializer
//! without data: it walks to a struct, notes the list, and stops. The list has the names and their order, but not the
//! Rust names. A Rust name is matched by comparing letters, which covers every `rename_all`.
//!
//! Two kinds of fields are not found that way: those with `rename = "x"`, and those of a struct with a flattened field,
//! which serde does not list. They keep their Rust names, unless the sent value is known, see
//! [`from_validator_sent`](super::from_validator_sent).

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::WireName;
use crate::violation::Segment;

/// Finds the wire names of the fields of one type, at any depth.
/// ```
/// use hybrid_validate::bridge::WireNames;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Address {
///     zip_code: String,
/// }
///
/// assert_eq!(WireNames::of::<Address>().find(&[], "zip_code").name, "zipCode");
/// # let _ = |address: Address| address.zip_code;
/// ```
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

    /// The fields of the struct at `path`, in the order of declaration. `None` if there is no struct at `path`, or if
    /// its `Deserialize` does not list its fields.
    #[must_use]
    pub fn fields(&self, path: &[Segment]) -> Option<&'static [&'static str]> {
        (self.fields_at)(path)
    }

    /// The wire name of the field with the Rust name `rust_name`, in the struct at `path`. The Rust name itself if no
    /// wire name matches.
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

/// The position in `names` of `rust_name`, or else of the same name in another spelling.
pub(super) fn position(names: &[&str], rust_name: &str) -> Option<usize> {
    let exact = names.iter().position(|name| *name == rust_name);
    exact.or_else(|| {
        names
            .iter()
            .position(|name| letters(name).eq(letters(rust_name)))
    })
}

/// The letters that all spellings of a name share.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.strip_prefix("r#")
        .unwrap_or(name)
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
}

fn fields_at<T: DeserializeOwned>(path: &[Segment]) -> Option<&'static [&'static str]> {
    match T::deserialize(FieldListProbe { path }) {
        Err(ProbeEnd::Fields(fields)) => Some(fields),
        Err(ProbeEnd::Nothing) | Ok(_) => None,
    }
}

/// The result of a probe. It is always an error, since the probe has no value to return.
#[derive(Debug)]
enum ProbeEnd {
    Fields(&'static [&'static str]),
    Nothing,
}

impl fmt::Display for ProbeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a type were asked for")
    }
}

impl std::error::Error for ProbeEnd {}

impl serde::de::Error for ProbeEnd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Nothing
    }
}

#[derive(Clone, Copy)]
struct FieldListProbe<'a> {
    path: &'a [Segment],
}

impl<'a> FieldListProbe<'a> {
    fn step(self) -> Option<(&'a Segment, Self)> {
        self.path
            .split_first()
            .map(|(step, rest)| (step, Self { path: rest }))
    }
}

impl<'de> Deserializer<'de> for FieldListProbe<'_> {
    type Error = ProbeEnd;

    /// No fields: a number, a text, or a type that describes itself from data.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ProbeEnd> {
        Err(ProbeEnd::Nothing)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeEnd> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ProbeEnd> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeEnd> {
        match self.step() {
            None => Err(ProbeEnd::Fields(fields)),
            Some((Segment::Key(key), rest)) => visitor.visit_map(StepAccess {
                key: Some(key),
                rest,
            }),
            Some((Segment::Index(_), _)) => Err(ProbeEnd::Nothing),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeEnd> {
        match self.step() {
            Some((Segment::Key(key), rest)) => visitor.visit_map(StepAccess {
                key: Some(key),
                rest,
            }),
            // `validator` numbers the entries of a map.
            Some((Segment::Index(_), rest)) => visitor.visit_map(StepAccess {
                key: Some(""),
                rest,
            }),
            None => Err(ProbeEnd::Nothing),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeEnd> {
        match self.step() {
            Some((Segment::Index(_), rest)) => visitor.visit_seq(StepAccess { key: None, rest }),
            _ => Err(ProbeEnd::Nothing),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

/// The one entry or element on the path.
struct StepAccess<'a> {
    key: Option<&'a str>,
    rest: FieldListProbe<'a>,
}

impl<'de> MapAccess<'de> for StepAccess<'_> {
    type Error = ProbeEnd;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ProbeEnd> {
        let Some(key) = self.key.take() else {
            return Err(ProbeEnd::Nothing);
        };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ProbeEnd> {
        seed.deserialize(self.rest)
    }
}

impl<'de> SeqAccess<'de> for StepAccess<'_> {
    type Error = ProbeEnd;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ProbeEnd> {
        seed.deserialize(self.rest).map(Some)
    }
}
