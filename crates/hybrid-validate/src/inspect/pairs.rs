//! Keys with texts as one value: queries, forms, heads and paths taken whole.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use validator::Validate;

use super::{Input, Inspect, foreign, json};
use crate::Report;

/// Keys and texts in the order sent, decoded.
pub type Pairs<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// Reads a model. The value is there exactly if nothing was reported.
pub fn read_pairs<T: Inspect>(pairs: &Pairs<'_>, report: &mut Report) -> Option<T> {
    let mark = report.found();
    let value = T::inspect(Input::Pairs(pairs), report);
    value.filter(|_| report.found() == mark)
}

/// Reads a type that only knows serde; the first fault is reported.
pub fn read_pairs_plain<T: DeserializeOwned>(pairs: &Pairs<'_>, report: &mut Report) -> Option<T> {
    foreign::inspect(Input::Pairs(pairs), report)
}

/// Reads a type with a derived `validator::Validate`, and validates it.
pub fn read_pairs_validator<T: DeserializeOwned + Validate>(
    pairs: &Pairs<'_>,
    report: &mut Report,
) -> Option<T> {
    json::validated(read_pairs_plain(pairs, report)?, report)
}
