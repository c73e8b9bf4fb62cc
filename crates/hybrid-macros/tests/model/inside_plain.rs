//! Models inside types that only know serde: all faults, each at its place, also where serde buffers.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::facade::{json, list, model};
use hybrid_validate::inspect::read_json_plain;
use hybrid_validate::{Report, Source};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct AB {
    #[field(ge = 1)]
    a: u8,
    #[field(max_length = 3)]
    b: String,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Id(#[field(ge = 1)] u32);

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
    High,
}

/// The violations, or nothing for a good body.
fn faults<T: DeserializeOwned>(text: &str) -> Vec<String> {
    let mut report = Report::new(Source::Body);
    let value = read_json_plain::<T>(text.as_bytes(), &mut report).expect("JSON");
    assert_eq!(value.is_some(), report.is_empty());
    list(report)
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Wrapper<T> {
    inner: T,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Outer {
    n: u32,
    items: Vec<AB>,
    map: BTreeMap<String, AB>,
    maybe: Option<AB>,
    #[serde(default)]
    ids: Vec<Option<Id>>,
    #[serde(default)]
    level: Option<Level>,
}

#[test]
fn every_fault_of_every_model_is_listed() {
    assert_eq!(
        faults::<Wrapper<AB>>(r#"{"inner":{"a":"x","b":1}}"#),
        ["inner.a type", "inner.b type"]
    );
    assert_eq!(
        faults::<Wrapper<Vec<AB>>>(
            r#"{"inner":[{"a":0,"b":""},{"a":1,"b":""},{"a":0,"b":"long"},{"a":"x"},7,{"a":1,"b":2}]}"#
        ),
        [
            "inner.0.a ge",
            "inner.2.a ge",
            "inner.2.b max_length",
            "inner.3.a type",
            "inner.3.b missing",
            "inner.4 type",
            "inner.5.b type"
        ]
    );
    assert_eq!(
        faults::<Wrapper<HashMap<u8, Vec<AB>>>>(
            r#"{"inner":{"9":[{"a":1,"b":2}],"1":[{"a":0,"b":""},{}]}}"#
        ),
        [
            "inner.9.0.b type",
            "inner.1.0.a ge",
            "inner.1.1.a missing",
            "inner.1.1.b missing"
        ]
    );
}

#[test]
fn faults_of_the_type_itself_hide_no_model() {
    assert_eq!(
        faults::<Outer>(
            r#"{"n":"x","items":[{"a":0,"b":""}],"map":{"k":{"a":0,"b":""}},"maybe":null}"#
        ),
        ["n type", "items.0.a ge", "map.k.a ge"]
    );
    assert_eq!(
        faults::<Outer>(
            r#"{"items":[{"a":"x","b":""},{"a":0,"b":""}],"map":{"k":{"a":0,"b":7},"l":[]},
                "maybe":{"a":1},"ids":[null,0,"x",3],"level":"mid"}"#
        ),
        [
            "items.0.a type",
            "items.1.a ge",
            "map.k.a ge",
            "map.k.b type",
            "map.l type",
            "maybe.b missing",
            "ids.1 ge",
            "ids.2 type",
            "level one_of",
            "n missing"
        ]
    );
    assert_eq!(
        faults::<Vec<Wrapper<AB>>>(r#"[{"inner":{}},{"inner":{"a":0,"b":""}}]"#),
        ["0.inner.a missing", "0.inner.b missing", "1.inner.a ge"]
    );
    assert_eq!(
        faults::<(u8, bool, AB)>(r#"["x",7,{"a":0,"b":""}]"#),
        ["0 type", "1 type", "2.a ge"]
    );
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Deep {
    ab: AB,
    list: Vec<AB>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct FlatDeep {
    z: u32,
    #[serde(flatten)]
    deep: Deep,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct FlatModel {
    z: u32,
    #[serde(flatten)]
    ab: AB,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "k")]
#[expect(dead_code, reason = "only read")]
enum Tagged {
    A(AB),
    B {
        inner: AB,
        level: Option<Level>,
        id: Option<Id>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "t", content = "c")]
#[expect(dead_code, reason = "only read")]
enum Adjacent {
    A { ab: AB },
    B(Vec<AB>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only read")]
enum Untagged {
    A { ab: AB },
    B { list: Vec<AB> },
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
enum External {
    A { ab: AB },
    B(Vec<AB>),
    C(AB, u8),
}

const GOOD: &str = r#"{"a":1,"b":""}"#;
const BAD: &str = r#"{"a":0,"b":""}"#;

#[test]
fn places_are_right_where_serde_buffers() {
    let body = format!(r#"{{"z":1,"ab":{BAD},"list":[]}}"#);
    assert_eq!(faults::<FlatDeep>(&body), ["ab.a ge"]);
    let body = format!(r#"{{"z":1,"ab":{GOOD},"list":[{GOOD},{{"a":0,"b":"long"}},{{"a":"x"}}]}}"#);
    assert_eq!(
        faults::<FlatDeep>(&body),
        [
            "list.1.a ge",
            "list.1.b max_length",
            "list.2.a type",
            "list.2.b missing"
        ]
    );
    assert_eq!(
        faults::<FlatModel>(r#"{"z":"x","a":0,"b":"long"}"#),
        ["z type", "a ge", "b max_length"]
    );
    assert_eq!(
        faults::<Tagged>(r#"{"k":"A","a":0,"b":1}"#),
        ["a ge", "b type"]
    );
    let body = format!(r#"{{"k":"B","inner":{BAD},"level":"mid"}}"#);
    assert_eq!(faults::<Tagged>(&body), ["inner.a ge", "level one_of"]);
    let body = format!(r#"{{"c":[{GOOD},{BAD}],"t":"B"}}"#);
    assert_eq!(faults::<Adjacent>(&body), ["c.1.a ge"]);
    let body = format!(r#"{{"t":"A","c":{{"ab":{BAD}}}}}"#);
    assert_eq!(faults::<Adjacent>(&body), ["c.ab.a ge"]);
    let body = format!(r#"{{"C":[{BAD},"x"]}}"#);
    assert_eq!(faults::<External>(&body), ["C.0.a ge", "C.1 type"]);
    let body = format!(r#"[{{"B":[{GOOD},7]}},{{"A":{{"ab":{BAD}}}}}]"#);
    assert_eq!(
        faults::<Vec<External>>(&body),
        ["0.B.1 type", "1.A.ab.a ge"]
    );
}

#[test]
fn an_enum_without_a_tag_is_one_violation() {
    assert_eq!(faults::<Untagged>(&format!(r#"{{"ab":{BAD}}}"#)), [" type"]);
    assert_eq!(
        faults::<Untagged>(&format!(r#"{{"ab":{BAD},"list":[]}}"#)),
        [""; 0]
    );
    let body = format!(r#"{{"inner":[{{"ab":{GOOD}}},{{"ab":{BAD}}}]}}"#);
    assert_eq!(faults::<Wrapper<Vec<Untagged>>>(&body), ["inner.1 type"]);
}

#[model(crate = crate::facade)]
#[derive(Debug)]
#[serde(tag = "t")]
enum TaggedModel {
    A {
        #[serde(skip_serializing)]
        plain: Option<Deep>,
        ab: AB,
    },
    #[serde(skip_serializing)]
    N(Deep),
}

#[model(crate = crate::facade)]
#[derive(Debug)]
struct FlatInModel {
    #[field(ge = 1)]
    z: u32,
    #[serde(flatten, skip_serializing)]
    deep: Deep,
}

#[test]
fn plain_parts_of_a_model_keep_their_places() {
    let body = format!(r#"{{"t":"A","plain":{{"ab":{BAD},"list":[]}},"ab":{BAD}}}"#);
    assert_eq!(
        json::<TaggedModel>(&body).unwrap_err(),
        ["plain.ab.a ge", "ab.a ge"]
    );
    let body = format!(r#"{{"t":"N","ab":{GOOD},"list":[{GOOD},{BAD}]}}"#);
    assert_eq!(json::<TaggedModel>(&body).unwrap_err(), ["list.1.a ge"]);
    let body = format!(r#"{{"z":"x","ab":{{"a":1}},"list":[{GOOD},{BAD}]}}"#);
    assert_eq!(
        json::<FlatInModel>(&body).unwrap_err(),
        ["z type", "ab.b missing", "list.1.a ge"]
    );
}

/// A model behind a plain type behind a model, and so on.
#[model(crate = crate::facade)]
#[derive(Debug)]
struct Chain {
    #[field(ge = 1)]
    n: u8,
    #[serde(skip_serializing)]
    link: Option<Box<Link>>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Link {
    chains: Vec<Chain>,
}

fn chain(levels: usize, end: &str) -> String {
    let open = r#"{"n":1,"link":{"chains":["#.repeat(levels);
    format!("{open}{end}{}", "]}}".repeat(levels))
}

#[test]
fn models_and_plain_types_in_turns_are_followed() {
    let place = "link.chains.0.".repeat(5);
    assert_eq!(
        json::<Chain>(&chain(5, r#"{"n":0}"#)).unwrap_err(),
        [format!("{place}n ge")]
    );
    // However deep, and whatever is wrong there: the work is bounded.
    let faults = json::<Chain>(&chain(40, r#"{"n":"x"}"#)).unwrap_err();
    assert!(!faults.is_empty());
    let too_deep = json::<Chain>(&chain(60, r#"{"n":"x"}"#)).unwrap_err();
    assert!(
        too_deep[0].starts_with("not json: recursion limit"),
        "{too_deep:?}"
    );
}

#[test]
fn the_work_is_bounded_by_the_body() {
    // Each of these ends a reading: nothing tells that the elements of a buffered list are alike.
    let body = format!(
        r#"{{"z":1,"ab":{GOOD},"list":[{}{GOOD}]}}"#,
        r#"{"a":"x"},"#.repeat(5_000)
    );
    let found = faults::<FlatDeep>(&body);
    assert_eq!(found[..2], ["list.0.a type", "list.0.b missing"]);
    // Here it is known, so that all are found.
    let body = format!(
        r#"{{"inner":[{}{GOOD}]}}"#,
        r#"{"a":"x","b":""},"#.repeat(5_000)
    );
    assert_eq!(faults::<Wrapper<Vec<AB>>>(&body).len(), 5_000);
}

#[model(crate = crate::facade)]
#[derive(Debug)]
#[allow(dead_code)]
struct Loose {
    title: Option<String>,
    filters: Option<serde_json::Map<String, serde_json::Value>>,
}

#[test]
fn a_map_of_json_is_an_object() {
    assert_eq!(
        json::<Loose>(r#"{"title":1,"filters":5}"#).unwrap_err(),
        ["title type", "filters type"]
    );
}
