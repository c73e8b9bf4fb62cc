//! The types that rules about text fit.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use crate::report::Report;
use crate::rule::{Rule, at_most};
use crate::violation::Segment;

/// A type that `min_length`, `max_length`, `regex`, `format` and texts in `one_of` fit.
///
/// In an `Option` the rule applies to the value, if there is one. In a list it applies to every element, which is
/// reported at its index. In a map it applies to every value, which is reported at its key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    label = "a rule about text is put on this type",
    note = "`min_length`, `max_length`, `regex`, `format` and texts in `one_of` fit `String`, also inside `Option`, `Vec` and maps",
    note = "for numbers write `ge` and `le`, for the length of a list `min_items` and `max_items`"
)]
pub trait Text {
    /// Reports every text in `self` that breaks `rule`. A text with more than `longest` characters has already broken
    /// `max_length`, so no `regex` searches it.
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report);
}

impl Text for str {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        if matches!(rule, Rule::Regex(_)) && !at_most(self, longest) {
            return;
        }
        if !rule.admits_text(self) {
            report.break_rule(rule);
        }
    }
}

impl Text for String {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        self.as_str().check_text(rule, longest, report);
    }
}

impl Text for char {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        let mut bytes = [0; 4];
        (*self.encode_utf8(&mut bytes)).check_text(rule, longest, report);
    }
}

impl<T: ToOwned + Text + ?Sized> Text for Cow<'_, T> {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        (**self).check_text(rule, longest, report);
    }
}

impl<T: Text> Text for Option<T> {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        if let Some(value) = self {
            value.check_text(rule, longest, report);
        }
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: Text + ?Sized> Text for $pointer {
            fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
                (**self).check_text(rule, longest, report);
            }
        }
    )*};
}

pointers!(Box<T>, Arc<T>, &T);

impl<T: Text> Text for [T] {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        check_each(self.iter(), rule, longest, report);
    }
}

impl<T: Text, const N: usize> Text for [T; N] {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        check_each(self.iter(), rule, longest, report);
    }
}

macro_rules! lists {
    ($(<$($generic:ident),*> $list:ty;)*) => {$(
        impl<T: Text $(, $generic)*> Text for $list {
            fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
                check_each(self.iter(), rule, longest, report);
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

impl<K: Serialize, V: Text, S> Text for HashMap<K, V, S> {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        for (key, value) in self {
            report.at(
                || Segment::of_key_here(key),
                |report| value.check_text(rule, longest, report),
            );
        }
    }
}

impl<K: Serialize, V: Text> Text for BTreeMap<K, V> {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        for (key, value) in self {
            report.at(
                || Segment::of_key_here(key),
                |report| value.check_text(rule, longest, report),
            );
        }
    }
}

fn check_each<'a, T: Text + 'a>(
    values: impl Iterator<Item = &'a T>,
    rule: &Rule,
    longest: usize,
    report: &mut Report,
) {
    for (index, value) in values.enumerate() {
        report.at_index(index, |report| value.check_text(rule, longest, report));
    }
}
