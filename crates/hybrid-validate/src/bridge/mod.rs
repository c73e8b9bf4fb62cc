//! From the errors of the `validator` crate to violations.
//!
//! `validator` reports under Rust names, in random order, and keeps the refused value in every error. Here the
//! errors are sorted, get the names that the client used, and lose every value.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

use crate::report::Report;
use crate::violation::Segment;

mod message;
mod names;
mod sent;

pub use names::WireNames;

/// Reports every error under the name that it has. For types whose errors bear wire names already.
pub fn from_validator(errors: &ValidationErrors, report: &mut Report) {
    from_validator_named(
        errors,
        &|_: &[Segment], name: &str| WireName::same(name),
        report,
    );
}

/// Reports every error under the name that `T` reads from a request. The names come from `T`'s own `Deserialize`,
/// see [`WireNames`].
pub fn from_validator_of<T: DeserializeOwned>(errors: &ValidationErrors, report: &mut Report) {
    let names = WireNames::of::<T>();
    from_validator_named(
        errors,
        &|path: &[Segment], name: &str| names.find(path, name),
        report,
    );
}

/// As [`from_validator_of`], with what was sent at hand: a field that has a name of its own (`rename = "x"`) is then
/// found by the value that was refused, where just one key of the object has it, and the entry of a map by the values
/// in it. Of a query or a form, what was sent is an object of texts.
pub fn from_validator_sent<T: DeserializeOwned>(
    errors: &ValidationErrors,
    sent: &Value,
    report: &mut Report,
) {
    let names = WireNames::of::<T>();
    let name = |path: &[Segment], field: Field<'_>| sent::find(&names, sent, path, &field);
    Walk {
        name: &name,
        sent,
        path: Vec::new(),
    }
    .object(errors, report);
}

/// What a field is called on the wire, and where it stands among its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireName {
    /// Fields are reported in this order; those with equal numbers by name.
    pub order: usize,
    /// The name. An empty one adds no step to the location: the fields of a flattened struct stand among those of
    /// the struct round it.
    pub name: Cow<'static, str>,
}

impl WireName {
    /// The Rust name, at the end.
    #[must_use]
    pub fn same(rust_name: &str) -> Self {
        Self {
            order: usize::MAX,
            name: Cow::Owned(rust_name.to_owned()),
        }
    }
}

impl WireName {
    /// The fields of a flattened struct stand among those of the struct round it.
    const fn flattened() -> Self {
        Self {
            order: usize::MAX,
            name: Cow::Borrowed(""),
        }
    }

    fn is_flattened(&self) -> bool {
        self.name.is_empty()
    }
}

/// Reports every error under the name that `rename` gives it, asked with the wire path of the struct and the Rust
/// name of its field.
pub fn from_validator_named(
    errors: &ValidationErrors,
    rename: &dyn Fn(&[Segment], &str) -> WireName,
    report: &mut Report,
) {
    let name = |path: &[Segment], field: Field<'_>| rename(path, field.rust_name);
    Walk {
        name: &name,
        sent: &Value::Null,
        path: Vec::new(),
    }
    .object(errors, report);
}

/// The key under which `validator` keeps the errors of checks across fields.
const WHOLE: &str = "__all__";

/// A field with errors, as `validator` sees it.
struct Field<'a> {
    rust_name: &'a str,
    kind: &'a ValidationErrorsKind,
    /// The struct that it is a field of.
    neighbours: &'a ValidationErrors,
}

struct Walk<'a> {
    name: &'a dyn Fn(&[Segment], Field<'_>) -> WireName,
    /// `null` where it is not at hand.
    sent: &'a Value,
    path: Vec<Segment>,
}

impl Walk<'_> {
    fn object(&mut self, errors: &ValidationErrors, report: &mut Report) {
        let named = |(rust_name, kind)| {
            let field = Field {
                rust_name,
                kind,
                neighbours: errors,
            };
            ((self.name)(&self.path, field), kind)
        };
        let mut fields: Vec<(WireName, &ValidationErrorsKind)> =
            fields(errors).map(named).collect();
        // What is flattened comes behind the fields of the struct itself.
        fields.sort_by(|(a, _), (b, _)| {
            let rank = |wire: &WireName| (wire.order, wire.is_flattened());
            rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
        });
        for (wire, kind) in fields {
            if wire.is_flattened() {
                self.kind(kind, report);
                continue;
            }
            self.path.push(Segment::Key(wire.name.clone()));
            report.at_key(wire.name, |report| self.kind(kind, report));
            self.path.pop();
        }
        // What was checked across fields stands at the struct itself, behind its fields.
        if let Some(kind) = errors.errors().get(WHOLE) {
            self.kind(kind, report);
        }
    }

    fn kind(&mut self, kind: &ValidationErrorsKind, report: &mut Report) {
        match kind {
            ValidationErrorsKind::Struct(errors) => self.object(errors, report),
            ValidationErrorsKind::List(items) => {
                for (step, errors) in sent::elements(self.sent, &self.path, items) {
                    self.path.push(step.clone());
                    report.at(|| step, |report| self.object(errors, report));
                    self.path.pop();
                }
            }
            ValidationErrorsKind::Field(errors) => {
                errors.iter().for_each(|error| report_error(error, report));
            }
        }
    }
}

fn fields(errors: &ValidationErrors) -> impl Iterator<Item = (&str, &ValidationErrorsKind)> {
    let all = errors
        .errors()
        .iter()
        .map(|(name, kind)| (name.as_ref(), kind));
    all.filter(|(name, _)| *name != WHOLE)
}

fn report_error(error: &ValidationError, report: &mut Report) {
    let text = message::of(error);
    let params = params(error);
    if params.is_empty() {
        report.violate(error.code.clone(), text);
    } else {
        report.violate_with(error.code.clone(), text, params);
    }
}

/// The parameters of the rule, without what the client sent: `value` is the refused value, and the `other` of
/// `must_match` is the value of the other field.
fn params(error: &ValidationError) -> Map<String, Value> {
    let is_of_rule =
        |name: &str| name != "value" && !(error.code == "must_match" && name == "other");
    let mut params: Vec<_> = error
        .params
        .iter()
        .filter(|(name, _)| is_of_rule(name))
        .collect();
    params.sort_by(|a, b| a.0.cmp(b.0));
    params
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect()
}
