//! Random bodies against a naive model over `serde_json::Value`: the same violations in the same order. And bytes of
//! every kind: no panic, and never a value together with a violation.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::facade::{self, model};
use hybrid_validate::inspect::read_json;
use hybrid_validate::{Report, Source};

#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug, Clone, PartialEq)]
struct Order {
    #[field(ge = 1, le = 1000)]
    id: i64,
    #[field(min_length = 2)]
    name: String,
    #[field(gt = 0)]
    price: f64,
    #[field(max_items = 2, max_length = 3)]
    tags: Vec<String>,
    item: Item,
    #[field(min_items = 1)]
    items: Vec<Item>,
    map: BTreeMap<String, Item>,
    kind: Kind,
    shape: Shape,
    flag: Option<bool>,
    #[field(default = 7, multiple_of = 7)]
    weight: u8,
}

#[model(crate = crate::facade)]
#[derive(Debug, Clone, PartialEq)]
struct Item {
    #[field(ge = 3)]
    code: u8,
    #[field(max_length = 3)]
    note: Option<String>,
}

#[model(crate = crate::facade)]
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Big,
    Small,
}

#[model(crate = crate::facade)]
#[derive(Debug, Clone, PartialEq)]
#[serde(tag = "t")]
enum Shape {
    Dot,
    Disc {
        #[field(gt = 0)]
        radius: f64,
    },
}

// === The naive model ===

/// Violations found so far, as `loc code`.
type Found = Vec<String>;

fn add(found: &mut Found, at: &str, code: &str) {
    found.push(format!("{at} {code}"));
}

/// The same, for a value that could not be built.
fn refuse(found: &mut Found, at: &str, code: &str) -> bool {
    add(found, at, code);
    false
}

/// Each of these says whether the value could be built.
fn integer(value: &Value, range: (i128, i128), at: &str, found: &mut Found) -> Option<i128> {
    let number = value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from));
    let number = number.filter(|number| (range.0..=range.1).contains(number));
    if number.is_none() {
        add(found, at, "type");
    }
    number
}

fn text<'a>(value: &'a Value, at: &str, found: &mut Found) -> Option<&'a str> {
    if value.as_str().is_none() {
        add(found, at, "type");
    }
    value.as_str()
}

fn field<'a>(
    map: &'a Map<String, Value>,
    at: &str,
    key: &str,
    found: &mut Found,
) -> Option<&'a Value> {
    let value = map.get(key);
    if value.is_none() {
        add(found, &join(at, key), "missing");
    }
    value
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() {
        key.to_owned()
    } else {
        format!("{at}.{key}")
    }
}

fn item(value: &Value, at: &str, found: &mut Found) -> bool {
    let Some(map) = value.as_object() else {
        return refuse(found, at, "type");
    };
    let mut built = true;
    match field(map, at, "code", found) {
        Some(value) => match integer(value, (0, 255), &join(at, "code"), found) {
            Some(number) if number < 3 => add(found, &join(at, "code"), "ge"),
            Some(_) => {}
            None => built = false,
        },
        None => built = false,
    }
    match map.get("note") {
        None | Some(Value::Null) => {}
        Some(value) => match text(value, &join(at, "note"), found) {
            Some(text) if text.chars().count() > 3 => {
                add(found, &join(at, "note"), "max_length");
            }
            Some(_) => {}
            None => built = false,
        },
    }
    built
}

fn price(value: &Value, at: &str, found: &mut Found) -> bool {
    match value.as_f64() {
        Some(number) if number > 0.0 => true,
        Some(_) => {
            add(found, at, "gt");
            true
        }
        None => refuse(found, at, "type"),
    }
}

fn shape(value: &Value, at: &str, found: &mut Found) -> bool {
    let Some(map) = value.as_object() else {
        return refuse(found, at, "type");
    };
    let Some(tag) = field(map, at, "t", found) else {
        return false;
    };
    let Some(tag) = text(tag, &join(at, "t"), found) else {
        return false;
    };
    match tag {
        "Dot" => true,
        "Disc" => match field(map, at, "radius", found) {
            Some(radius) => price(radius, &join(at, "radius"), found),
            None => false,
        },
        _ => refuse(found, &join(at, "t"), "one_of"),
    }
}

