//! The wire name of a field, told by what was sent.
//!
//! An error of `validator` holds the value that it refused. Where the letters of a name tell nothing, the key of the
//! sent object under which that very value stands is the field's name, if there is only one such key that no other
//! field can claim. A guess, but one that cannot name a key that was not sent.

use std::borrow::Cow;

use serde_json::{Map, Value};
use validator::ValidationErrorsKind;

use super::names::position;
use super::{Field, WireName, WireNames, fields};
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
        // Of a map too, but an array is what it nearly always is.
        ValidationErrorsKind::List(_) => value.is_array(),
        ValidationErrorsKind::Field(errors) => errors
            .iter()
            .any(|error| error.params.get("value").is_some_and(|it| same(it, value))),
    }
}

/// Equal as JSON; a float that was sent without its fraction is the same number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
}

fn at<'a>(value: &'a Value, path: &[Segment]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Segment::Key(key) => value.get(key.as_ref()),
        Segment::Index(index) => value.get(index),
    })
}
