//! Checks the rules of an existing value. A model's `Deserialize` calls this, so no value escapes its rules.
//!
//! A model's `Deserialize` can return a refusal only as a text, since the format defines the error type. The violations
//! are therefore stored beside it, in a thread-local, until the caller of the reading takes them. The text tells
//! whether they belong to the error.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;

use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

use super::Input;
use super::probe::Inspector;
use crate::{Param, Report, Segment, Source, Violation};

/// The rules of a type, without those of the values inside it.
pub trait Check {
    /// Checks the rules of each field.
    fn check(&self, report: &mut Report) {
        let _ = report;
    }

    /// Checks rules across fields. Called only if the fields are valid.
    fn check_across(&self, report: &mut Report) {
        let _ = report;
    }
}

/// The values inside a type, with all their rules. It is not part of [`Check`], since it needs more bounds on type
/// parameters.
pub trait Inside: Check {
    /// Checks them.
    fn check_inside(&self, report: &mut Report);
}

/// Checks the rules of one field, at its name.
#[inline]
pub fn check_field<T>(field: &Param<T>, value: &T, report: &mut Report) {
    report.at_key(field.name(), |report| field.check(value, report));
}

/// Checks the rules of one element, at its index.
#[inline]
pub fn check_element<T>(index: usize, field: &Param<T>, value: &T, report: &mut Report) {
    report.at_index(index, |report| field.check(value, report));
}

/// A value that was just deserialised, if it keeps its rules.
///
/// # Errors
///
/// The first broken rule, as a sentence. All of them are stored for [`recall`].
#[inline]
pub fn checked<T: Check, E: serde::de::Error>(value: T) -> Result<T, E> {
    let mut report = Report::new(Source::Body);
    value.check(&mut report);
    if report.is_empty() {
        value.check_across(&mut report);
    }
    if report.is_empty() {
        Ok(value)
    } else {
        Err(E::custom(keep(report)))
    }
}

/// The end of an inspection: checks the rules across fields if nothing was reported since `mark`.
pub fn across<T: Check>(value: T, mark: usize, report: &mut Report) -> T {
    if report.found() == mark {
        value.check_across(report);
    }
    value
}

/// Builds a value from one of another type, then checks its rules. For `#[serde(from = ..)]`.
pub fn made_from<O, T: Check>(
    input: Input<'_>,
    report: &mut Report,
    inspector: Inspector<O>,
    make: impl FnOnce(O) -> T,
) -> Option<T> {
    let make = |other| Ok::<T, std::convert::Infallible>(make(other));
    tried_from(input, report, inspector, make)
}

/// The same with a conversion that may fail. A failure is a violation with the code `custom`. For `#[serde(try_from =
/// ..)]`.
pub fn tried_from<O, T: Check, E: Display>(
    input: Input<'_>,
    report: &mut Report,
    inspector: Inspector<O>,
    make: impl FnOnce(O) -> Result<T, E>,
) -> Option<T> {
    let mark = report.found();
    let other = (inspector.inspect)(input, report)?;
    if report.found() > mark {
        return None;
    }
    match make(other) {
        Ok(value) => {
            value.check(report);
            Some(across(value, mark, report))
        }
        Err(error) => {
            report.violate("custom", error.to_string());
            None
        }
    }
}

/// Checks all rules of a model and of the values inside it.
pub fn check_deep<T: Inside>(value: &T, report: &mut Report) {
    let mark = report.found();
    value.check(report);
    value.check_inside(report);
    if report.found() == mark {
        value.check_across(report);
    }
}

thread_local! {
    static KEPT: RefCell<Option<(String, Vec<Violation>)>> = const { RefCell::new(None) };
}

/// Stores the violations and returns the text that stands for them.
#[cold]
fn keep(report: Report) -> String {
    let violations = report.into_violations();
    let text = violations.first().map(in_words).unwrap_or_default();
    KEPT.set(Some((text.clone(), violations)));
    text
}

/// `data.3.value: must be at least 0`, or only the sentence for the value itself.
fn in_words(violation: &Violation) -> String {
    let path: Vec<String> = violation
        .location
        .path
        .iter()
        .map(Segment::to_string)
        .collect();
    if path.is_empty() {
        violation.message.clone()
    } else {
        format!("{}: {}", path.join("."), violation.message)
    }
}