fn naive(body: &Value) -> Found {
    let mut found = Found::new();
    let Some(map) = body.as_object() else {
        return vec![" type".to_owned()];
    };
    if let Some(value) = field(map, "", "id", &mut found)
        && let Some(id) = integer(value, (i64::MIN.into(), i64::MAX.into()), "id", &mut found)
    {
        if id < 1 {
            add(&mut found, "id", "ge");
        }
        if id > 1000 {
            add(&mut found, "id", "le");
        }
    }
    if let Some(value) = field(map, "", "name", &mut found)
        && let Some(name) = text(value, "name", &mut found)
        && name.chars().count() < 2
    {
        add(&mut found, "name", "min_length");
    }
    if let Some(value) = field(map, "", "price", &mut found) {
        price(value, "price", &mut found);
    }
    if let Some(value) = field(map, "", "tags", &mut found) {
        tags(value, &mut found);
    }
    if let Some(value) = field(map, "", "item", &mut found) {
        item(value, "item", &mut found);
    }
    if let Some(value) = field(map, "", "items", &mut found) {
        match value.as_array() {
            None => add(&mut found, "items", "type"),
            Some(list) => {
                let mut built = true;
                for (index, value) in list.iter().enumerate() {
                    built &= item(value, &format!("items.{index}"), &mut found);
                }
                if built && list.is_empty() {
                    add(&mut found, "items", "min_items");
                }
            }
        }
    }
    if let Some(value) = field(map, "", "map", &mut found) {
        match value.as_object() {
            None => add(&mut found, "map", "type"),
            Some(map) => {
                for (key, value) in map {
                    item(value, &join("map", key), &mut found);
                }
            }
        }
    }
    if let Some(value) = field(map, "", "kind", &mut found) {
        kind(value, &mut found);
    }
    if let Some(value) = field(map, "", "shape", &mut found) {
        shape(value, "shape", &mut found);
    }
    if !matches!(map.get("flag"), None | Some(Value::Null | Value::Bool(_))) {
        add(&mut found, "flag", "type");
    }
    if let Some(value) = map.get("weight")
        && let Some(weight) = integer(value, (0, 255), "weight", &mut found)
        && weight % 7 != 0
    {
        add(&mut found, "weight", "multiple_of");
    }
    const KNOWN: [&str; 11] = [
        "id", "name", "price", "tags", "item", "items", "map", "kind", "shape", "flag", "weight",
    ];
    for key in map.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
        add(&mut found, key, "unknown_field");
    }
    found
}

fn tags(value: &Value, found: &mut Found) {
    let Some(list) = value.as_array() else {
        return add(found, "tags", "type");
    };
    if list.iter().all(Value::is_string) && list.len() > 2 {
        add(found, "tags", "max_items");
    }
    for (index, value) in list.iter().enumerate() {
        let at = format!("tags.{index}");
        if let Some(text) = text(value, &at, found)
            && text.chars().count() > 3
        {
            add(found, &at, "max_length");
        }
    }
}

fn kind(value: &Value, found: &mut Found) {
    let name = match value {
        Value::String(name) => name,
        Value::Object(map) if map.len() == 1 => {
            let (name, content) = map.iter().next().expect("one");
            if ["Big", "Small"].contains(&name.as_str()) {
                if !content.is_null() {
                    add(found, &format!("kind.{name}"), "type");
                }
                return;
            }
            name
        }
        _ => return add(found, "kind", "type"),
    };
    if !["Big", "Small"].contains(&name.as_str()) {
        add(found, "kind", "one_of");
    }
}

// === Random bodies ===

fn good() -> Value {
    json!({
        "id": 5, "name": "ab", "price": 1.5, "tags": ["a", "bcd"],
        "item": {"code": 3, "note": null},
        "items": [{"code": 4, "note": "ab"}, {"code": 5}],
        "map": {"x": {"code": 6}, "y": {"code": 7, "note": ""}},
        "kind": "Big", "shape": {"t": "Disc", "radius": 2}, "flag": true, "weight": 14,
    })
}

fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3i64..20).prop_map(Value::from),
        (-2.0f64..2.0).prop_map(Value::from),
        "[a-zäß\"\\\\]{0,5}".prop_map(Value::from),
        prop_oneof![Just("Big"), Just("Disc"), Just("Dot")].prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("(code|note|t|radius|Big|z)", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// One change: a walk into the body, and what is done where it ends.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    /// The same type, another value.
    Tweak(i64, String),
    Remove,
    Insert(String, Value),
}

fn change() -> impl Strategy<Value = (Vec<prop::sample::Index>, Change)> {
    let what = prop_oneof![
        6 => (prop_oneof![-3i64..15, 250..260i64, 998..1003i64], "[a-zäß]{0,5}")
            .prop_map(|(number, text)| Change::Tweak(number, text)),
        2 => junk().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => ("[a-z]{1,2}", junk()).prop_map(|(key, value)| Change::Insert(key, value)),
    ];
    (
        prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        what,
    )
}

fn apply(body: &mut Value, walk: &[prop::sample::Index], change: Change) {
    if let ([step, rest @ ..], false) = (walk, walk.is_empty()) {
        match body {
            Value::Object(map) if !map.is_empty() => {
                let key = map
                    .keys()
                    .nth(step.index(map.len()))
                    .expect("in range")
                    .clone();
                if rest.is_empty() && matches!(change, Change::Remove) {
                    map.remove(&key);
                } else {
                    apply(&mut map[&key], rest, change);
                }
                return;
            }
            Value::Array(list) if !list.is_empty() => {
                let index = step.index(list.len());
                return apply(&mut list[index], rest, change);
            }
            _ => {}
        }
    }
    match (body, change) {
        (body, Change::Replace(value)) => *body = value,
        (Value::Number(old), Change::Tweak(number, _)) => *old = number.into(),
        (Value::String(old), Change::Tweak(_, text)) => *old = text,
        (Value::Array(list), Change::Tweak(number, _)) => {
            let more = list.first().cloned();
            list.extend(more);
            list.truncate(usize::try_from(number).unwrap_or_default());
        }
        (Value::Object(map), Change::Insert(key, value)) => drop(map.insert(key, value)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_body_has_the_violations_that_the_naive_model_finds(
        changes in prop::collection::vec(change(), 0..8)
    ) {
        let mut body = good();
        for (walk, change) in changes {
            apply(&mut body, &walk, change);
        }
        let expected = naive(&body);
        let text = body.to_string();
        match facade::json::<Order>(&text) {
            Ok(order) => {
                prop_assert_eq!(expected, Found::new());
                let again = serde_json::to_string(&order).unwrap();
                prop_assert_eq!(facade::json::<Order>(&again).unwrap(), order);
            }
            Err(found) => prop_assert_eq!(found, expected, "{}", text),
        }
    }

    /// The float in the body is the float that the handler gets.
    #[test]
    fn a_float_is_read_exactly(price in 0.01f64..1e300) {
        let mut body = good();
        body["price"] = price.into();
        let order = facade::json::<Order>(&body.to_string()).expect("a good body");
        prop_assert_eq!(order.price.to_bits(), price.to_bits());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        judge(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(
        at in any::<prop::sample::Index>(),
        len in 0usize..9,
        put in prop_oneof!["[\\[\\]{}\",:0-9eE.\\\\u-]{0,9}", "\\PC{0,4}"],
    ) {
        let mut text = good().to_string().into_bytes();
        let from = at.index(text.len());
        let to = (from + len).min(text.len());
        text.splice(from..to, put.bytes());
        judge(&text);
    }
}

/// Exactly one of the three: a value, violations, or no JSON.
fn judge(bytes: &[u8]) {
    let mut report = Report::new(Source::Body);
    match read_json::<Order>(bytes, &mut report) {
        Ok(Some(_)) => assert!(report.is_empty()),
        Ok(None) => assert!(!report.is_empty()),
        Err(error) => {
            assert!(report.is_empty());
            assert!(error.line >= 1);
            assert!(serde_json::from_slice::<Value>(bytes).is_err(), "{error}");
        }
    }
}
