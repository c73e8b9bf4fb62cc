//! Checks of the user's own: what they are shown, and how their answer is reported.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt::Display;

use crate::report::Report;

/// Reports what a check of the user's answered: the text of its error is the message, the code is `custom`.
pub fn custom<E: Display>(answer: Result<(), E>, report: &mut Report) {
    if let Err(error) = answer {
        refuse(&error, report);
    }
}

#[cold]
fn refuse(error: &dyn Display, report: &mut Report) {
    report.violate("custom", error.to_string());
}

/// Shows `check` every value in an `Option` or a list, each at its index.
pub fn each<C: Each + ?Sized>(values: &C, report: &mut Report, check: fn(&C::Item, &mut Report)) {
    values.each(report, check);
}

/// A type whose values a check of the user's gets one by one.
pub trait Each {
    /// What is in it.
    type Item;

    /// Calls `check` for each value, at its place.
    fn each(&self, report: &mut Report, check: fn(&Self::Item, &mut Report));
}

impl<T> Each for Option<T> {
    type Item = T;

    fn each(&self, report: &mut Report, check: fn(&T, &mut Report)) {
        if let Some(value) = self {
            check(value, report);
        }
    }
}

macro_rules! lists {
    ($(<$($generic:ident),*> $list:ty;)*) => {$(
        impl<T $(, $generic)*> Each for $list {
            type Item = T;

            fn each(&self, report: &mut Report, check: fn(&T, &mut Report)) {
                for (index, value) in self.iter().enumerate() {
                    report.at_index(index, |report| check(value, report));
                }
            }
        }
    )*};
}

lists! {
    <> [T];
    <> Vec<T>;
    <> VecDeque<T>;
    <> BTreeSet<T>;
    <S> HashSet<T, S>;
}

impl<T, const N: usize> Each for [T; N] {
    type Item = T;

    fn each(&self, report: &mut Report, check: fn(&T, &mut Report)) {
        self.as_slice().each(report, check);
    }
}
