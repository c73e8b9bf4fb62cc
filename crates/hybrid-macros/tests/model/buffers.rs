//! What serde buffers or drops, and what it takes for something else.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::facade::{json, list, model, query, shown};
use hybrid_validate::inspect::read_json_plain;
use hybrid_validate::{Report, Source};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Floats {
    #[field(ge = 0)]
    a: f32,
    b: Option<f32>,
    #[serde(default)]
    c: Vec<f32>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Flat {
    n: u8,
    #[serde(flatten)]
    floats: Floats,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "t")]
enum Tagged {
    A { map: HashMap<String, f32> },
    B { pair: (u8, [f32; 1]) },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Plain {
    a: f32,
    b: Vec<Option<f32>>,
}

fn plain<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Vec<String>> {
    let mut report = Report::new(Source::Body);
    let value = read_json_plain(text.as_bytes(), &mut report).expect("JSON");
    value.ok_or_else(|| list(report))
}

#[test]
fn no_f32_is_infinite() {
    let text = r#"{"a":1e39,"b":-1e39,"c":[1,3.5e38],"n":1}"#;
    let faults = ["a type", "b type", "c.1 type"];
    assert_eq!(json::<Floats>(text).unwrap_err(), faults);
    assert_eq!(json::<Flat>(text).unwrap_err(), faults);
    assert_eq!(
        json::<Tagged>(r#"{"t":"A","map":{"x":1e39}}"#).unwrap_err(),
        ["map.x type"]
    );
    assert_eq!(
        plain::<Plain>(r#"{"a":1,"b":[null,1e39]}"#).unwrap_err(),
        ["b.1 type"]
    );
    let floats = json::<Floats>(r#"{"a":3.4028235e38,"b":1e-46}"#).unwrap();
    assert_eq!((floats.a, floats.b), (f32::MAX, Some(0.0)));
    assert_eq!(
        json::<Flat>(r#"{"a":7,"b":8,"n":1}"#).unwrap().floats.a,
        7.0
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Signs {
    i: i8,
    u: u64,
    big: Option<i128>,
    f: Option<f64>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct PlainSigns {
    i: i8,
    u: Option<u64>,
}

#[test]
fn minus_zero_is_zero() {
    let zero = Signs {
        i: 0,
        u: 0,
        big: Some(0),
        f: Some(0.0),
    };
    assert_eq!(
        json::<Signs>(r#"{"i":-0,"u":-0,"big":-0,"f":-0}"#).unwrap(),
        zero
    );
    assert_eq!(query::<Signs>("i=-0&u=-0&big=-0&f=-0").unwrap(), zero);
    assert_eq!(
        json::<Signs>(r#"{"i":-0.0,"u":-0}"#).unwrap_err(),
        ["i type"]
    );
    assert_eq!(
        plain::<PlainSigns>(r#"{"i":-0,"u":-0}"#).unwrap(),
        PlainSigns { i: 0, u: Some(0) }
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Big {
    n: u128,
    #[serde(default)]
    m: BTreeMap<u32, i32>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct FlatBig {
    #[serde(flatten)]
    big: Big,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "t")]
enum TaggedBig {
    A { n: i128 },
    M { m: BTreeMap<u32, i32> },
    N(Big),
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "t", content = "c")]
enum Beside {
    A(u128),
    M(BTreeMap<i8, i32>),
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    A { n: u128 },
    M(BTreeMap<u32, i32>),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Around {
    list: Vec<FlatBig>,
    tagged: Option<TaggedBig>,
}

#[test]
fn wide_integers_and_keys_that_are_integers_are_read_from_what_serde_buffers() {
    let max = u128::MAX;
    let map = BTreeMap::from([(1, 2)]);
    assert_eq!(
        json::<FlatBig>(&format!(r#"{{"n":{max},"m":{{"1":2}}}}"#))
            .unwrap()
            .big,
        Big {
            n: max,
            m: map.clone()
        }
    );
    assert_eq!(
        json::<TaggedBig>(r#"{"t":"A","n":-5}"#).unwrap(),
        TaggedBig::A { n: -5 }
    );
    assert_eq!(
        json::<TaggedBig>(r#"{"m":{"1":2},"t":"M"}"#).unwrap(),
        TaggedBig::M { m: map.clone() }
    );
    assert_eq!(
        json::<TaggedBig>(&format!(r#"{{"t":"N","n":{max}}}"#)).unwrap(),
        TaggedBig::N(Big {
            n: max,
            m: BTreeMap::new()
        })
    );
    assert_eq!(
        json::<Beside>(&format!(r#"{{"c":{max},"t":"A"}}"#)).unwrap(),
        Beside::A(max)
    );
    assert_eq!(
        json::<Beside>(r#"{"c":{"-1":2},"t":"M"}"#).unwrap(),
        Beside::M(BTreeMap::from([(-1, 2)]))
    );
    assert_eq!(
        json::<Untagged>(&format!(r#"{{"n":{max}}}"#)).unwrap(),
        Untagged::A { n: max }
    );
    assert_eq!(json::<Untagged>(r#"{"1":2}"#).unwrap(), Untagged::M(map));
    let around = plain::<Around>(r#"{"list":[{"n":1},{"n":2}],"tagged":{"t":"A","n":3}}"#).unwrap();
    assert_eq!(around.list.len(), 2);
    assert_eq!(around.tagged, Some(TaggedBig::A { n: 3 }));
    // And refused where they should be.
    assert_eq!(
        json::<FlatBig>(r#"{"n":-1,"m":{"x":2}}"#).unwrap_err(),
        ["n type", "m.x type"]
    );
    assert_eq!(
        json::<TaggedBig>(r#"{"t":"A","n":1.5}"#).unwrap_err(),
        ["n type"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Geo {
    #[field(ge = -90, le = 90)]
    lat: f64,
    lon: f64,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Deep {
    #[field(ge = 1)]
    b: u8,
    #[serde(flatten)]
    geo: Geo,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Place {
    a: u8,
    #[serde(flatten)]
    geo: Option<Geo>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct DeepPlace {
    #[serde(flatten)]
    deep: Option<Deep>,
    #[serde(flatten)]
    tagged: Option<Tagged>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct PlainGeo {
    lat: f64,
    lon: f64,
}

#[model(crate = crate::facade)]
#[derive(Debug)]
struct PlainPlace {
    #[field(ge = 1)]
    a: u8,
    #[serde(flatten, skip_serializing)]
    geo: Option<PlainGeo>,
}

#[test]
fn a_flattened_option_drops_nothing_that_was_sent() {
    assert_eq!(json::<Place>(r#"{"a":1,"zzz":2}"#).unwrap().geo, None);
    assert!(
        json::<Place>(r#"{"a":1,"lat":1,"lon":2}"#)
            .unwrap()
            .geo
            .is_some()
    );
    assert_eq!(
        json::<Place>(r#"{"a":1,"lat":200,"lon":2}"#).unwrap_err(),
        ["lat le"]
    );
    assert_eq!(
        json::<Place>(r#"{"a":1,"lon":"x"}"#).unwrap_err(),
        ["lat missing", "lon type"]
    );
    assert_eq!(
        json::<Place>(r#"{"a":"x","lat":1}"#).unwrap_err(),
        ["a type", "lon missing"]
    );
    assert_eq!(query::<Place>("a=1").unwrap().geo, None);
    assert_eq!(query::<Place>("a=1&lat=200&lon=1").unwrap_err(), ["lat le"]);

    let nothing = DeepPlace {
        deep: None,
        tagged: None,
    };
    assert_eq!(json::<DeepPlace>("{}").unwrap(), nothing);
    assert_eq!(json::<DeepPlace>(r#"{"zzz":1}"#).unwrap(), nothing);
    assert_eq!(
        json::<DeepPlace>(r#"{"b":0,"lat":1,"lon":1}"#).unwrap_err(),
        ["b ge"]
    );
    assert_eq!(
        json::<DeepPlace>(r#"{"lon":1}"#).unwrap_err(),
        ["b missing", "lat missing"]
    );
    assert_eq!(
        json::<DeepPlace>(r#"{"t":"A"}"#).unwrap_err(),
        ["map missing"]
    );
    assert_eq!(json::<DeepPlace>(r#"{"t":"C"}"#).unwrap_err(), ["t one_of"]);

    assert_eq!(json::<PlainPlace>(r#"{"a":1,"z":1}"#).unwrap().geo, None);
    assert_eq!(
        json::<PlainPlace>(r#"{"a":1,"lat":"x"}"#).unwrap_err(),
        ["lat type", "lon missing"]
    );
    assert_eq!(json::<PlainPlace>(r#"{"a":0}"#).unwrap_err(), ["a ge"]);
}

#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "t")]
enum Closed {
    Unit,
    St { x: u8 },
}

#[test]
fn an_internally_tagged_unit_refuses_unknown_keys() {
    assert_eq!(json::<Closed>(r#"{"t":"Unit"}"#).unwrap(), Closed::Unit);
    assert_eq!(
        json::<Closed>(r#"{"t":"Unit","q":1}"#).unwrap_err(),
        ["q unknown_field"]
    );
    assert_eq!(
        json::<Closed>(r#"{"t":"St","x":1,"q":1}"#).unwrap_err(),
        ["q unknown_field"]
    );
    assert_eq!(query::<Closed>("t=Unit").unwrap(), Closed::Unit);
    assert_eq!(
        query::<Closed>("t=Unit&q=1").unwrap_err(),
        ["q unknown_field"]
    );
    assert_eq!(
        serde_json::to_string(&Closed::Unit).unwrap(),
        r#"{"t":"Unit"}"#
    );
}

#[test]
fn infinity_is_said_in_words() {
    let mut report = Report::new(Source::Body);
    assert_eq!(
        read_json_plain::<Plain>(br#"{"a":1e39,"b":[]}"#, &mut report).unwrap(),
        None
    );
    let violations = report.into_violations();
    assert_eq!(shown(&violations[0]), "a type");
    assert_eq!(violations[0].message, "expected a finite number");
}
