//! Keys with texts as one value: a whole query, form, head or path.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use validator::Validate;

use super::path_format::Values;
use super::{Fields, Input, Inspect, buffered_texts, check, serde_types};
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

/// Reads a serde type. The first fault is reported.
/// ```
/// use hybrid_validate::{Report, Source, inspect};
/// use std::collections::BTreeMap;
///
/// let mut report = Report::new(Source::Query);
/// let pairs = [("limit".into(), "20".into())];
/// let read: Option<BTreeMap<String, u32>> = inspect::read_pairs_plain(&pairs, &mut report);
/// assert_eq!(read.expect("a good query")["limit"], 20);
/// ```
pub fn read_pairs_plain<T: DeserializeOwned>(pairs: &Pairs<'_>, report: &mut Report) -> Option<T> {
    serde_types::inspect(Input::Pairs(pairs), report)
}

/// Reads a type with a derived `validator::Validate`, and validates it.
pub fn read_pairs_validator<T: DeserializeOwned + Validate>(
    pairs: &Pairs<'_>,
    report: &mut Report,
) -> Option<T> {
    validated(read_pairs_plain(pairs, report)?, pairs, report)
}

/// Reads the values of a path, in the order of its template, into a serde type: one value, a tuple, or by name.
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
    match buffered_texts::read(read) {
        Ok(value) => Some(value),
        Err(error) => {
            serde_types::found_again(error, &fields).report(report);
            None
        }
    }
}

/// The same for a type with a derived `validator::Validate`, which is then validated.
pub fn read_path_validator<T: DeserializeOwned + Validate>(
    pairs: &Pairs<'_>,
    report: &mut Report,
) -> Option<T> {
    validated(read_path_plain(pairs, report)?, pairs, report)
}

/// The value, if `validator` accepts it.
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
