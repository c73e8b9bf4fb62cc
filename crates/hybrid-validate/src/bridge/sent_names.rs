//! The wire name of a field, found in what the client sent.
//!
//! An error of `validator` holds the value that it refused. Where no declared name has the letters of a field's Rust
//! name, the sent key with that value is the field's name. This holds only if there is one such key and the name of no
//! other field fits it. It is a guess, but it never names a key that the client did not send.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value;
use validator::{ValidationErrors, ValidationErrorsKind};

use super::names::position;
use super::sent_value::SentValue;
use super::violations::{RefusedField, fields};
use super::{WireName, WireNames};
use crate::text::FromParam;
use crate::violation::Segment;

type SentObject = IndexMap<String, SentValue>;

/// The name of a field and its order: that of the declaration, or else that of the keys as sent.
pub(super) fn find(names: &WireNames, path: &[Segment], field: &RefusedField<'_>) -> WireName {
    let by_letters = names.find(path, field.rust_name);
    let Some(object) = field.sent.and_then(SentValue::as_object) else {
        return by_letters;
    };
    let declared = names.fields(path);
    if position(declared.unwrap_or_default(), field.rust_name).is_some() {
        return by_letters;
    }
    // serde lists no fields beside a flattened struct. There, every sent key may be a field.
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
        // A struct without a key of its own, in an object whose fields serde does not list, is flattened.
        return match field.kind {
            ValidationErrorsKind::Struct(_) if declared.is_none() => WireName::flattened(),
            _ => by_letters,
        };
    };
    let key = keys[found];
    let order = match declared {
        Some(declared) => declared.iter().position(|name| *name == key),
        None => object.get_index_of(key),
    };
    WireName {
        order: order.unwrap_or(usize::MAX),
        name: Cow::Owned(key.to_owned()),
    }
}

/// The only key whose value may be the field's and that the name of no other field fits.
fn only_match(keys: &[&str], object: &SentObject, field: &RefusedField<'_>) -> Option<usize> {
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

fn may_be(sent: &SentValue, kind: &ValidationErrorsKind) -> bool {
    match kind {
        ValidationErrorsKind::Struct(_) => matches!(sent, SentValue::Object(_)),
        ValidationErrorsKind::List(items) => {
            matches!(sent, SentValue::Array(_))
                || items
                    .values()
                    .all(|inner| sent.values().any(|value| fits(value, inner)))
        }
        ValidationErrorsKind::Field(errors) => errors
            .iter()
            .any(|error| error.params.get("value").is_some_and(|it| same(it, sent))),
    }
}

/// Whether the refused value was made of the sent one. A float may be sent without its fraction. In a query or a form
/// every value is sent as a text.
fn same(refused: &Value, sent: &SentValue) -> bool {
    match (refused, sent) {
        (Value::Array(refused), SentValue::Array(sent)) => {
            refused.len() == sent.len() && refused.iter().zip(sent).all(|(a, b)| same(a, b))
        }
        (Value::Object(refused), SentValue::Object(sent)) => {
            let is_sent = |(key, value)| sent.get(key).is_some_and(|sent| same(value, sent));
            refused.len() == sent.len() && refused.iter().all(is_sent)
        }
        (Value::Array(refused), sent) => matches!(&refused[..], [only] if same(only, sent)),
        (refused, SentValue::Scalar(sent)) => same_scalar(refused, sent),
        _ => false,
    }
}

fn same_scalar(refused: &Value, sent: &Value) -> bool {
    match (refused, sent) {
        (Value::Number(refused), Value::Number(sent)) => {
            refused == sent || refused.as_f64() == sent.as_f64()
        }
        (Value::Number(refused), Value::String(sent)) => {
            refused.to_string() == *sent || sent.parse().ok() == refused.as_f64()
        }
        (Value::Bool(refused), Value::String(sent)) => bool::from_param(sent) == Ok(*refused),
        _ => refused == sent,
    }
}

/// How many sent entries are compared with errors in one map. With more, the entries that are left keep their numbers.
const COMPARISONS_MAX: usize = 1_000_000;

/// The place of a refused element, its errors, and the element as sent.
pub(super) type Element<'a> = (Segment, &'a ValidationErrors, Option<&'a SentValue>);

/// The refused elements of a list or a map, in the order sent.
///
/// `validator` numbers the entries of a map in the order of the program's map. What was sent has keys there. The key of
/// a refused entry is the first one whose values were refused. Entries with the same refused values have the same
/// errors, so any of them may be taken first.
pub(super) fn elements<'a>(
    sent: Option<&'a SentValue>,
    items: &'a BTreeMap<usize, Box<ValidationErrors>>,
) -> Vec<Element<'a>> {
    let by_index = items.iter().map(|(index, errors)| {
        let element = sent.and_then(|sent| sent.element(*index));
        (Segment::Index(*index), &**errors, element)
    });
    match sent.and_then(SentValue::as_object) {
        Some(object) => entries(object, by_index.collect()),
        None => by_index.collect(),
    }
}

/// Replaces the numbers of refused elements by keys.
fn entries<'a>(object: &'a SentObject, mut left: Vec<Element<'a>>) -> Vec<Element<'a>> {
    // An element with many errors fits few entries: it is matched before the others.
    left.sort_by_key(|(_, errors, _)| Reverse(errors.errors().len()));
    let mut free: BTreeSet<usize> = (0..object.len()).collect();
    let mut comparisons = 0;
    let mut found: Vec<(usize, Element<'a>)> = Vec::with_capacity(left.len());
    for (number, errors, _) in left {
        let position = first_fit(&free, object, errors, &mut comparisons);
        found.push(
            match position.and_then(|index| Some((index, object.get_index(index)?))) {
                Some((index, (key, value))) => {
                    free.remove(&index);
                    (index, (Segment::from(key.clone()), errors, Some(value)))
                }
                None => (usize::MAX, (number, errors, None)),
            },
        );
    }
    found.sort_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, element)| element).collect()
}

/// The first free entry that the errors fit, as long as comparisons are left.
fn first_fit(
    free: &BTreeSet<usize>,
    object: &SentObject,
    errors: &ValidationErrors,
    comparisons: &mut usize,
) -> Option<usize> {
    for index in free {
        if *comparisons == COMPARISONS_MAX {
            return None;
        }
        *comparisons += 1;
        if fits(&object[*index], errors) {
            return Some(*index);
        }
    }
    None
}

/// Whether every refused value is somewhere in what was sent.
fn fits(sent: &SentValue, errors: &ValidationErrors) -> bool {
    fields(errors).all(|(_, kind)| match kind {
        ValidationErrorsKind::Struct(inner) => {
            fits(sent, inner) || sent.values().any(|value| fits(value, inner))
        }
        ValidationErrorsKind::List(items) => items.values().all(|inner| {
            let mut lists = sent.values();
            lists.any(|list| list.values().any(|element| fits(element, inner)))
        }),
        ValidationErrorsKind::Field(errors) => errors.iter().all(|error| {
            let refused = error.params.get("value");
            refused.is_none_or(|refused| sent.values().any(|value| same(refused, value)))
        }),
    })
}
