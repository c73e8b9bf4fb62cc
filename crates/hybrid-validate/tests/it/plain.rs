//! Types that only know serde: from texts as parameters are read, and where each fault stands.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use hybrid_validate::inspect::{read_json_plain, read_pairs_plain, read_path_plain};
use hybrid_validate::{Report, Source};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lines;

fn pairs(text: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, text)| (key.into(), text.into()))
        .collect()
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut report = Report::new(Source::Query);
    let value = read_pairs_plain(&pairs(text), &mut report);
    value.ok_or_else(|| lines(&report.into_violations()))
}

fn path<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut report = Report::new(Source::Path);
    let value = read_path_plain(&pairs(text), &mut report);
    value.ok_or_else(|| lines(&report.into_violations()))
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut report = Report::new(Source::Body);
    let value = read_json_plain(text.as_bytes(), &mut report).expect("it is JSON");
    value.ok_or_else(|| lines(&report.into_violations()))
}

#[track_caller]
fn refused<T: Debug>(read: Result<T, Vec<String>>, expected: &[&str]) {
    assert_eq!(read.expect_err("it is refused"), expected);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flags {
    a: bool,
    b: Option<u8>,
    #[serde(default)]
    c: Vec<u8>,
    d: Option<String>,
    e: Option<Kind>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Big,
    Small,
}

#[test]
fn texts_mean_what_they_mean_for_parameters() {
    let flags: Flags = query("a=yes&b=&c=1&c=2&d=&e=").unwrap();
    let expected = Flags {
        a: true,
        b: None,
        c: vec![1, 2],
        d: Some(String::new()),
        e: None,
    };
    assert_eq!(flags, expected);
    assert_eq!(query::<Flags>("a=1&e=big").unwrap().e, Some(Kind::Big));
    refused(
        query::<Flags>("a=1&a=0"),
        &["query.a duplicate: appears more than once"],
    );
    refused(
        query::<Flags>("a=1&b=1&b=2"),
        &["query.b duplicate: appears more than once"],
    );
    refused(
        query::<Flags>("a=1&c=1&c=x"),
        &["query.c.1 type: expected an integer"],
    );
    refused(
        query::<Flags>("a=1&b=300"),
        &["query.b type: expected an integer between 0 and 255"],
    );
    refused(
        query::<Flags>("a=1&e=huge"),
        &["query.e type: expected one of big, small"],
    );
    refused(query::<Flags>("b=1"), &["query.a missing: is required"]);
    // Without an `Option` an empty text is no number.
    refused(
        query::<BTreeMap<String, u8>>("n="),
        &["query.n type: expected an integer"],
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Search {
    q: String,
    #[serde(flatten)]
    page: Page,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Page {
    limit: u8,
    offset: Option<u64>,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    weight: f64,
    #[serde(default)]
    ids: Vec<i32>,
    note: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Circle { radius: f64 },
    Square { side: u32, label: String },
    Point,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum ById {
    Id { id: u32 },
    Name { name: String },
}

#[test]
fn flattened_and_tagged_types_read_texts_too() {
    let search: Search =
        query("q=5&limit=5&offset=&exact=on&weight=1&ids=-1&note=7&other=9").unwrap();
    let page = Page {
        limit: 5,
        offset: None,
        exact: true,
        weight: 1.0,
        ids: vec![-1],
        note: Some("7".to_owned()),
    };
    let expected = Search {
        q: "5".to_owned(),
        page,
        rest: BTreeMap::from([("other".to_owned(), "9".to_owned())]),
    };
    assert_eq!(search, expected);
    let search: Search = query("q=x&limit=1&ids=1&ids=2").unwrap();
    assert_eq!(search.page.ids, [1, 2]);
    assert_eq!(
        query("kind=square&side=3&label=4"),
        Ok(Shape::Square {
            side: 3,
            label: "4".to_owned()
        })
    );
    assert_eq!(
        query("kind=circle&radius=0.5"),
        Ok(Shape::Circle { radius: 0.5 })
    );
    assert_eq!(query("kind=point"), Ok(Shape::Point));
    assert_eq!(query("id=7"), Ok(ById::Id { id: 7 }));
    assert_eq!(
        query("name=7"),
        Ok(ById::Name {
            name: "7".to_owned()
        })
    );
}

#[test]
fn what_is_wrong_with_flattened_texts_stands_at_their_keys() {
    refused(
        query::<Search>("q=x&limit=x"),
        &["query.limit type: expected an integer"],
    );
    refused(
        query::<Search>("q=x&limit=300"),
        &["query.limit type: expected an integer between 0 and 255"],
    );
    refused(
        query::<Search>("q=x&limit=1&ids=1&ids=x"),
        &["query.ids.1 type: expected an integer"],
    );
    refused(
        query::<Search>("q=x&limit="),
        &["query.limit type: expected an integer"],
    );
    refused(
        query::<Shape>("kind=square&side=x&label=y"),
        &["query.side type: expected an integer"],
    );
    refused(
        query::<ById>("id=x"),
        &["query type: matches none of the allowed forms"],
    );
}

/// As many flattened numbers as there are, up to the bound on readings.
#[test]
fn a_map_of_flattened_numbers_is_read_up_to_a_bound() {
    #[derive(Debug, Deserialize)]
    struct Sums {
        #[serde(flatten)]
        all: BTreeMap<String, u32>,
    }
    let text = |count: u32| -> String {
        let pairs: Vec<String> = (0..count).map(|n| format!("k{n}={n}")).collect();
        pairs.join("&")
    };
    assert_eq!(query::<Sums>(&text(60)).unwrap().all.len(), 60);
    assert!(query::<Sums>(&text(100)).is_err());
}

#[test]
fn paths_are_read_by_position_and_by_name() {
    assert_eq!(path::<u64>("id=7"), Ok(7));
    assert_eq!(path("a=1&b=x"), Ok((1_u8, "x".to_owned())));
    let page: Page = path("limit=5&offset=6").unwrap();
    assert_eq!((page.limit, page.offset), (5, Some(6)));
    let search: Search = path("q=x&limit=5").unwrap();
    assert_eq!(search.page.limit, 5);
    assert_eq!(
        path("kind=circle&radius=2"),
        Ok(Shape::Circle { radius: 2.0 })
    );
    refused(path::<u64>("id=x"), &["path.id type: expected an integer"]);
    refused(
        path::<(u8, u8)>("a=1&b=300"),
        &["path.b type: expected an integer between 0 and 255"],
    );
    refused(
        path::<(u8, u8)>("a=1"),
        &["path type: expected 2 values, the path has 1"],
    );
    refused(
        path::<Page>("limit=x&offset=1"),
        &["path.limit type: expected an integer"],
    );
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only its faults are looked at")]
struct Body {
    #[serde(deserialize_with = "unlucky", default)]
    custom: u8,
    #[serde(default)]
    pair: (u8, String),
    #[serde(default)]
    map: BTreeMap<u32, Vec<bool>>,
    #[serde(default)]
    kind: Option<Form>,
    #[serde(default)]
    raw: Value,
    #[serde(default)]
    float: f64,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only its faults are looked at")]
enum Form {
    Unit,
    New(u8),
    Struct { a: u8 },
}

fn unlucky<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    let text = String::deserialize(from)?;
    Err(serde::de::Error::custom(format!(
        "no: {text}, expected {text}"
    )))
}

#[test]
fn faults_in_json_stand_at_their_place_and_repeat_nothing() {
    let form = "must have the form that this field documents";
    refused(
        json::<Body>(r#"{"custom":"x, expected SECRET"}"#),
        &[&format!("body.custom type: {form}")],
    );
    refused(
        json::<Body>(r#"{"pair":[1,2]}"#),
        &["body.pair.1 type: expected a string"],
    );
    refused(
        json::<Body>(r#"{"pair":[1,"a",3]}"#),
        &["body.pair type: expected an array of 2 elements"],
    );
    refused(
        json::<Body>(r#"{"pair":[1]}"#),
        &["body.pair type: expected an array of 2 elements"],
    );
    refused(
        json::<Body>(r#"{"map":{"1":[true],"2":[true,1]}}"#),
        &["body.map.2.1 type: expected a boolean"],
    );
    refused(
        json::<Body>(r#"{"map":{"x":[]}}"#),
        &["body.map.x type: expected an integer as the key"],
    );
    refused(
        json::<Body>(r#"{"kind":{"Struct":{"a":"\u00e4"}}}"#),
        &["body.kind.Struct.a type: expected an integer"],
    );
    refused(
        json::<Body>(r#"{"kind":"SECRET"}"#),
        &["body.kind type: expected one of Unit, New, Struct"],
    );
    refused(
        json::<Body>(r#"{"kind":{"New":300}}"#),
        &["body.kind.New type: expected an integer between 0 and 255"],
    );
    refused(
        json::<Body>(r#"{"float":1e999}"#),
        &["body.float type: expected a finite number"],
    );
    refused(json::<Body>("7"), &["body type: expected an object"]);
    refused(
        json::<Body>(r#"{"pair":[1,"a"],"pair":[1,"a"]}"#),
        &["body.pair duplicate: appears more than once"],
    );
}
