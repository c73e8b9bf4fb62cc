//! Models inside other types: generic, recursive, foreign; and what says something about the whole.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use validator::Validate;

use crate::facade::{json, list, model, query, shown};
use hybrid_validate::inspect::{read_json, read_json_plain, read_json_validator};
use hybrid_validate::{Report, Segment, Source, Violation};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Item {
    #[field(ge = 1)]
    id: i64,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Page<T> {
    #[field(min_items = 1)]
    items: Vec<T>,
    #[field(default = Vec::new())]
    more: Vec<T>,
    next: Option<T>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Bounded<T>
where
    T: Copy,
{
    #[field(ge = 1, le = 9)]
    value: T,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Tree {
    #[field(max_length = 3)]
    name: String,
    #[serde(default)]
    children: Vec<Self>,
    parent: Option<Box<Self>>,
}

#[test]
fn generic_models_check_what_they_hold() {
    let page: Page<Item> = json(r#"{"items":[{"id":1}]}"#).unwrap();
    assert_eq!(page.items, [Item { id: 1 }]);
    assert_eq!(
        json::<Page<Item>>(r#"{"items":[],"next":{"id":0}}"#).unwrap_err(),
        ["items min_items", "next.id ge"]
    );
    assert_eq!(
        json::<Page<u8>>(r#"{"items":[256,1]}"#).unwrap_err(),
        ["items.0 type"]
    );
    assert_eq!(
        query::<Page<u8>>("items=1&items=x").unwrap_err(),
        ["items.1 type"]
    );
    assert_eq!(
        json::<Bounded<u8>>(r#"{"value":10}"#).unwrap_err(),
        ["value le"]
    );
    assert_eq!(
        json::<Bounded<f64>>(r#"{"value":0.5}"#).unwrap_err(),
        ["value ge"]
    );
    assert_eq!(
        json::<Page<Page<Item>>>(r#"{"items":[{"items":[{"id":0}]}]}"#).unwrap_err(),
        ["items.0.items.0.id ge"]
    );
}

#[test]
fn recursive_models_are_followed() {
    let text = r#"{"name":"a","children":[{"name":"long"},{"name":"b","children":[{"name":1}]}]}"#;
    assert_eq!(
        json::<Tree>(text).unwrap_err(),
        [
            "children.0.name max_length",
            "children.1.children.0.name type"
        ]
    );
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| {
        let open = r#"{"name":"a","parent":"#.repeat(levels);
        format!(r#"{open}{{"name":"a"}}{}"#, "}".repeat(levels))
    };
    assert!(json::<Tree>(&deep(120)).is_ok());
    let too_deep = json::<Tree>(&deep(200)).unwrap_err();
    assert!(
        too_deep[0].starts_with("not json: recursion limit exceeded"),
        "{too_deep:?}"
    );
    // A fault before the depth is reached: the second pass must see it for itself.
    let late = format!(r#"{{"name":1,"parent":{}}}"#, deep(100_000));
    let too_deep = json::<Tree>(&late).unwrap_err();
    assert!(
        too_deep[0].starts_with("not json: recursion limit exceeded"),
        "{too_deep:?}"
    );
    // What is not read is not counted.
    let skipped = format!(
        r#"{{"name":"a","x":{}{}}}"#,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    assert!(json::<Tree>(&skipped).is_ok());
}

/// A type that only knows serde, with models inside.
#[derive(Debug, Deserialize, PartialEq)]
struct Foreign<T> {
    inner: T,
    list: Vec<T>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct AroundForeign {
    id: u8,
    foreign: Foreign2,
    #[serde(default)]
    map: HashMap<String, Item>,
}

type Foreign2 = OnlyIn;

#[derive(Debug, Deserialize, serde::Serialize, PartialEq)]
struct OnlyIn {
    item: Item,
    n: u8,
}

#[test]
fn foreign_types_list_what_is_wrong_in_them() {
    let faults = json::<AroundForeign>(
        r#"{"id":300,"foreign":{"item":{"id":0},"n":"x"},"map":{"a":{"id":0},"b":{}}}"#,
    );
    assert_eq!(
        faults.unwrap_err(),
        [
            "id type",
            "foreign.item.id ge",
            "foreign.n type",
            "map.a.id ge",
            "map.b.id missing"
        ]
    );
    let faults = json::<AroundForeign>(r#"{"id":1,"foreign":{"item":{"id":1}}}"#);
    assert_eq!(faults.unwrap_err(), ["foreign.n missing"]);
}

#[test]
fn models_inside_plain_types_keep_their_codes() {
    let mut report = Report::new(Source::Body);
    let text = br#"{"inner":{"id":1},"list":[{"id":1},{"id":0}]}"#;
    let value = read_json_plain::<Foreign<Item>>(text, &mut report).unwrap();
    assert_eq!(value, None);
    let violations = report.into_violations();
    assert_eq!(
        violations.iter().map(shown).collect::<Vec<_>>(),
        ["list.1.id ge"]
    );
    assert_eq!(violations[0].message, "must be at least 1");
    assert_eq!(violations[0].params.as_ref().unwrap()["ge"], 1);
}

#[test]
fn serde_alone_refuses_too() {
    let error = serde_json::from_str::<Vec<Item>>(r#"[{"id":0}]"#).unwrap_err();
    assert!(
        error.to_string().starts_with("id: must be at least 1"),
        "{error}"
    );
}

#[derive(Debug, Deserialize, Validate, PartialEq)]
struct Signup {
    #[validate(length(min = 3))]
    name: String,
}

#[model(crate = crate::facade)]
#[derive(Debug)]
struct Team {
    #[field(min_items = 1)]
    items: Vec<Item>,
    #[serde(skip_serializing)]
    lead: Option<Unchecked>,
}

#[derive(Debug, Deserialize, Validate)]
struct Unchecked {
    #[validate(range(max = 3))]
    rank: u8,
}

#[test]
fn validator_sees_the_same_rules() {
    let mut report = Report::new(Source::Body);
    let value = read_json_validator::<Signup>(br#"{"name":"ab"}"#, &mut report).unwrap();
    assert_eq!(
        (value, list(report)),
        (None, vec!["name length".to_owned()])
    );

    let team = Team {
        items: vec![Item { id: 1 }, Item { id: 0 }],
        lead: Some(Unchecked { rank: 9 }),
    };
    let errors = team.validate().unwrap_err();
    let mut report = Report::new(Source::Body);
    hybrid_validate::bridge::from_validator(&errors, &mut report);
    assert_eq!(list(report), ["items.1.id ge", "lead.rank range"]);
    assert!(
        Team {
            items: vec![Item { id: 1 }],
            lead: None
        }
        .validate()
        .is_ok()
    );
    let errors = Team {
        items: vec![],
        lead: None,
    }
    .validate()
    .unwrap_err();
    assert_eq!(errors.field_errors()["items"][0].code, "min_items");
    assert_eq!(errors.field_errors()["items"][0].params["min_items"], 1);
}

#[model(validate = Dates::in_order, crate = crate::facade)]
#[derive(Debug)]
struct Dates {
    #[field(ge = 1)]
    from: u8,
    to: u8,
}

impl Dates {
    fn in_order(&self) -> Result<(), String> {
        assert!(self.from >= 1, "called with a value that breaks its rules");
        if self.from <= self.to {
            Ok(())
        } else {
            Err("ends before it begins".to_owned())
        }
    }
}

fn placed(model: &Placed) -> Result<(), Violation> {
    if model.a == model.b {
        return Ok(());
    }
    let location = hybrid_validate::Location {
        source: Source::Body,
        path: vec![Segment::Key("b".into())],
    };
    Err(Violation {
        location,
        code: "same".into(),
        message: "must be like a".into(),
        params: None,
    })
}

#[model(validate = placed, crate = crate::facade)]
#[derive(Debug)]
struct Placed {
    a: u8,
    b: u8,
}

#[test]
fn checks_across_fields_run_on_sound_values_only() {
    assert!(json::<Dates>(r#"{"from":1,"to":2}"#).is_ok());
    assert_eq!(
        json::<Dates>(r#"{"from":3,"to":2}"#).unwrap_err(),
        [" custom"]
    );
    assert_eq!(
        json::<Dates>(r#"{"from":0,"to":2}"#).unwrap_err(),
        ["from ge"]
    );
    assert_eq!(
        json::<Vec<Dates>>(r#"[{"from":3,"to":2},{"from":0,"to":0}]"#).unwrap_err(),
        ["0 custom", "1.from ge"]
    );
    assert_eq!(query::<Dates>("from=3&to=2").unwrap_err(), [" custom"]);
    assert_eq!(
        json::<Vec<Placed>>(r#"[{"a":1,"b":2}]"#).unwrap_err(),
        ["0.b same"]
    );
}

fn even(value: &u8) -> Result<(), &'static str> {
    if value.is_multiple_of(2) {
        Ok(())
    } else {
        Err("must be even")
    }
}

#[model(crate = crate::facade)]
#[derive(Debug)]
struct Edges {
    small: Option<i8>,
    big: Option<u64>,
    huge: Option<i128>,
    vast: Option<u128>,
    #[field(custom = even)]
    even: Option2,
    #[field(unique_items, ge = 2)]
    list: Vec<u8>,
    float: Option<f64>,
    any: Option<serde_json::Value>,
    map: Option<BTreeMap<String, Vec<(u8, bool)>>>,
}

type Option2 = u8;

#[test]
fn integers_are_exact_at_their_edges() {
    let text = |field: &str, value: &str| format!(r#"{{"even":0,"list":[],"{field}":{value}}}"#);
    for (field, good, bad) in [
        ("small", "-128", "-129"),
        ("big", "18446744073709551615", "18446744073709551616"),
        (
            "huge",
            "-170141183460469231731687303715884105728",
            "-170141183460469231731687303715884105729",
        ),
        (
            "vast",
            "340282366920938463463374607431768211455",
            "340282366920938463463374607431768211456",
        ),
        ("float", "1.7976931348623157e308", "1e309"),
        ("big", "0", "1.0"),
        ("big", "null", "-1"),
        ("small", "1", "\"1\""),
    ] {
        assert!(json::<Edges>(&text(field, good)).is_ok(), "{field} {good}");
        assert_eq!(
            json::<Edges>(&text(field, bad)).unwrap_err(),
            [format!("{field} type")]
        );
    }
}

#[test]
fn element_rules_and_custom_checks_have_their_places() {
    let text = r#"{"even":1,"list":[2,1,2],"map":{"a":[[1,true],[1]],"b":7}}"#;
    assert_eq!(
        json::<Edges>(text).unwrap_err(),
        [
            "even custom",
            "list unique_items",
            "list.1 ge",
            "map.a.1 type",
            "map.b type"
        ]
    );
}

#[test]
fn lone_surrogates_are_json_and_no_text() {
    assert_eq!(
        json::<Tree>(r#"{"name":"\ud800"}"#).unwrap_err(),
        ["name type"]
    );
    assert_eq!(
        json::<Tree>(r#"{"\ud800":1,"name":"a"}"#).unwrap_err(),
        [" type"]
    );
}

#[test]
fn bytes_that_are_no_text_are_no_json() {
    let mut report = Report::new(Source::Body);
    let error = read_json::<Tree>(b"{\"name\":\n \"\xff\"}", &mut report).unwrap_err();
    assert_eq!((error.line, error.column), (2, 3));
}
