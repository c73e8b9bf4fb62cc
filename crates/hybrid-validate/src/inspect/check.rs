//! The rules of a value that exists: run by a model's `Deserialize`, so that nothing gets round them.
//!
//! A model's `Deserialize` can hand a refusal to its caller only as a text, since the error type is that of the
//! format. The violations themselves are therefore kept beside it, per thread, until whoever drives the reading
//! asks for them; the text tells whether they belong to the error at hand.

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

    /// Checks what is said across fields; called only where the fields are right.
    fn check_across(&self, report: &mut Report) {
        let _ = report;
    }
}

/// The values inside a type, each with all its rules. Apart from [`Check`], since it asks more of type parameters.
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
/// The first broken rule, in words; all of them are kept for [`recall`].
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

/// The end of an inspection: what is said across fields is checked if nothing was wrong since `mark`.
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

/// The same where the making may fail, which is a violation with the code `custom`. For `#[serde(try_from = ..)]`.
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

/// All the rules of a model and of what is inside it.
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

/// Puts the violations aside and gives the text that stands for them.
#[cold]
fn keep(report: Report) -> String {
    let violations = report.into_violations();
    let text = violations.first().map(in_words).unwrap_or_default();
    KEPT.set(Some((text.clone(), violations)));
    text
}

/// `data.3.value: must be at least 0`, or the sentence alone for the value itself.
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

/// Drops what an earlier reading has left.
pub(super) fn forget() {
    KEPT.set(None);
}

/// The violations that `text` stands for, if a model has refused with it.
pub(super) fn recall(text: &str) -> Option<Vec<Violation>> {
    let (kept, violations) = KEPT.take()?;
    (kept == text).then_some(violations)
}

// === What a check across fields may answer ===

/// Wraps the error of a user's check across fields, to see by its type how it is reported.
#[derive(Debug)]
pub struct Refusal<E>(pub E);

/// Called by `#[model(validate = ..)]`: violations keep their place, counted from the model.
pub trait RefuseInPlace {
    /// Reports them.
    fn refuse(self, report: &mut Report);
}

/// Called by `#[model(validate = ..)]`: any other error is a sentence about the model as a whole.
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

/// What `validator::Validate` answers for a model: codes, messages and parameters under wire names.
///
/// # Errors
///
/// Whatever [`check_deep`] finds.
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

/// Puts one violation where `validator` would: an element's own fault stands with its list, a nested fault is left
/// out where the field has failed already.
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
