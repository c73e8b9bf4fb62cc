//! Rules as JSON Schema keywords (draft 2020-12), put into the shape of a type.
//!
//! The shape says what the type says (`{"type":"array","items":{"type":"integer"}}`); the rules narrow it, and each
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

/// The bound as a JSON number, where it is an integer of more than 64 bits: the JSON values of this crate hold no such
/// integers, only floats. It is rounded so that no value is refused by the schema that keeps the rule.
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
    // A float is written as the shortest decimal that reads back as the same float, which is what a client reads.
    Some(match (as_written(nearest, &exact), is_upper) {
        (Ordering::Less, true) => nearest.next_up(),
        (Ordering::Greater, false) => nearest.next_down(),
        _ => nearest,
    })
}

/// How the decimal that stands for a whole float is to an integer.
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

/// What a keyword cannot say, for people.
fn note(schema: &mut Value, text: &str) {
    let before = schema.get("$comment").and_then(Value::as_str);
    let text = before.map_or_else(|| text.to_owned(), |before| format!("{before}; {text}"));
    insert(schema, "$comment", text.into());
}

/// Makes of the shape that `schemars` gives a type what is read of it: integers have the bounds of their type, an
/// address of either kind has one of two formats, and a set takes repetitions, which it keeps once.
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

/// The bounds of an integer type, by the name of its format. Those of 128-bit types fit no JSON number.
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

/// Puts description, example and deprecation into `schema`. An example that is JSON of the right kind stands as
/// that, any other as text.
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

/// Goes through lists and maps to what they hold.
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

/// The schema of what is there, where `schema` allows `null` beside it.
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

/// The schema under `keyword`; where there is none yet, or only `true`, one without constraints.
fn entry<'a>(schema: &'a mut Value, keyword: &str) -> &'a mut Value {
    let slot = &mut schema[keyword];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot
}

/// Puts a keyword in; a bound that the type has already stays where it is the tighter one, and `null` stays one of
/// the values of a list where the type allows it.
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
