//! One pass over the errors of `validator`: names, order, sentences.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

use super::sent_value::SentValue;
use super::{WireNames, message, sent_names};
use crate::report::Report;
use crate::violation::Segment;

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

/// As [`from_validator_of`], and uses what the client sent. The key of a field with `rename = "x"` is found by the
/// refused value, if just one key of the object has that value. The key of a map's entry is found by the values in the
/// entry.
pub fn from_validator_sent<T: DeserializeOwned>(
    errors: &ValidationErrors,
    sent: &SentValue,
    report: &mut Report,
) {
    let names = WireNames::of::<T>();
    let name = |path: &[Segment], field: &RefusedField<'_>| sent_names::find(&names, path, field);
    let mut walk = ErrorWalk {
        name: &name,
        path: Vec::new(),
    };
    walk.object(errors, Some(sent), report);
}

/// The name of a field on the wire, and its place among the fields of its struct.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireName {
    /// Fields are reported in this order. Those with equal numbers are reported by name.
    pub order: usize,
    /// The name. An empty name adds no step to the location: the fields of a flattened struct are fields of the struct
    /// around it.
    pub name: Cow<'static, str>,
}

impl WireName {
    /// The Rust name, after all fields with a known place.
    #[must_use]
    pub fn same(rust_name: &str) -> Self {
        Self {
            order: usize::MAX,
            name: Cow::Owned(rust_name.to_owned()),
        }
    }

    pub(super) const fn flattened() -> Self {
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
    let name = |path: &[Segment], field: &RefusedField<'_>| rename(path, field.rust_name);
    let mut walk = ErrorWalk {
        name: &name,
        path: Vec::new(),
    };
    walk.object(errors, None, report);
}

/// The key under which `validator` keeps the errors of checks across fields.
const WHOLE: &str = "__all__";

/// A field with errors, as `validator` sees it.
pub(super) struct RefusedField<'a> {
    pub(super) rust_name: &'a str,
    pub(super) kind: &'a ValidationErrorsKind,
    /// The errors of its struct.
    pub(super) neighbours: &'a ValidationErrors,
    /// The struct as the client sent it, if that is known.
    pub(super) sent: Option<&'a SentValue>,
}

/// The errors of one object: those of its fields, and those of checks across fields.
#[derive(Default)]
struct ObjectErrors<'a> {
    fields: Vec<(WireName, &'a ValidationErrorsKind)>,
    whole: Vec<&'a ValidationErrorsKind>,
}

struct ErrorWalk<'a> {
    name: &'a dyn Fn(&[Segment], &RefusedField<'_>) -> WireName,
    path: Vec<Segment>,
}

impl ErrorWalk<'_> {
    fn object(&mut self, errors: &ValidationErrors, sent: Option<&SentValue>, report: &mut Report) {
        let mut sorted = ObjectErrors::default();
        self.sort(errors, sent, &mut sorted);
        // The sort is stable: fields with equal wire names stay in the order of their Rust names.
        sorted.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (wire, kind) in sorted.fields {
            let inner = sent.and_then(|sent| sent.get(&wire.name));
            self.path.push(Segment::Key(wire.name.clone()));
            report.at_key(wire.name, |report| self.kind(kind, inner, report));
            self.path.pop();
        }
        for kind in sorted.whole {
            self.kind(kind, sent, report);
        }
    }

    /// Names the fields of a struct and of the structs that are flattened into it.
    fn sort<'e>(
        &self,
        errors: &'e ValidationErrors,
        sent: Option<&SentValue>,
        sorted: &mut ObjectErrors<'e>,
    ) {
        // The order of `validator`'s map is random.
        let mut by_name: Vec<_> = fields(errors).collect();
        by_name.sort_unstable_by_key(|(rust_name, _)| *rust_name);
        for (rust_name, kind) in by_name {
            let field = RefusedField {
                rust_name,
                kind,
                neighbours: errors,
                sent,
            };
            let wire = (self.name)(&self.path, &field);
            match kind {
                ValidationErrorsKind::Struct(inner) if wire.is_flattened() => {
                    self.sort(inner, sent, sorted);
                }
                _ if wire.is_flattened() => sorted.whole.push(kind),
                _ => sorted.fields.push((wire, kind)),
            }
        }
        sorted.whole.extend(errors.errors().get(WHOLE));
    }

    fn kind(&mut self, kind: &ValidationErrorsKind, sent: Option<&SentValue>, report: &mut Report) {
        match kind {
            ValidationErrorsKind::Struct(errors) => self.object(errors, sent, report),
            ValidationErrorsKind::List(items) => {
                for (step, errors, element) in sent_names::elements(sent, items) {
                    self.path.push(step.clone());
                    report.at(|| step, |report| self.object(errors, element, report));
                    self.path.pop();
                }
            }
            ValidationErrorsKind::Field(errors) => {
                errors.iter().for_each(|error| report_error(error, report));
            }
        }
    }
}

/// The fields with errors, in no order.
pub(super) fn fields(
    errors: &ValidationErrors,
) -> impl Iterator<Item = (&str, &ValidationErrorsKind)> {
    let all = errors.errors().iter();
    all.map(|(name, kind)| (name.as_ref(), kind))
        .filter(|(name, _)| *name != WHOLE)
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
