//! The elements of an opened list, by position. The counterpart of [`Fields`](super::Fields).

use std::borrow::Cow;

use super::field_value::read_whole;
use super::json::JsonKind;
use super::probe::Inspector;
use super::{Input, Json};
use crate::{Param, Report};

/// The elements of a list.
#[derive(Debug)]
pub struct Elements<'a>(ElementValues<'a>);

#[derive(Debug)]
enum ElementValues<'a> {
    Json(Vec<Json<'a>>),
    Texts(&'a [Cow<'a, str>]),
    /// A whole source by position: `Path<(u32, u32)>`. Each value is reported at its key.
    Values(&'a [Pair<'a>]),
    /// A whole source pair by pair: `Query<Vec<(String, String)>>`.
    Pairs(&'a [Pair<'a>]),
    /// One pair of those.
    Pair(&'a Pair<'a>),
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

impl<'a> Elements<'a> {
    /// The elements of the input, or a violation if it is not a list.
    pub fn open(input: Input<'a>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Texts(texts) => Some(Self(ElementValues::Texts(texts))),
            Input::Json(json) => json.elements(report).map(ElementValues::Json).map(Self),
            Input::Pairs(pairs) => Some(Self(ElementValues::Pairs(pairs))),
            Input::Rest(_) => {
                report.expected(JsonKind::Array.name());
                None
            }
        }
    }

    /// The elements of a list of a fixed length.
    pub fn exactly(count: usize, input: Input<'a>, report: &mut Report) -> Option<Self> {
        let elements = match input {
            Input::Pairs([pair]) if count == 2 => Self(ElementValues::Pair(pair)),
            Input::Pairs(pairs) => Self(ElementValues::Values(pairs)),
            _ => Self::open(input, report)?,
        };
        if elements.len() != count {
            report.expected(&format!("an array of {count} elements"));
            return None;
        }
        Some(elements)
    }

    /// Reads the element at `index` and checks its rules.
    pub fn read<T>(
        &self,
        index: usize,
        field: &Param<T>,
        inspector: Inspector<T>,
        report: &mut Report,
    ) -> Option<T> {
        self.read_plain(index, report, |input, report| {
            read_whole(field, inspector, input, report)
        })
    }

    /// Reads the element at `index`, which has no rules.
    pub(super) fn read_plain<T>(
        &self,
        index: usize,
        report: &mut Report,
        inspect: impl FnOnce(Input<'_>, &mut Report) -> Option<T>,
    ) -> Option<T> {
        match self.0 {
            ElementValues::Values(pairs) => {
                let (key, text) = pairs.get(index)?;
                let texts = std::slice::from_ref(text);
                report.at_borrowed_key(key, |report| inspect(Input::Texts(texts), report))
            }
            _ => {
                let element = self.element(index)?;
                report.at_index(index, |report| inspect(element, report))
            }
        }
    }

    /// The elements in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Input<'_>> {
        (0..self.len()).filter_map(|index| self.element(index))
    }

    fn element(&self, index: usize) -> Option<Input<'_>> {
        match &self.0 {
            ElementValues::Json(list) => list.get(index).copied().map(Input::Json),
            ElementValues::Texts(texts) => texts.get(index).map(one),
            ElementValues::Values(pairs) => pairs.get(index).map(|(_, text)| one(text)),
            ElementValues::Pairs(pairs) => {
                pairs.get(index).map(std::slice::from_ref).map(Input::Pairs)
            }
            ElementValues::Pair((key, text)) => [key, text].get(index).map(|text| one(text)),
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            ElementValues::Json(list) => list.len(),
            ElementValues::Texts(texts) => texts.len(),
            ElementValues::Values(pairs) | ElementValues::Pairs(pairs) => pairs.len(),
            ElementValues::Pair(_) => 2,
        }
    }
}

fn one<'a>(text: &'a Cow<'a, str>) -> Input<'a> {
    Input::Texts(std::slice::from_ref(text))
}
