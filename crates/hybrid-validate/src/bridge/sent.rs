//! The wire name of a field, told by what was sent.
//!
//! An error of `validator` holds the value that it refused. Where the letters of a name tell nothing, the key of the
//! sent object under which that very value stands is the field's name, if there is only one such key that no other
//! field can claim. A guess, but one that cannot name a key that was not sent.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value};
use validator::{ValidationErrors, ValidationErrorsKind};

use super::names::position;
use super::{Field, WireName, WireNames, fields};
use crate::FromParam;
use crate::violation::Segment;

pub(super) fn find(
    names: &WireNames,
    sent: &Value,
    path: &[Segment],
    field: &Field<'_>,
) -> WireName {
    let by_letters = names.find(path, field.rust_name);
    let Some(object) = at(sent, path).and_then(Value::as_object) else {
        return by_letters;
    };
    let declared = names.fields(path);
    if position(declared.unwrap_or_default(), field.rust_name).is_some() {
        return by_letters;
    }
    // Without a list of fields (beside a flattened struct), every key that was sent may be one.
    let keys: Vec<&str> = match declared {
        Some(declared) => declared
            .iter()
            .copied()
            .filter(|key| object.contains_key(*key))
            .collect(),
        None => object.keys().map(String::as_str).collect(),
    };
    let found = position(&keys, field.rust_name).or_else(|| only_match(&keys, object, field));
    let Some(found) = found else {
        // A struct under no key at all, in an object whose fields serde does not list, is a flattened one.
        return match field.kind {
            ValidationErrorsKind::Struct(_) if declared.is_none() => WireName::flattened(),
            _ => by_letters,
        };
    };
    let order = declared.and_then(|declared| declared.iter().position(|key| *key == keys[found]));
    WireName {
        order: order.unwrap_or(usize::MAX),
        name: Cow::Owned(keys[found].to_owned()),
    }
}

/// The one key whose value may be the field's and that no neighbour's name fits.
fn only_match(keys: &[&str], object: &Map<String, Value>, field: &Field<'_>) -> Option<usize> {
    let claimed: Vec<usize> = fields(field.neighbours)
        .filter_map(|(name, _)| position(keys, name))
        .collect();
    let mut fitting = (0..keys.len())
        .filter(|index| !claimed.contains(index) && may_be(&object[keys[*index]], field.kind));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn may_be(value: &Value, kind: &ValidationErrorsKind) -> bool {
    match kind {
        ValidationErrorsKind::Struct(_) => value.is_object(),
        ValidationErrorsKind::List(items) => {
            value.is_array()
                || items
                    .values()
                    .all(|inner| values(value).any(|it| fits(it, inner)))
        }
        ValidationErrorsKind::Field(errors) => errors
            .iter()
            .any(|error| error.params.get("value").is_some_and(|it| same(it, value))),
    }
}

/// Equal as JSON; a float that was sent without its fraction is the same number, and a text may be what was made of it.
fn same(refused: &Value, sent: &Value) -> bool {
    if refused == sent {
        return true;
    }
    match (refused, sent) {
        (Value::Number(refused), Value::Number(sent)) => refused.as_f64() == sent.as_f64(),
        (Value::Number(refused), Value::String(sent)) => {
            refused.to_string() == *sent || sent.parse().ok() == refused.as_f64()
        }
        (Value::Bool(refused), Value::String(sent)) => bool::from_param(sent) == Ok(*refused),
        (Value::Array(refused), Value::Array(sent)) => {
            refused.len() == sent.len() && refused.iter().zip(sent).all(|(a, b)| same(a, b))
        }
        (Value::Array(refused), sent) => matches!(&refused[..], [only] if same(only, sent)),
        _ => false,
    }
}

/// The places of the refused elements. `validator` numbers the entries of a map in the order of the program's map; what
/// was sent has keys there, and the one whose values were refused is meant. Entries with the same refused values have
/// the same faults, so that it does not matter which of them is taken first.
pub(super) fn elements<'e>(
    sent: &Value,
    path: &[Segment],
    items: &'e BTreeMap<usize, Box<ValidationErrors>>,
) -> Vec<(Segment, &'e ValidationErrors)> {
    let by_index = items
        .iter()
        .map(|(index, errors)| (Segment::Index(*index), &**errors));
    let Some(entries) = at(sent, path).and_then(Value::as_object) else {
        return by_index.collect();
    };
    // Those of which most is known choose first.
    let mut left: Vec<(Segment, &ValidationErrors)> = by_index.collect();
    left.sort_by_key(|(_, errors)| Reverse(errors.errors().len()));
    let mut found: Vec<(Option<usize>, Segment, &ValidationErrors)> = Vec::new();
    for (step, errors) in left {
        let entry = entries.iter().enumerate().find(|(position, (_, value))| {
            !found.iter().any(|(taken, ..)| *taken == Some(*position)) && fits(value, errors)
        });
        found.push(match entry {
            Some((position, (key, _))) => (Some(position), Segment::from(key.clone()), errors),
            None => (None, step, errors),
        });
    }
    found.sort_by_key(|(position, ..)| position.unwrap_or(usize::MAX));
    found
        .into_iter()
        .map(|(_, step, errors)| (step, errors))
        .collect()
}

/// Whether every value that was refused is somewhere in what was sent.
fn fits(sent: &Value, errors: &ValidationErrors) -> bool {
    fields(errors).all(|(_, kind)| match kind {
        ValidationErrorsKind::Struct(inner) => {
            fits(sent, inner) || values(sent).any(|value| fits(value, inner))
        }
        ValidationErrorsKind::List(items) => items
            .values()
            .all(|inner| values(sent).any(|list| values(list).any(|element| fits(element, inner)))),
        ValidationErrorsKind::Field(errors) => errors.iter().all(|error| {
            let refused = error.params.get("value");
            refused.is_none_or(|refused| values(sent).any(|value| same(refused, value)))
        }),
    })
}

/// What is in an object or an array.
fn values(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Object(object) => Box::new(object.values()),
        Value::Array(list) => Box::new(list.iter()),
        _ => Box::new(std::iter::empty()),
    }
}

fn at<'a>(value: &'a Value, path: &[Segment]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Segment::Key(key) => value.get(key.as_ref()),
        Segment::Index(index) => value.get(index),
    })
}
