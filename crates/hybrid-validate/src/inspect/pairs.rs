//! Keys with texts as one value: queries, forms, heads and paths taken whole.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use validator::Validate;

use super::path_format::Values;
use super::{Fields, Input, Inspect, check, foreign, guesses};
use crate::Report;
use crate::bridge::{self, SentValue};

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
    validated(read_pairs_plain(pairs, report)?, pairs, report)
}

/// Reads the values of a path, in the order of its template, as a type that only knows serde: one value, a tuple, or
/// by name.
pub fn read_path_plain<T: DeserializeOwned>(pairs: &Pairs<'_>, report: &mut Report) -> Option<T> {
    check::forget();
    let fields = Fields::open(Input::Pairs(pairs), report)?;
    let marks = fields.marks();
    let read = || {
        fields.reset(&marks);
        T::deserialize(Values {
            pairs,
            fields: &fields,
        })
    };
    match guesses::read(read) {
        Ok(value) => Some(value),
        Err(error) => {
            foreign::found_again(error, &fields).report(report);
            None
        }
    }
}

/// The same of a type with a derived `validator::Validate`, which is then validated.
pub fn read_path_validator<T: DeserializeOwned + Validate>(
    pairs: &Pairs<'_>,
    report: &mut Report,
) -> Option<T> {
    validated(read_path_plain(pairs, report)?, pairs, report)
}

/// The value, if `validator` has nothing against it.
fn validated<T: DeserializeOwned + Validate>(
    value: T,
    pairs: &Pairs<'_>,
    report: &mut Report,
) -> Option<T> {
    match value.validate() {
        Ok(()) => Some(value),
        Err(errors) => {
            bridge::from_validator_sent::<T>(&errors, &SentValue::from_pairs(pairs), report);
            None
        }
    }
}