/// Drops the violations of an earlier reading.
pub(super) fn forget() {
    KEPT.set(None);
}

/// The violations that `text` stands for, if a model has refused with that text.
pub(super) fn recall(text: &str) -> Option<Vec<Violation>> {
    let (kept, violations) = KEPT.take()?;
    (kept == text).then_some(violations)
}

// === What a check across fields may answer ===

/// Wraps the error of a user's check across fields. Its type decides how it is reported.
#[derive(Debug)]
pub struct Refusal<E>(pub E);

/// Called by `#[model(validate = ..)]`: violations keep their place, relative to the model.
pub trait RefuseInPlace {
    /// Reports them.
    fn refuse(self, report: &mut Report);
}

/// Called by `#[model(validate = ..)]`: any other error is a sentence about the whole model.
pub trait RefuseAsWhole {
    /// Reports it with the code `custom`.
    fn refuse(self, report: &mut Report);
}

impl RefuseInPlace for Refusal<Violation> {
    fn refuse(self, report: &mut Report) {
        Refusal(vec![self.0]).refuse(report);
    }
}

impl RefuseInPlace for Refusal<Vec<Violation>> {
    fn refuse(self, report: &mut Report) {
        for mut violation in self.0 {
            violation.location.source = report.source();
            report.push(violation);
        }
    }
}

impl RefuseInPlace for Refusal<ValidationErrors> {
    fn refuse(self, report: &mut Report) {
        crate::bridge::from_validator(&self.0, report);
    }
}

impl<E: Display> RefuseAsWhole for &Refusal<E> {
    fn refuse(self, report: &mut Report) {
        report.violate("custom", self.0.to_string());
    }
}

// === As `validator` sees it ===

/// The result of `validator::Validate` for a model: codes, messages and parameters under wire names.
///
/// # Errors
///
/// The violations that [`check_deep`] finds.
pub fn validate<T: Inside>(value: &T) -> Result<(), ValidationErrors> {
    let mut report = Report::new(Source::Body);
    check_deep(value, &mut report);
    if report.is_empty() {
        return Ok(());
    }
    let mut errors = ValidationErrors::new();
    for violation in report.into_violations() {
        let path: Vec<Segment> = violation.location.path.clone();
        insert(&mut errors, &path, violation);
    }
    Err(errors)
}

/// Puts one violation where `validator` would put it. The fault of an element belongs to its list. A nested fault is
/// left out if the field has failed already.
fn insert(errors: &mut ValidationErrors, path: &[Segment], violation: Violation) {
    let (key, rest) = match path {
        [] => ("__all__".into(), path),
        [Segment::Key(key), rest @ ..] => (key.clone(), rest),
        [Segment::Index(index), rest @ ..] => (index.to_string().into(), rest),
    };
    let slot = errors.0.entry(key);
    match rest {
        [] | [Segment::Index(_)] => {
            let error = error(violation);
            match slot {
                Entry::Occupied(mut taken) => match taken.get_mut() {
                    ValidationErrorsKind::Field(list) => list.push(error),
                    other => *other = ValidationErrorsKind::Field(vec![error]),
                },
                Entry::Vacant(free) => {
                    free.insert(ValidationErrorsKind::Field(vec![error]));
                }
            }
        }
        [Segment::Index(index), rest @ ..] => {
            let list = slot.or_insert_with(|| ValidationErrorsKind::List(BTreeMap::new()));
            if let ValidationErrorsKind::List(list) = list {
                insert(list.entry(*index).or_default(), rest, violation);
            }
        }
        [Segment::Key(_), ..] => {
            let inner = slot.or_insert_with(|| ValidationErrorsKind::Struct(Box::default()));
            if let ValidationErrorsKind::Struct(inner) = inner {
                insert(inner, rest, violation);
            }
        }
    }
}

fn error(violation: Violation) -> ValidationError {
    let mut error = ValidationError::new("");
    error.code = violation.code;
    error.message = Some(violation.message.into());
    error.params = violation
        .params
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.into(), value))
        .collect();
    error
}
