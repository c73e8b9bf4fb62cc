//! Reads a value and checks the rules of its field.

use std::collections::HashMap;

use super::Input;
use super::json::JsonKind;
use super::probe::Inspector;
use crate::param::Part;
use crate::{Param, Report, Segment, Source};

/// Reads a value without a name of its own, such as the value of a newtype, and checks its rules.
pub fn read_whole<T>(
    field: &Param<T>,
    inspector: Inspector<T>,
    input: Input<'_>,
    report: &mut Report,
) -> Option<T> {
    let before = report.found();
    let value = (inspector.inspect)(input, report);
    if let Some(value) = &value {
        field.check(value, report);
    }
    if report.found() > before && field.checks_elements(inspector.is_leaf) {
        return as_sent(field, inspector, input, before, report);
    }
    value
}

/// Checks again what was refused since `before`: the rules of each element, at its place in the input.
#[cold]
fn as_sent<T>(
    field: &Param<T>,
    inspector: Inspector<T>,
    input: Input<'_>,
    before: usize,
    report: &mut Report,
) -> Option<T> {
    let mut parts: Vec<Part<T>> = Vec::new();
    (inspector.parts)(input, report.source(), &mut |place, part| {
        parts.push((place, part));
    });
    let keys = input.keys();
    let rank = |step: &Segment| match step {
        Segment::Index(index) => Some(*index),
        Segment::Key(key) => keys.get(&**key).copied(),
    };
    let read = |report: &mut Report| (inspector.inspect)(input, report);
    field.check_as_sent(before, report, read, &parts, rank)
}

impl Input<'_> {
    /// The keys of an object, with their positions in the order sent.
    fn keys(self) -> HashMap<String, usize> {
        let Input::Json(json) = self else {
            return HashMap::new();
        };
        if json.kind() != JsonKind::Object {
            return HashMap::new();
        }
        let entries = json.entries(&mut Report::first_only(Source::Body));
        let keys = entries.into_iter().flatten().map(|(key, _)| key);
        keys.enumerate()
            .map(|(index, key)| (key.into_owned(), index))
            .collect()
    }
}
