//! Values that contain other values: options, boxes, lists, sets, maps, tuples.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::rc::Rc;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::error::ReadError;
use super::json::{self, JsonKind};
use super::text_format::Texts;
use super::{Elements, Fields, Input, Inspect, Survey, Take};
use crate::{Report, Segment, Source};

/// `null`, a missing value and an empty text are `None`, but an empty text is a value of a text type. A flattened
/// `Option` is `None` if the client sent none of its keys.
impl<T: Inspect> Inspect for Option<T> {
    const KEEPS_EMPTY: bool = T::KEEPS_EMPTY;
    const IS_LEAF: bool = T::IS_LEAF;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Json(json) if json.kind() == JsonKind::Null => Some(None),
            Input::Texts([]) | Input::Pairs([]) => Some(None),
            Input::Texts([only]) if only.is_empty() && !T::KEEPS_EMPTY => Some(None),
            Input::Rest(fields) => flattened(input, fields, report),
            Input::Json(_) | Input::Texts(_) | Input::Pairs(_) => {
                T::inspect(input, report).map(Some)
            }
        }
    }

    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        let nothing = match input {
            Input::Json(json) => json.kind() == JsonKind::Null,
            Input::Texts([only]) => only.is_empty() && !T::KEEPS_EMPTY,
            Input::Texts(_) | Input::Pairs(_) | Input::Rest(_) => false,
        };
        if !nothing {
            T::parts(input, source, &mut |place, value| take(place, Some(value)));
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

/// A type that is flattened into an `Option`. serde returns `None` for everything that it cannot read. Here a fault in
/// a sent key is reported instead.
fn flattened<T: Inspect>(
    input: Input<'_>,
    fields: &Fields<'_>,
    report: &mut Report,
) -> Option<Option<T>> {
    let before = fields.read_count();
    let mut aside = report.sub_report();
    let value = T::inspect(input, &mut aside);
    if aside.found() == 0 || fields.read_count() == before {
        return Some(value.filter(|_| aside.found() == 0));
    }
    report.absorb(aside);
    value.map(Some)
}

macro_rules! pointers {
    ($($pointer:ident)*) => {$(
        impl<T: Inspect> Inspect for $pointer<T> {
            const KEEPS_EMPTY: bool = T::KEEPS_EMPTY;
            const IS_LEAF: bool = T::IS_LEAF;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                T::inspect(input, report).map(Self::new)
            }

            fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
                T::parts(input, source, &mut |place, value| take(place, Self::new(value)));
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

/// Reads every item, also those after a refused one.
fn items<T: Inspect, C: Default + Extend<T>>(input: Input<'_>, report: &mut Report) -> Option<C> {
    let elements = Elements::open(input, report)?;
    let mut list = C::default();
    let mut whole = true;
    for (index, element) in elements.iter().enumerate() {
        if report.is_done() {
            return None;
        }
        let item = report.at_index(index, |report| T::inspect(element, report));
        whole &= item.is_some();
        list.extend(item);
    }
    whole.then_some(list)
}

/// Reads every item into a list of its own.
fn item_parts<T: Inspect, C: FromIterator<T>>(
    input: Input<'_>,
    source: Source,
    take: &mut Take<'_, C>,
) {
    let Some(elements) = Elements::open(input, &mut Report::first_only(source)) else {
        return;
    };
    for (index, element) in elements.iter().enumerate() {
        T::parts(element, source, &mut |mut place, item| {
            place.push(Segment::Index(index));
            take(place, C::from_iter([item]));
        });
    }
}

fn check_items<'a, T: Inspect + 'a>(items: impl Iterator<Item = &'a T>, report: &mut Report) {
    for (index, item) in items.enumerate() {
        report.at_index(index, |report| item.check_deep(report));
    }
}

macro_rules! lists {
    ($(<$($param:ident $(: $bound:ident $(+ $more:ident)*)?),*> $list:ty;)*) => {$(
        impl<$($param $(: $bound $(+ $more)*)?),*> Inspect for $list {
            const IS_LEAF: bool = T::IS_LEAF;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                items(input, report)
            }

            fn survey(survey: &mut Survey) {
                T::survey(survey);
            }

            fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
                item_parts(input, source, take);
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
    const IS_LEAF: bool = T::IS_LEAF;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        items::<T, Vec<T>>(input, report).map(Vec::into_boxed_slice)
    }

    fn survey(survey: &mut Survey) {
        T::survey(survey);
    }

    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        item_parts(input, source, take);
    }

    fn check_deep(&self, report: &mut Report) {
        check_items(self.iter(), report);
    }
}

/// Reads every entry in the order sent. If a key was sent twice, the last value counts, as with serde.
fn entries<K: DeserializeOwned, V: Inspect, C: Default + Extend<(K, V)>>(
    input: Input<'_>,
    report: &mut Report,
) -> Option<C> {
    let fields = Fields::open(input, report)?;
    let mut map = C::default();
    let mut whole = true;
    for (text, input) in fields.each() {
        if report.is_done() {
            return None;
        }
        let entry = report.at_borrowed_key(text, |report| {
            let key = key(text, input, report);
            let value = V::inspect(input, report);
            Some((key?, value?))
        });
        whole &= entry.is_some();
        map.extend(entry);
    }
    whole.then_some(map)
}

/// Reads every entry into a map of its own. If a key was sent twice, the last value counts.
fn entry_parts<K: DeserializeOwned, V: Inspect, C: FromIterator<(K, V)>>(
    input: Input<'_>,
    source: Source,
    take: &mut Take<'_, C>,
) {
    let aside = &mut Report::first_only(source);
    let Some(fields) = Fields::open(input, aside) else {
        return;
    };
    let last: HashMap<&str, usize> = fields
        .each()
        .enumerate()
        .map(|(index, (text, _))| (text, index))
        .collect();
    for (index, (text, input)) in fields.each().enumerate() {
        if last.get(text) != Some(&index) {
            continue;
        }
        V::parts(input, source, &mut |mut place, value| {
            if let Some(key) = key::<K>(text, input, aside) {
                place.push(Segment::from(text.to_owned()));
                take(place, C::from_iter([(key, value)]));
            }
        });
    }
}

/// A key is a text on the wire. In JSON it is read as serde_json reads it, elsewhere like any other text.
fn key<K: DeserializeOwned>(text: &str, value: Input<'_>, report: &mut Report) -> Option<K> {
    let key = match value {
        Input::Json(_) => json::key(text),
        Input::Texts(_) | Input::Pairs(_) | Input::Rest(_) => {
            K::deserialize(Texts(&[Cow::Borrowed(text)])).map_err(ReadError::of_key)
        }
    };
    key.map_err(|error| error.report(report)).ok()
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

            fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
                entry_parts(input, source, take);
            }

            /// Entries have numbers, as in `validator`, since a key need not be a text.
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
    const IS_LEAF: bool = T::IS_LEAF;

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

    /// An array cannot hold a single element, so the element fills all its places.
    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        let aside = &mut Report::first_only(source);
        let Some(elements) = Elements::exactly(N, input, aside) else {
            return;
        };
        for (index, element) in elements.iter().enumerate() {
            let copies = (0..N).map(|_| T::inspect(element, aside));
            let copies: Option<Vec<T>> = copies.collect();
            if let Some(Ok(array)) = copies.map(Self::try_from) {
                take(vec![Segment::Index(index)], array);
            }
        }
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
