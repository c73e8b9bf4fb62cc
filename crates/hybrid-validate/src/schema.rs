//! Adds rules as JSON Schema keywords (draft 2020-12) to the shape of a type.
//!
//! The shape is the schema of the type (`{"type":"array","items":{"type":"integer"}}`). The rules narrow it. Each
//! keyword goes where it has a meaning: bounds to the numbers, lengths to the texts, counts to the list.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::number::Num;
use crate::rule::Rule;

/// Puts the keyword of `rule` into `schema`.
pub fn put_rule(schema: &mut Value, rule: &Rule) {
    let (keyword, mut value) = rule.keyword();
    if let Some(rounded) = rounded_bound(rule) {
        note(past_null(schema), &rule.to_string());
        value = rounded.into();
    }
    match rule {
        Rule::MinItems(_) | Rule::MaxItems(_) | Rule::UniqueItems => {
            let target = past_null(schema);
            let keyword = match (has_type(target, "object"), keyword) {
                (true, "minItems") => "minProperties",
                (true, "maxItems") => "maxProperties",
                _ => keyword,
            };
            insert(target, keyword, value);
        }
        _ => put_on_elements(schema, keyword, &value),
    }
}

/// The bound as a JSON number, if it is an integer of more than 64 bits. `serde_json::Value` stores such integers as
/// floats. The bound is rounded so that the schema refuses no value that keeps the rule.
fn rounded_bound(rule: &Rule) -> Option<f64> {
    let (bound, is_upper) = match rule {
        Rule::Ge(bound) | Rule::Gt(bound) => (bound, false),
        Rule::Le(bound) | Rule::Lt(bound) => (bound, true),
        _ => return None,
    };
    let nearest = match *bound {
        Num::Int(value) if i64::try_from(value).is_err() && u64::try_from(value).is_err() => {
            value as f64
        }
        Num::Uint(value) => value as f64,
        Num::Int(_) | Num::Float(_) => return None,
    };
    let exact = bound.to_string();
    // A float is written as the shortest decimal that reads back as the same float. A client reads that decimal.
    Some(match (as_written(nearest, &exact), is_upper) {
        (Ordering::Less, true) => nearest.next_up(),
        (Ordering::Greater, false) => nearest.next_down(),
        _ => nearest,
    })
}

/// Compares the decimal of a whole float with an integer.
fn as_written(float: f64, exact: &str) -> Ordering {
    let written = float.to_string();
    let magnitude = |text: &str| {
        let digits = text.trim_start_matches('-').to_owned();
        (digits.len(), digits)
    };
    let order = magnitude(&written).cmp(&magnitude(exact));
    if exact.starts_with('-') {
        order.reverse()
    } else {
        order
    }
}

/// The parts of a rule that no keyword can express, for people.
fn note(schema: &mut Value, text: &str) {
    let before = schema.get("$comment").and_then(Value::as_str);
    let text = before.map_or_else(|| text.to_owned(), |before| format!("{before}; {text}"));
    insert(schema, "$comment", text.into());
}

/// Completes the shape from `schemars`: integers get the bounds of their type, an address of either kind has one of two
/// formats, and a set accepts repeated items, which it stores once.
pub fn complete(shape: &mut Value) {
    let Value::Object(keywords) = shape else {
        return;
    };
    keywords.remove("uniqueItems");
    let format = keywords.get("format").and_then(Value::as_str);
    if let Some((min, max)) = format.and_then(limits) {
        keywords.entry("minimum").or_insert(min.into());
        keywords.entry("maximum").or_insert(max.into());
    } else if format == Some("ip") {
        keywords.remove("format");
        let both = json!([{ "format": "ipv4" }, { "format": "ipv6" }]);
        keywords.insert("anyOf".to_owned(), both);
    }
    for keyword in ["items", "additionalProperties", "not"] {
        keywords.get_mut(keyword).into_iter().for_each(complete);
    }
    for keyword in ["prefixItems", "anyOf", "oneOf", "allOf"] {
        let list = keywords.get_mut(keyword).and_then(Value::as_array_mut);
        list.into_iter().flatten().for_each(complete);
    }
    if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
        properties.values_mut().for_each(complete);
    }
}

