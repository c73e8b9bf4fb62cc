//! A deserializer that builds a struct only from an object.
//!
//! serde's derive also builds a struct from an array, with its fields in order. For a body this is a wrong type: a
//! client that sends `[1, 2]` for `{"id": 1, "value": 2}` has made a mistake, and would escape `missing`. Binary
//! formats such as bincode write structs as sequences, so they keep this form.

use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::Inspect;
use super::check::Check;
use super::forward::forward;
use super::trace::model;

/// Wraps the deserializer of a model. All methods are inlined, so it has no overhead.
#[derive(Debug)]
pub struct Strict<D>(pub D);

/// The same for internally tagged enums, which serde reads with `deserialize_any`.
#[derive(Debug)]
pub struct StrictTagged<D>(pub D);

/// [`model`] for a struct.
///
/// # Errors
///
/// Those of `read`, or the first broken rule.
#[inline]
pub fn strict_model<'de, T: Inspect + Check, D: Deserializer<'de>>(
    from: D,
    read: impl FnOnce(Strict<D>) -> Result<T, D::Error>,
) -> Result<T, D::Error> {
    model(from, |from| read(Strict(from)))
}

/// [`model`] for an internally tagged enum.
///
/// # Errors
///
/// Those of `read`, or the first broken rule.
#[inline]
pub fn tagged_model<'de, T: Inspect + Check, D: Deserializer<'de>>(
    from: D,
    read: impl FnOnce(StrictTagged<D>) -> Result<T, D::Error>,
) -> Result<T, D::Error> {
    model(from, |from| read(StrictTagged(from)))
}

/// A visitor that refuses arrays.
struct NoArray<V> {
    inner: V,
    readable: bool,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for NoArray<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(map)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        if self.readable {
            Err(de::Error::invalid_type(de::Unexpected::Seq, &"an object"))
        } else {
            self.inner.visit_seq(seq)
        }
    }
}

/// A visitor that refuses arrays for struct variants.
struct Variants<V> {
    inner: V,
    readable: bool,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Variants<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Variants {
            inner: access,
            readable: self.readable,
        })
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Variants<A> {
    type Error = A::Error;
    type Variant = Variants<A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let readable = self.readable;
        let (name, inner) = self.inner.variant_seed(seed)?;
        Ok((name, Variants { inner, readable }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variants<A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(seed)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(
            fields,
            NoArray {
                inner: visitor,
                readable: self.readable,
            },
        )
    }
}

macro_rules! forward_most {
    () => {
        forward! {
            (self, visitor) => self.0, visitor;
            scalars deserialize_f32 deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
            deserialize_unit_struct deserialize_newtype_struct deserialize_seq deserialize_tuple
            deserialize_tuple_struct deserialize_map deserialize_identifier deserialize_ignored_any
        }

        forward! {
            (self, visitor) => self.0, NoArray { readable: self.0.is_human_readable(), inner: visitor };
            deserialize_struct
        }

        forward! {
            (self, visitor) => self.0, Variants { readable: self.0.is_human_readable(), inner: visitor };
            deserialize_enum
        }

        #[inline]
        fn is_human_readable(&self) -> bool {
            self.0.is_human_readable()
        }
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward_most!();
    forward! { (self, visitor) => self.0, visitor; deserialize_any }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for StrictTagged<D> {
    type Error = D::Error;

    forward_most!();

    forward! {
        (self, visitor) => self.0, NoArray { readable: self.0.is_human_readable(), inner: visitor };
        deserialize_any
    }
}
