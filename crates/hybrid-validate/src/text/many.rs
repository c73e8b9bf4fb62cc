//! How `Option`, lists and sets treat absent, empty and repeated values.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};

use serde_json::{Value, json};

use super::{FromParam, FromTexts, Style, elements};
use crate::report::Report;
use crate::violation::Source;

/// An absent value is `None`. So is one empty text, unless the value is a text.
impl<T: FromTexts> FromTexts for Option<T> {
    const EMPTY_IS_A_VALUE: bool = T::EMPTY_IS_A_VALUE;
    const MAY_BE_ABSENT: bool = true;

    fn from_texts(texts: &[Cow<'_, str>], style: Style, report: &mut Report) -> Option<Self> {
        match texts {
            [] => Some(None),
            [only] if only.is_empty() && !T::EMPTY_IS_A_VALUE => Some(None),
            _ => T::from_texts(texts, style, report).map(Some),
        }
    }

    fn parts(texts: &[Cow<'_, str>], style: Style, source: Source) -> Vec<(usize, Self)> {
        let parts = T::parts(texts, style, source).into_iter();
        parts.map(|(index, part)| (index, Some(part))).collect()
    }

    fn schema() -> Value {
        T::schema()
    }
}

macro_rules! lists {
    ($(
        $(#[$doc:meta])*
        <T: $first:ident $(+ $more:ident)* $(, $hasher:ident)?> $list:ty;
    )*) => {$(
        $(#[$doc])*
        impl<T: $first $(+ $more)* $(, $hasher: BuildHasher + Default)?> FromTexts for $list {
            const EMPTY_IS_A_VALUE: bool = T::EMPTY_IS_A_VALUE;

            fn from_texts(texts: &[Cow<'_, str>], style: Style, report: &mut Report) -> Option<Self> {
                collect(texts, style, report)
            }

            fn parts(texts: &[Cow<'_, str>], style: Style, source: Source) -> Vec<(usize, Self)> {
                let mut parts = Vec::new();
                each_element(texts, style, source, |index, text| {
                    if let Ok(value) = T::from_param(text) {
                        parts.push((index, Self::from_iter([value])));
                    }
                });
                parts
            }

            fn schema() -> Value {
                json!({ "type": "array", "items": T::schema() })
            }
        }
    )*};
}

lists! {
    /// Every text is an element, reported at its index. Absence is `missing`.
    <T: FromParam> Vec<T>;
    /// As for `Vec`.
    <T: FromParam> VecDeque<T>;
    /// As for `Vec`. A repeated element is stored once.
    <T: FromParam + Ord> BTreeSet<T>;
    /// As for `Vec`. A repeated element is stored once.
    <T: FromParam + Hash + Eq, S> HashSet<T, S>;
}

/// Reads every element, also those after a refused one, so that all faults are reported.
fn collect<T: FromParam, C: Default + Extend<T>>(
    texts: &[Cow<'_, str>],
    style: Style,
    report: &mut Report,
) -> Option<C> {
    if texts.is_empty() {
        report.missing();
        return None;
    }
    let mark = report.found();
    let mut collected = C::default();
    let source = report.source();
    each_element(texts, style, source, |index, text| {
        match T::from_param(text) {
            Ok(value) => collected.extend([value]),
            Err(error) => report.at_index(index, |report| error.report(report).unwrap_or(())),
        }
    });
    (report.found() == mark).then_some(collected)
}

fn each_element(
    texts: &[Cow<'_, str>],
    style: Style,
    source: Source,
    mut take: impl FnMut(usize, &str),
) {
    match style {
        Style::Repeated => {
            texts
                .iter()
                .enumerate()
                .for_each(|(index, text)| take(index, text));
        }
        Style::Csv => {
            let elements = texts.iter().flat_map(|text| elements(text, source));
            for (index, text) in elements.enumerate() {
                take(index, text);
            }
        }
    }
}
