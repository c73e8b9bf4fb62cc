//! Dates and times of `chrono` in a model's JSON, in the documented forms only.
//!
//! chrono's own `Deserialize` also takes `17-5-5` and `2017 - 05 - 05`. A model reads such a field through [`Formal`]
//! instead, also inside an `Option`, a list or a map.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use serde::de::{Deserialize, Deserializer};

#[cfg(feature = "chrono")]
use super::borrowed::BorrowedText;
use super::probe::Probe;
use crate::Patch;
#[cfg(feature = "chrono")]
use crate::text::extra::chrono::FromJsonText;

/// A value that was read in its documented form.
#[derive(Debug)]
pub struct Formal<T>(T);

/// Reads a field of a model, strictly if its type has a documented form. Called by `#[model]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __formal {
    ($ty:ty, $from:expr) => {{
        use $crate::__private::{FormalOfDates as _, FormalOfSerde as _};
        (&&$crate::__private::Probe::<$ty>::NEW).formal($from)
    }};
}

/// First choice: the form is checked.
pub trait FormalOfDates<'de, T> {
    /// Through [`Formal`].
    ///
    /// # Errors
    /// The refusal of the deserializer or of the form.
    fn formal<D: Deserializer<'de>>(&self, from: D) -> Result<T, D::Error>;
}

/// Second choice: the type's own `Deserialize`.
pub trait FormalOfSerde<'de, T> {
    /// Through serde.
    ///
    /// # Errors
    /// The refusal of the type.
    fn formal<D: Deserializer<'de>>(&self, from: D) -> Result<T, D::Error>;
}

impl<'de, T> FormalOfDates<'de, T> for &Probe<T>
where
    Formal<T>: Deserialize<'de>,
{
    fn formal<D: Deserializer<'de>>(&self, from: D) -> Result<T, D::Error> {
        Formal::<T>::deserialize(from).map(|Formal(value)| value)
    }
}

impl<'de, T: Deserialize<'de>> FormalOfSerde<'de, T> for Probe<T> {
    fn formal<D: Deserializer<'de>>(&self, from: D) -> Result<T, D::Error> {
        T::deserialize(from)
    }
}

#[cfg(feature = "chrono")]
macro_rules! dates {
    ($($date:ty)*) => {$(
        impl<'de> Deserialize<'de> for Formal<$date> {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                text(from).map(Self)
            }
        }
    )*};
}

#[cfg(feature = "chrono")]
dates! {
    chrono::NaiveDate chrono::NaiveTime chrono::NaiveDateTime chrono::DateTime<chrono::Utc>
    chrono::DateTime<chrono::FixedOffset>
}

#[cfg(feature = "chrono")]
fn text<'de, T: FromJsonText, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let BorrowedText(text) = BorrowedText::deserialize(from)?;
    T::from_json_text(&text).map_err(serde::de::Error::custom)
}

macro_rules! around {
    ($(<$($param:ident),*> $outer:ty, $inner:ty, $open:expr $(, where $($asks:ty: $bound:ident)*)?;)*) => {$(
        impl<'de, $($param),*> Deserialize<'de> for Formal<$outer>
        where
            Formal<T>: Deserialize<'de>,
            $inner: Deserialize<'de>,
            $($($asks: $bound,)*)?
        {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <$inner>::deserialize(from).map(|inner| Self($open(inner)))
            }
        }
    )*};
}

around! {
    <T> Option<T>, Option<Formal<T>>, |inner: Option<Formal<T>>| inner.map(|Formal(value)| value);
    <T> Patch<T>, Patch<Formal<T>>, Patch::map_formal;
    <T> Box<T>, Formal<T>, |Formal(value)| Box::new(value);
    <T> Vec<T>, Vec<Formal<T>>, |inner: Vec<Formal<T>>| inner.into_iter().map(|Formal(value)| value).collect();
    <K, T> BTreeMap<K, T>, BTreeMap<K, Formal<T>>, entries, where K: Ord;
    <K, T, S> HashMap<K, T, S>, HashMap<K, Formal<T>, S>, entries, where K: Hash K: Eq S: BuildHasher S: Default;
}

fn entries<K, T, C: FromIterator<(K, T)>>(inner: impl IntoIterator<Item = (K, Formal<T>)>) -> C {
    inner
        .into_iter()
        .map(|(key, Formal(value))| (key, value))
        .collect()
}

impl<T> Patch<T> {
    fn map_formal(inner: Patch<Formal<T>>) -> Self {
        match inner {
            Patch::Absent => Self::Absent,
            Patch::Null => Self::Null,
            Patch::Value(Formal(value)) => Self::Value(value),
        }
    }
}
