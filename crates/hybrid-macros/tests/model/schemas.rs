//! JSON Schema: the rules that check, as keywords.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::facade::model;
use hybrid_validate::inspect::shape::schema_for;

/// # An order
///
/// What a client may buy.
#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug)]
struct Order {
    /// Item ID.
    #[field(ge = 1)]
    id: i64,
    #[field(min_items = 1, max_length = 9)]
    names: Vec<String>,
    #[field(default = 20, example = 7)]
    limit: u32,
    note: Option<String>,
    kind: Kind,
    next: Option<Box<Self>>,
    foreign: Foreign,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Foreign(u8);

#[model(crate = crate::facade)]
#[derive(Debug)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Big,
    Small,
}

#[model(output, crate = crate::facade)]
#[derive(Debug)]
#[serde(tag = "t")]
#[expect(dead_code, reason = "only its schema is looked at")]
enum Event {
    /// Nothing new.
    Idle,
    Sold {
        #[field(gt = 0)]
        count: u8,
    },
}

#[model(crate = crate::facade)]
#[derive(Debug)]
struct Page<T> {
    items: Vec<T>,
}

#[test]
fn a_struct_is_described_by_its_rules() {
    let schema = schema_for::<Order>();
    assert_eq!(schema["title"], "An order");
    assert_eq!(schema["description"], "What a client may buy.");
    assert_eq!(
        schema["required"],
        json!(["id", "names", "kind", "foreign"])
    );
    assert_eq!(schema["additionalProperties"], false);
    let properties = &schema["properties"];
    assert_eq!(properties["id"]["minimum"], 1);
    assert_eq!(properties["id"]["description"], "Item ID.");
    assert_eq!(properties["names"]["minItems"], 1);
    assert_eq!(properties["names"]["items"]["maxLength"], 9);
    assert_eq!(properties["limit"]["default"], 20);
    assert_eq!(properties["kind"], json!({ "$ref": "#/$defs/Kind" }));
    assert_eq!(schema["$defs"]["Kind"]["enum"], json!(["big", "small"]));
    assert_eq!(properties["next"]["anyOf"][0]["$ref"], "#");
    assert_eq!(properties["foreign"], Value::Bool(true));
}

#[test]
fn enums_and_generics_have_schemas() {
    let schema = schema_for::<Event>();
    assert_eq!(schema["oneOf"][0]["description"], "Nothing new.");
    assert_eq!(schema["oneOf"][1]["properties"]["t"]["const"], "Sold");
    assert_eq!(
        schema["oneOf"][1]["properties"]["count"]["exclusiveMinimum"],
        0
    );
    let schema = schema_for::<Page<Kind>>();
    assert_eq!(schema["title"], "Page_Kind");
    assert_eq!(
        schema["properties"]["items"]["items"]["$ref"],
        "#/$defs/Kind"
    );
}

#[model(crate = crate::facade)]
#[derive(Debug)]
struct Shapes {
    a: i32,
    #[field(ge = 1)]
    b: u64,
    c: Option<u32>,
    d: BTreeMap<String, Vec<i64>>,
    e: IpAddr,
    f: BTreeSet<u8>,
    g: HashSet<String>,
    h: u128,
}

#[test]
fn types_say_what_is_read_of_them() {
    let schema = schema_for::<Shapes>();
    let properties = &schema["properties"];
    let bounds = |shape: &Value| (shape["minimum"].clone(), shape["maximum"].clone());
    assert_eq!(bounds(&properties["a"]), (i32::MIN.into(), i32::MAX.into()));
    assert_eq!(bounds(&properties["b"]), (1.into(), u64::MAX.into()));
    assert_eq!(bounds(&properties["c"]), (0.into(), u32::MAX.into()));
    let inner = &properties["d"]["additionalProperties"]["items"];
    assert_eq!(bounds(inner), (i64::MIN.into(), i64::MAX.into()));
    assert_eq!(
        properties["e"],
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    );
    for set in ["f", "g"] {
        assert_eq!(properties[set].get("uniqueItems"), None, "{set}");
    }
    assert_eq!(bounds(&properties["h"]), (0.into(), Value::Null));
    let body = r#"{"a":1,"b":1,"d":{},"e":"::1","f":[1,1],"g":["x","x"],"h":1}"#;
    let read = crate::facade::json::<Shapes>(body).unwrap();
    assert_eq!((read.f.len(), read.g.len()), (1, 1));
}
