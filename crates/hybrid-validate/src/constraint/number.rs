//! The types that a bound fits, and how a bound is checked on their values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::sync::Arc;

use serde::Serialize;

use crate::number::Num;
use crate::report::Report;
use crate::rule::Rule;
use crate::violation::Segment;

/// A type that `ge`, `gt`, `le`, `lt`, `multiple_of` and numbers in `one_of` fit.
///
/// In an `Option` the rule applies to the value, if there is one. In a list it applies to every element, which is
/// reported at its index. In a map it applies to every value, which is reported at its key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number",
    label = "a rule about numbers is put on this type",
    note = "`ge`, `gt`, `le`, `lt`, `multiple_of` and numbers in `one_of` fit integers and floats, also inside `Option`, `Vec` and maps",
    note = "for the length of a text write `min_length`, for the length of a list `min_items`"
)]
pub trait Number {
    /// Reports every number in `self` that breaks `rule`.
    fn check_number(&self, rule: &Rule, report: &mut Report);
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Number for $int {
            #[inline]
            fn check_number(&self, rule: &Rule, report: &mut Report) {
                if !rule.admits_integer(*self as i128) {
                    report.break_rule(rule);
                }
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, usize);

macro_rules! others {
    ($($number:ty),*) => {$(
        impl Number for $number {
            fn check_number(&self, rule: &Rule, report: &mut Report) {
                if !rule.admits_number(&Num::from(*self)) {
                    report.break_rule(rule);
                }
            }
        }
    )*};
}

others!(u128, f64);

macro_rules! non_zero {
    ($($int:ty),*) => {$(
        impl Number for $int {
            #[inline]
            fn check_number(&self, rule: &Rule, report: &mut Report) {
                self.get().check_number(rule, report);
            }
        }
    )*};
}

non_zero!(
    NonZeroI8,
    NonZeroI16,
    NonZeroI32,
    NonZeroI64,
    NonZeroI128,
    NonZeroIsize,
    NonZeroU8,
    NonZeroU16,
    NonZeroU32,
    NonZeroU64,
    NonZeroU128,
    NonZeroUsize
);

/// A float bound is rounded to `f32` first: `le = 0.1` on an `f32` means the `f32` nearest to 0.1.
impl Number for f32 {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        if !rule.admits_single(*self) {
            report.break_rule(rule);
        }
    }
}

impl<T: Number> Number for Option<T> {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        if let Some(value) = self {
            value.check_number(rule, report);
        }
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: Number + ?Sized> Number for $pointer {
            fn check_number(&self, rule: &Rule, report: &mut Report) {
                (**self).check_number(rule, report);
            }
        }
    )*};
}

pointers!(Box<T>, Arc<T>, &T);

impl<T: Number + Clone> Number for Cow<'_, T> {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        (**self).check_number(rule, report);
    }
}

impl<T: Number> Number for [T] {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        check_each(self.iter(), rule, report);
    }
}

impl<T: Number, const N: usize> Number for [T; N] {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        check_each(self.iter(), rule, report);
    }
}

macro_rules! lists {
    ($($(#[$doc:meta])* <$($generic:ident),*> $list:ty;)*) => {$(
        impl<T: Number $(, $generic)*> Number for $list {
            fn check_number(&self, rule: &Rule, report: &mut Report) {
                check_each(self.iter(), rule, report);
            }
        }
    )*};
}

lists! {
    <> Vec<T>;
    <> VecDeque<T>;
    <> BTreeSet<T>;
    <S> HashSet<T, S>;
}

impl<K: Serialize, V: Number, S> Number for HashMap<K, V, S> {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        for (key, value) in self {
            report.at(
                || Segment::of_key_here(key),
                |report| value.check_number(rule, report),
            );
        }
    }
}

impl<K: Serialize, V: Number> Number for BTreeMap<K, V> {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        for (key, value) in self {
            report.at(
                || Segment::of_key_here(key),
                |report| value.check_number(rule, report),
            );
        }
    }
}

fn check_each<'a, T: Number + 'a>(
    values: impl Iterator<Item = &'a T>,
    rule: &Rule,
    report: &mut Report,
) {
    for (index, value) in values.enumerate() {
        report.at_index(index, |report| value.check_number(rule, report));
    }
}
