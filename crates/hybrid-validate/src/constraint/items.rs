//! The types that rules about the number of items fit, and lists without repeated items.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

/// A type that `min_items` and `max_items` fit: lists, sets and maps, also inside `Option`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no items to count",
    label = "`min_items` or `max_items` is put on this type",
    note = "`min_items` and `max_items` fit `Vec`, sets and maps, also inside `Option`",
    note = "for the length of a text write `min_length` and `max_length`"
)]
pub trait Items {
    /// How many items there are. `None` if there is no list; then no rule about it is broken.
    fn item_count(&self) -> Option<usize>;
}

/// A type that `unique_items` fits: lists whose items have `Hash` and `Eq`, also inside `Option`.
#[diagnostic::on_unimplemented(
    message = "`unique_items` does not fit `{Self}`",
    label = "`unique_items` is put on this type",
    note = "`unique_items` fits `Vec<T>` where `T` has `Hash` and `Eq`, also inside `Option`; floats have neither",
    note = "a set holds nothing twice anyway"
)]
pub trait UniqueItems {
    /// Whether an item is repeated. The time is linear in the number of items.
    fn has_duplicates(&self) -> bool;
}

macro_rules! counted {
    ($(<$($generic:ident),*> $list:ty;)*) => {$(
        impl<$($generic),*> Items for $list {
            fn item_count(&self) -> Option<usize> {
                Some(self.len())
            }
        }
    )*};
}

counted! {
    <T> [T];
    <T> Vec<T>;
    <T> VecDeque<T>;
    <T> BTreeSet<T>;
    <T, S> HashSet<T, S>;
    <K, V> BTreeMap<K, V>;
    <K, V, S> HashMap<K, V, S>;
}

impl<T, const N: usize> Items for [T; N] {
    fn item_count(&self) -> Option<usize> {
        Some(N)
    }
}

impl<T: Items> Items for Option<T> {
    fn item_count(&self) -> Option<usize> {
        self.as_ref().and_then(Items::item_count)
    }
}

impl<T: Hash + Eq> UniqueItems for [T] {
    fn has_duplicates(&self) -> bool {
        // The standard hasher has a random key, so a client cannot prepare items that collide.
        let mut seen = HashSet::with_capacity(self.len());
        !self.iter().all(|item| seen.insert(item))
    }
}

impl<T: Hash + Eq> UniqueItems for Vec<T> {
    fn has_duplicates(&self) -> bool {
        self.as_slice().has_duplicates()
    }
}

impl<T: Hash + Eq, const N: usize> UniqueItems for [T; N] {
    fn has_duplicates(&self) -> bool {
        self.as_slice().has_duplicates()
    }
}

impl<T: Hash + Eq> UniqueItems for VecDeque<T> {
    fn has_duplicates(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.len());
        !self.iter().all(|item| seen.insert(item))
    }
}

impl<T: UniqueItems> UniqueItems for Option<T> {
    fn has_duplicates(&self) -> bool {
        self.as_ref().is_some_and(UniqueItems::has_duplicates)
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: Items + ?Sized> Items for $pointer {
            fn item_count(&self) -> Option<usize> {
                (**self).item_count()
            }
        }

        impl<T: UniqueItems + ?Sized> UniqueItems for $pointer {
            fn has_duplicates(&self) -> bool {
                (**self).has_duplicates()
            }
        }
    )*};
}

pointers!(Box<T>, Arc<T>, &T);
