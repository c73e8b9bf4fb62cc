//! Values with others inside: options, boxes, lists, sets, maps, tuples.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::rc::Rc;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::json::Kind;
use super::text_format::Texts;
use super::{Elements, Fields, Input, Inspect, Survey};
use crate::Report;

/// `null`, no value and (for anything but text) an empty text are `None`. A flattened `Option` is `None` as well
/// where what it holds cannot be built, as serde has it.
impl<T: Inspect> Inspect for Option<T> {
    const KEEPS_EMPTY: bool = T::KEEPS_EMPTY;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Json(json) if json.kind() == Kind::Null => Some(None),
            Input::Texts([]) | Input::Pairs([]) => Some(None),
            Input::Texts([only]) if only.is_empty() && !T::KEEPS_EMPTY => Some(None),
            Input::Rest(_) => {
                let mut aside = Report::first_only(report.source());
                let value = T::inspect(input, &mut aside);
                Some(value.filter(|_| aside.is_empty()))
            }
            Input::Json(_) | Input::Texts(_) | Input::Pairs(_) => {
                T::inspect(input, report).map(Some)
            }
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn survey(survey: &mut Survey) {
        T::survey(survey);
    }

    fn check_deep(&self, report: &mut Report) {
        if let Some(value) = self {
            value.check_deep(report);
        }
    }
}

macro_rules! pointers {
    ($($pointer:ident)*) => {$(
        impl<T: Inspect> Inspect for $pointer<T> {
            const KEEPS_EMPTY: bool = T::KEEPS_EMPTY;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                T::inspect(input, report).map(Self::new)
            }

            fn absent() -> Option<Self> {
                T::absent().map(Self::new)
            }

            fn survey(survey: &mut Survey) {
                T::survey(survey);
            }

            fn check_deep(&self, report: &mut Report) {
                (**self).check_deep(report);
            }
        }
    )*};
}

pointers!(Box Arc Rc);

/// Every item, also behind one that was refused.
fn items<T: Inspect, C: Default + Extend<T>>(input: Input<'_>, report: &mut Report) -> Option<C> {
    let elements = Elements::open(input, report)?;
    let mut list = C::default();
    let mut whole = true;
    for (index, element) in elements.iter().enumerate() {
        if report.is_settled() {
            return None;
        }
        let item = report.at_index(index, |report| T::inspect(element, report));
        whole &= item.is_some();
        list.extend(item);
    }
    whole.then_some(list)
}

fn check_items<'a, T: Inspect + 'a>(items: impl Iterator<Item = &'a T>, report: &mut Report) {
    for (index, item) in items.enumerate() {
        report.at_index(index, |report| item.check_deep(report));
    }
}

macro_rules! lists {
    ($(<$($param:ident $(: $bound:ident $(+ $more:ident)*)?),*> $list:ty;)*) => {$(
        impl<$($param $(: $bound $(+ $more)*)?),*> Inspect for $list {
            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                items(input, report)
            }

            fn survey(survey: &mut Survey) {
                T::survey(survey);
            }

            fn check_deep(&self, report: &mut Report) {
                check_items(self.iter(), report);
            }
        }
    )*};
}

lists! {
    <T: Inspect> Vec<T>;
    <T: Inspect> VecDeque<T>;
    <T: Inspect + Ord> BTreeSet<T>;
    <T: Inspect + Hash + Eq, S: BuildHasher + Default> HashSet<T, S>;
}

impl<T: Inspect> Inspect for Box<[T]> {
    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        items::<T, Vec<T>>(input, report).map(Vec::into_boxed_slice)
    }

    fn survey(survey: &mut Survey) {
        T::survey(survey);
    }

    fn check_deep(&self, report: &mut Report) {
        check_items(self.iter(), report);
    }
}

/// Every entry in the order sent; of a key that was sent twice the last one stays, as serde has it.
fn entries<K: DeserializeOwned, V: Inspect, C: Default + Extend<(K, V)>>(
    input: Input<'_>,
    report: &mut Report,
) -> Option<C> {
    let fields = Fields::open(input, report)?;
    let mut map = C::default();
    let mut whole = true;
    for (text, input) in fields.each() {
        if report.is_settled() {
            return None;
        }
        let entry = report.at_borrowed_key(text, |report| {
            let key = key(text, report);
            let value = V::inspect(input, report);
            Some((key?, value?))
        });
        whole &= entry.is_some();
        map.extend(entry);
    }
    whole.then_some(map)
}

/// A key is text on the wire, whatever it is in the program.
fn key<K: DeserializeOwned>(text: &str, report: &mut Report) -> Option<K> {
    let texts = [Cow::Borrowed(text)];
    K::deserialize(Texts(&texts))
        .map_err(|error| error.of_key().report(report))
        .ok()
}

macro_rules! maps {
    ($(<$($param:ident: $bound:ident $(+ $more:ident)*),*> $map:ty;)*) => {$(
        impl<$($param: $bound $(+ $more)*),*> Inspect for $map {
            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                entries(input, report)
            }

            fn survey(survey: &mut Survey) {
                V::survey(survey);
            }

            /// Entries are counted, as `validator` counts them: a key need not be text.
            fn check_deep(&self, report: &mut Report) {
                check_items(self.values(), report);
            }
        }
    )*};
}

maps! {
    <K: DeserializeOwned + Ord, V: Inspect> BTreeMap<K, V>;
    <K: DeserializeOwned + Hash + Eq, V: Inspect, S: BuildHasher + Default> HashMap<K, V, S>;
}

impl<T: Inspect, const N: usize> Inspect for [T; N] {
    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        let elements = Elements::exactly(N, input, report)?;
        let read = |index| elements.read_plain(index, report, T::inspect);
        let list: Vec<Option<T>> = (0..N).map(read).collect();
        let list: Vec<T> = list.into_iter().collect::<Option<_>>()?;
        list.try_into().ok()
    }

    fn survey(survey: &mut Survey) {
        T::survey(survey);
    }

    fn check_deep(&self, report: &mut Report) {
        check_items(self.iter(), report);
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt)*;)*) => {$(
        impl<$($name: Inspect),*> Inspect for ($($name,)*) {
            #[allow(non_snake_case)]
            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                let elements = Elements::exactly($count, input, report)?;
                $(let $name = elements.read_plain($index, report, $name::inspect);)*
                Some(($($name?,)*))
            }

            fn survey(survey: &mut Survey) {
                $($name::survey(survey);)*
            }

            fn check_deep(&self, report: &mut Report) {
                $(report.at_index($index, |report| self.$index.check_deep(report));)*
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
}
