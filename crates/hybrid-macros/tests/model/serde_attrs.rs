//! serde's attributes: the same on the way of serde and on that of the list of faults.

use std::collections::{BTreeMap, HashMap};

use crate::facade::{json, model, query};

fn never_zero<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    let number = <u8 as serde::Deserialize>::deserialize(from)?;
    if number == 0 {
        Err(serde::de::Error::custom("zero 0 zero"))
    } else {
        Ok(number)
    }
}

mod hex {
    pub(super) fn serialize<S: serde::Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{value:x}"))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(from)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

fn seven() -> u8 {
    7
}

#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Names {
    first_name: String,
    #[serde(rename = "family", alias = "last", alias = "surname")]
    last_name: Option<String>,
    #[field(alias = "X-Age", le = 150)]
    age: u8,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default = "seven")]
    days: u8,
    #[serde(skip)]
    cache: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(with = "hex", default)]
    colour: u32,
    #[serde(deserialize_with = "never_zero", default = "seven")]
    weight: u8,
    r#type: Option<u8>,
}

#[test]
fn names_on_the_wire() {
    let text = r#"{"firstName":"a","surname":"b","X-Age":3,"colour":"ff","type":1}"#;
    let names: Names = json(text).unwrap();
    assert_eq!(names.last_name.as_deref(), Some("b"));
    assert_eq!(
        (names.days, names.colour, names.weight, names.r#type),
        (7, 255, 7, Some(1))
    );
    assert_eq!(
        serde_json::to_string(&names).unwrap(),
        r#"{"firstName":"a","family":"b","X-Age":3,"tags":[],"days":7,"colour":"ff","weight":7,"type":1}"#
    );
    let text = "firstName=a&last=b&X-Age=3&colour=ff&type=1&tags=x&tags=y";
    let names: Names = query(text).unwrap();
    assert_eq!((names.colour, names.tags.len()), (255, 2));
}

#[test]
fn faults_bear_names_on_the_wire() {
    let faults = json::<Names>(
        r#"{"first_name":1,"family":2,"last":"x","X-Age":151,"colour":"xyz","weight":0,"cache":1}"#,
    );
    assert_eq!(
        faults.unwrap_err(),
        [
            "firstName missing",
            "family duplicate",
            "X-Age le",
            "colour type",
            "weight type",
            "first_name unknown_field",
            "cache unknown_field",
        ]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Paging {
    #[field(ge = 1, default = 1)]
    page: u32,
    size: Option<u32>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Search {
    #[field(min_length = 2)]
    q: String,
    #[serde(flatten)]
    paging: Paging,
    #[serde(flatten)]
    sort: Option<Sort>,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Sort {
    by: String,
    #[field(one_of = ["asc", "desc"])]
    order: String,
}

#[test]
fn flattened_fields_share_the_object() {
    let found: Search = json(r#"{"q":"ab","page":2,"x":"1","by":"n","order":"asc"}"#).unwrap();
    assert_eq!(
        found.paging,
        Paging {
            page: 2,
            size: None
        }
    );
    assert_eq!(found.sort.unwrap().order, "asc");
    assert_eq!(found.rest.keys().collect::<Vec<_>>(), ["x"]);
    let found: Search = query("q=ab&page=2&x=1").unwrap();
    assert_eq!(
        (found.paging.page, found.sort, found.rest.len()),
        (2, None, 1)
    );
    assert_eq!(
        json::<Search>(r#"{"q":"a","page":0,"size":"x","y":1}"#).unwrap_err(),
        ["q min_length", "page ge", "size type", "y type"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Clone)]
#[serde(transparent)]
struct Id {
    #[field(ge = 1)]
    number: u64,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Name(#[field(min_length = 1, max_length = 4)] String);

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Point(#[field(ge = 0)] i32, #[field(ge = 0)] i32);

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Unit;

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Wrappers {
    id: Id,
    ids: Vec<Id>,
    name: Name,
    nick: Option<Name>,
    at: Point,
    by_id: HashMap<u64, Id>,
    unit: Unit,
    boxed: Option<Box<Self>>,
}

#[test]
fn types_without_names_stand_at_their_own_place() {
    let good = r#"{"id":1,"ids":[2],"name":"a","at":[1,2],"by_id":{"7":8},"unit":null}"#;
    let value: Wrappers = json(good).unwrap();
    assert_eq!(value.by_id[&7], Id { number: 8 });
    assert_eq!(
        json::<Wrappers>(&serde_json::to_string(&value).unwrap()).unwrap(),
        value
    );
    let bad = format!(
        r#"{{"id":0,"ids":[1,0,"x"],"name":"","nick":"12345","at":[-1,"x"],"by_id":{{"x":1,"9":0}},"unit":1,"boxed":{}}}"#,
        good.replace("\"id\":1", "\"id\":0")
    );
    assert_eq!(
        json::<Wrappers>(&bad).unwrap_err(),
        [
            "id ge",
            "ids.1 ge",
            "ids.2 type",
            "name min_length",
            "nick max_length",
            "at.0 ge",
            "at.1 type",
            "by_id.x type",
            "by_id.9 ge",
            "unit type",
            "boxed.id ge",
        ]
    );
    assert_eq!(json::<Point>("[1]").unwrap_err(), [" type"]);
    assert_eq!(json::<Name>("\"\"").unwrap_err(), [" min_length"]);
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq, Clone)]
#[serde(try_from = "Raw", into = "Raw")]
struct Range {
    #[field(ge = 1)]
    from: u8,
    to: u8,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Raw {
    from: u8,
    #[field(le = 100)]
    to: u8,
}

impl TryFrom<Raw> for Range {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        if raw.from <= raw.to {
            Ok(Self {
                from: raw.from,
                to: raw.to,
            })
        } else {
            Err("`from` must not exceed `to`".to_owned())
        }
    }
}

impl From<Range> for Raw {
    fn from(range: Range) -> Self {
        Self {
            from: range.from,
            to: range.to,
        }
    }
}

#[test]
fn a_type_made_from_another_keeps_the_rules_of_both() {
    assert_eq!(
        json::<Range>(r#"{"from":1,"to":2}"#).unwrap(),
        Range { from: 1, to: 2 }
    );
    assert_eq!(
        json::<Range>(r#"{"from":"x","to":101}"#).unwrap_err(),
        ["from type", "to le"]
    );
    assert_eq!(
        json::<Range>(r#"{"from":3,"to":2}"#).unwrap_err(),
        [" custom"]
    );
    assert_eq!(
        json::<Range>(r#"{"from":0,"to":2}"#).unwrap_err(),
        ["from ge"]
    );
    assert_eq!(
        json::<Vec<Range>>(r#"[{"from":3,"to":2}]"#).unwrap_err(),
        ["0 custom"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(default)]
struct Settings {
    width: u8,
    #[field(min_length = 1)]
    name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            width: 80,
            name: "default".to_owned(),
        }
    }
}

#[test]
fn a_default_for_the_whole_fills_each_gap() {
    assert_eq!(json::<Settings>(r#"{"width":1}"#).unwrap().name, "default");
    assert_eq!(
        query::<Settings>("name=x").unwrap(),
        Settings {
            width: 80,
            name: "x".to_owned()
        }
    );
    assert_eq!(
        json::<Settings>(r#"{"width":-1}"#).unwrap_err(),
        ["width type"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct BadDefault {
    #[serde(default)]
    #[field(ge = 1)]
    a: u32,
    #[field(ge = 1, default_with = zero)]
    b: u32,
    #[field(regex = "^x$")]
    c: Option<String>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Around {
    bad: Vec<BadDefault>,
    again: Option<Box<Self>>,
    #[field(ge = 1)]
    n: u8,
}

const fn zero() -> u32 {
    0
}

/// A default that breaks its own rule is found when the program starts, and is not blamed on a client.
#[test]
fn a_default_is_not_judged_when_a_request_comes() {
    let defaults = BadDefault {
        a: 0,
        b: 0,
        c: None,
    };
    assert_eq!(json("{}"), Ok(defaults));
    assert_eq!(query::<BadDefault>("b=0&c=x").unwrap_err(), ["b ge"]);
    assert_eq!(json::<BadDefault>(r#"{"a":0}"#).unwrap_err(), ["a ge"]);
    assert!(json::<Around>(r#"{"bad":[{}],"n":1}"#).is_ok());
    assert_eq!(
        json::<Around>(r#"{"bad":[{}],"n":0}"#).unwrap_err(),
        ["n ge"]
    );
}

#[test]
fn a_default_that_breaks_its_rule_is_found_at_the_start() {
    use hybrid_validate::inspect::{Inspect as _, Survey};

    let mut survey = Survey::new();
    Around::survey(&mut survey);
    Around::survey(&mut survey);
    assert!(survey.faults().is_empty());
    let [a, b] = survey.warnings() else {
        panic!("{survey:?}");
    };
    assert!(a.contains("the field `a` of `BadDefault` ("), "{a}");
    assert!(a.contains("serde_attrs.rs:"), "{a}");
    assert!(a.ends_with("must be at least 1"), "{a}");
    assert!(b.contains("the field `b` of `BadDefault` ("), "{b}");
}
