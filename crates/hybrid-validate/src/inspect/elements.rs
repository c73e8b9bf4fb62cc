//! A list that is open: its elements by position. The counterpart of [`Fields`](super::Fields).

use std::borrow::Cow;

use super::json::Kind;
use super::probe::Inspector;
use super::{Input, Json, expected};
use crate::{Param, Report};

/// The elements of a list.
#[derive(Debug)]
pub struct Elements<'a>(Held<'a>);

#[derive(Debug)]
enum Held<'a> {
    Json(Vec<Json<'a>>),
    Texts(&'a [Cow<'a, str>]),
    /// A whole source by position: `Path<(u32, u32)>`. Each stands at its key.
    Pairs(&'a [(Cow<'a, str>, Cow<'a, str>)]),
}

impl<'a> Elements<'a> {
    /// The elements of the input, or a violation where it is no list.
    pub fn open(input: Input<'a>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Texts(texts) => Some(Self(Held::Texts(texts))),
            Input::Json(json) => json.elements(report).map(Held::Json).map(Self),
            Input::Pairs(_) | Input::Rest(_) => {
                expected(Kind::Array.name(), report);
                None
            }
        }
    }

    /// The elements of a list of a fixed length.
    pub fn exactly(count: usize, input: Input<'a>, report: &mut Report) -> Option<Self> {
        let elements = match input {
            Input::Pairs(pairs) => Self(Held::Pairs(pairs)),
            _ => Self::open(input, report)?,
        };
        if elements.len() != count {
            expected(&format!("an array of {count} elements"), report);
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
            let value = (inspector.inspect)(input, report)?;
            field.check(&value, report);
            Some(value)
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
            Held::Pairs(pairs) => {
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
            Held::Json(list) => list.get(index).copied().map(Input::Json),
            Held::Texts(texts) => texts.get(index).map(std::slice::from_ref).map(Input::Texts),
            Held::Pairs(pairs) => pairs
                .get(index)
                .map(|(_, text)| Input::Texts(std::slice::from_ref(text))),
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Held::Json(list) => list.len(),
            Held::Texts(texts) => texts.len(),
            Held::Pairs(pairs) => pairs.len(),
        }
    }
}