/// The bounds of an integer type, by the name of its format. JSON numbers cannot express the bounds of 128-bit types.
fn limits(format: &str) -> Option<(Num, Num)> {
    Some(match format {
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "int" => (isize::MIN.into(), isize::MAX.into()),
        "uint32" => (0.into(), u32::MAX.into()),
        "uint64" => (0.into(), u64::MAX.into()),
        "uint" => (0.into(), usize::MAX.into()),
        _ => return None,
    })
}

/// Adds description, example and deprecation to `schema`. An example that is JSON of the right type is written as JSON,
/// any other as text.
pub fn put_documentation(
    schema: &mut Value,
    description: Option<&str>,
    example: Option<&str>,
    deprecated: bool,
) {
    if let Some(text) = description {
        insert(schema, "description", text.into());
    }
    if let Some(text) = example {
        let value = example_value(schema, text);
        insert(schema, "examples", json!([value]));
    }
    if deprecated {
        insert(schema, "deprecated", true.into());
    }
}

/// Goes through lists and maps to their elements.
fn put_on_elements(schema: &mut Value, keyword: &str, value: &Value) {
    let target = past_null(schema);
    if has_type(target, "array") {
        if let Some(tuple) = target.get_mut("prefixItems").and_then(Value::as_array_mut) {
            tuple
                .iter_mut()
                .for_each(|item| put_on_elements(item, keyword, value));
        } else {
            put_on_elements(entry(target, "items"), keyword, value);
        }
    } else if has_type(target, "object") {
        put_on_elements(entry(target, "additionalProperties"), keyword, value);
    } else {
        insert(target, keyword, value.clone());
    }
}

/// The schema of the value, if `schema` also allows `null`.
fn past_null(schema: &mut Value) -> &mut Value {
    let branch = ["anyOf", "oneOf"].into_iter().find_map(|keyword| {
        let branches = schema.get(keyword)?.as_array()?;
        let position = branches
            .iter()
            .position(|branch| !has_only_type(branch, "null"))?;
        (branches.len() == 2 && branches.iter().any(|branch| has_only_type(branch, "null")))
            .then_some((keyword, position))
    });
    match branch {
        Some((keyword, position)) => past_null(&mut schema[keyword][position]),
        None => schema,
    }
}

fn has_only_type(schema: &Value, name: &str) -> bool {
    schema.get("type").is_some_and(|kind| kind == name)
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        Some(kind) => kind == name,
        None => false,
    }
}

/// The schema under `keyword`. If there is none yet, or only `true`, it becomes one without constraints.
fn entry<'a>(schema: &'a mut Value, keyword: &str) -> &'a mut Value {
    let slot = &mut schema[keyword];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot
}

/// Adds a keyword. A tighter bound of the type is kept. `null` stays in a list of values if the type allows it.
fn insert(schema: &mut Value, keyword: &str, value: Value) {
    if !schema.is_object() {
        *schema = Value::Object(Map::new());
    }
    let tighter = match (keyword, schema.get(keyword)) {
        ("minimum" | "minLength" | "minItems", Some(old)) => order(old) > order(&value),
        ("maximum" | "maxLength" | "maxItems", Some(old)) => order(old) < order(&value),
        _ => false,
    };
    if tighter {
        return;
    }
    let value = match value {
        Value::Array(mut allowed) if keyword == "enum" && has_type(schema, "null") => {
            allowed.push(Value::Null);
            Value::Array(allowed)
        }
        value => value,
    };
    schema[keyword] = value;
}

fn order(value: &Value) -> Option<Num> {
    value
        .as_i64()
        .map(Num::from)
        .or_else(|| value.as_u64().map(Num::from))
        .or_else(|| value.as_f64().map(Num::from))
}

fn example_value(schema: &Value, text: &str) -> Value {
    if has_type(schema, "string") {
        return text.into();
    }
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
