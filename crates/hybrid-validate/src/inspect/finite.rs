//! A deserializer that refuses a number beyond the range of `f32` for an `f32`. serde would make infinity of it.
//!
//! It wraps the deserializer of a whole body, so it covers every `f32` in any type. All methods are inlined, so a body
//! without an `f32` has no overhead.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::forward::forward;
use crate::Report;

/// Reads a whole text, as serde_json does.
pub(super) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Finite(&mut reader))?;
    reader.end()?;
    Ok(value)
}

// === In models: what serde has buffered passes no deserializer of ours ===

/// A type whose `f32`s can all be checked.
pub trait AllFinite {
    /// Whether all are finite.
    fn all_finite(&self) -> bool;
}

/// Checks a field that holds `f32`s, at its name.
#[inline]
pub fn finite_field<T: AllFinite>(name: &'static str, value: &T, report: &mut Report) {
    report.at_key(name, |report| finite(value, report));
}

/// Checks an element that holds `f32`s, at its index.
#[inline]
pub fn finite_element<T: AllFinite>(index: usize, value: &T, report: &mut Report) {
    report.at_index(index, |report| finite(value, report));
}

/// Checks a value that holds `f32`s.
#[inline]
pub fn finite<T: AllFinite>(value: &T, report: &mut Report) {
    if !value.all_finite() {
        report.expected("a finite number");
    }
}

impl AllFinite for f32 {
    #[inline]
    fn all_finite(&self) -> bool {
        self.is_finite()
    }
}

macro_rules! holders {
    ($(<$($param:ident),*> $ty:ty, $each:ident;)*) => {$(
        impl<T: AllFinite $(, $param)*> AllFinite for $ty {
            #[inline]
            fn all_finite(&self) -> bool {
                self.$each().all(AllFinite::all_finite)
            }
        }
    )*};
}

holders! {
    <> Option<T>, iter;
    <> [T], iter;
    <> Vec<T>, iter;
    <> VecDeque<T>, iter;
    <K> BTreeMap<K, T>, values;
    <K, S> HashMap<K, T, S>, values;
}

impl<T: AllFinite, const N: usize> AllFinite for [T; N] {
    #[inline]
    fn all_finite(&self) -> bool {
        self.as_slice().all_finite()
    }
}

macro_rules! pointers {
    ($($pointer:ident)*) => {$(
        impl<T: AllFinite + ?Sized> AllFinite for $pointer<T> {
            #[inline]
            fn all_finite(&self) -> bool {
                (**self).all_finite()
            }
        }
    )*};
}

pointers!(Box Arc Rc);

// === Everywhere else ===

/// A deserializer, visitor, access or seed that is wrapped.
struct Finite<T>(T);

/// The visitor of an `f32`.
struct Single<V>(V);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Finite<D> {
    type Error = D::Error;

    forward! {
        (self, visitor) => self.0, visitor;
        scalars deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_unit_struct
        deserialize_identifier deserialize_ignored_any
    }

    forward! {
        (self, visitor) => self.0, Finite(visitor);
        deserialize_any deserialize_option deserialize_newtype_struct deserialize_seq deserialize_tuple
        deserialize_tuple_struct deserialize_map deserialize_struct deserialize_enum
    }

    forward! { (self, visitor) => self.0, Single(visitor); deserialize_f32 }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visits {
    ($($method:ident: $ty:ty;)*) => {$(
        #[inline]
        fn $method<E: de::Error>(self, value: $ty) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Finite<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visits! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    #[inline]
    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    #[inline]
    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Finite(inner))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Finite(inner))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Finite(seq))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Finite(map))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Finite(access))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Single<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visits! {
        visit_bool: bool;
        visit_i64: i64;
        visit_u64: u64;
        visit_str: &str;
    }

    #[inline]
    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    #[inline]
    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    #[inline]
    fn visit_f32<E: de::Error>(self, value: f32) -> Result<V::Value, E> {
        self.visit_f64(f64::from(value))
    }

    #[inline]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<V::Value, E> {
        if (value as f32).is_finite() {
            self.0.visit_f64(value)
        } else {
            Err(E::custom("invalid value, expected a finite number"))
        }
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Finite<S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Finite(from))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Finite<A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Finite(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// No key is an `f32`: the maps of the standard library do not take it.
impl<'de, A: MapAccess<'de>> MapAccess<'de> for Finite<A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Finite(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Finite<A> {
    type Error = A::Error;
    type Variant = Finite<A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.0.variant_seed(seed)?;
        Ok((name, Finite(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Finite<A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Finite(seed))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Finite(visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Finite(visitor))
    }
}
