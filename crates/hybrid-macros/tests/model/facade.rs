//! What the facade would hand on, so that models compile here without it.

/// The names that generated code may use.
pub(crate) mod __private {
    pub(crate) use hybrid_validate::__private::*;
}

pub(crate) use hybrid_macros::model;

use hybrid_validate::inspect::{Inspect, read_json, read_pairs};
use hybrid_validate::{Report, Source, Violation};
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// The value, or each violation as `loc code`: `data.3.value ge`.
pub(crate) fn json<T: DeserializeOwned + Inspect>(text: &str) -> Result<T, Vec<String>> {
    let mut report = Report::new(Source::Body);
    match read_json(text.as_bytes(), &mut report) {
        Ok(Some(value)) => {
            assert!(report.is_empty());
            Ok(value)
        }
        Ok(None) => Err(list(report)),
        Err(error) => Err(vec![format!("not json: {error}")]),
    }
}

/// The same for `a=1&b=2`, which is not decoded.
pub(crate) fn query<T: Inspect>(text: &str) -> Result<T, Vec<String>> {
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').expect("a pair"))
        .map(|(key, text)| (key.into(), text.into()))
        .collect();
    let mut report = Report::new(Source::Query);
    read_pairs(&pairs, &mut report).ok_or_else(|| list(report))
}

pub(crate) fn list(report: Report) -> Vec<String> {
    report.into_violations().iter().map(shown).collect()
}

pub(crate) fn shown(violation: &Violation) -> String {
    let path: Vec<String> = violation
        .location
        .path
        .iter()
        .map(ToString::to_string)
        .collect();
    format!("{} {}", path.join("."), violation.code)
}
