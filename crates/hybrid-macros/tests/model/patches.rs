//! `Patch<T>`: not sent, `null`, or a value.

use hybrid_validate::Patch;

use crate::facade::{json, model, query};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Change {
    #[field(max_length = 3)]
    name: Patch<String>,
    #[field(alias = "years", ge = 1, custom = even)]
    age: Patch<u8>,
    #[field(min_items = 2, le = 9)]
    marks: Patch<Vec<u8>>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "kind")]
enum Event {
    Renamed { name: Patch<String> },
}

fn even(n: &u8) -> Result<(), &'static str> {
    if n.is_multiple_of(2) {
        Ok(())
    } else {
        Err("must be even")
    }
}

fn change(name: Patch<&str>, age: Patch<u8>) -> Change {
    let name = match name {
        Patch::Value(text) => Patch::Value(text.to_owned()),
        Patch::Null => Patch::Null,
        Patch::Absent => Patch::Absent,
    };
    Change {
        name,
        age,
        marks: Patch::Absent,
    }
}

#[test]
fn absence_null_and_a_value_are_three_things() {
    assert_eq!(json("{}"), Ok(change(Patch::Absent, Patch::Absent)));
    assert_eq!(
        json(r#"{"name":null,"years":2}"#),
        Ok(change(Patch::Null, Patch::Value(2)))
    );
    assert_eq!(query("name="), Ok(change(Patch::Value(""), Patch::Absent)));
    assert_eq!(query("years="), Ok(change(Patch::Absent, Patch::Null)));
    assert_eq!(
        json(r#"{"kind":"Renamed"}"#),
        Ok(Event::Renamed {
            name: Patch::Absent
        })
    );
}

#[test]
fn rules_hold_for_the_value() {
    assert_eq!(
        json::<Change>(r#"{"name":"long","years":1,"marks":[10]}"#).unwrap_err(),
        [
            "name max_length",
            "years custom",
            "marks min_items",
            "marks.0 le"
        ]
    );
    assert_eq!(
        json::<Change>(r#"{"name":1,"years":null,"marks":null}"#).unwrap_err(),
        ["name type"]
    );
    assert_eq!(query::<Change>("years=0").unwrap_err(), ["years ge"]);
}

#[test]
fn what_was_not_sent_is_not_written() {
    let text = |value: &Change| serde_json::to_string(value).unwrap();
    assert_eq!(
        text(&change(Patch::Absent, Patch::Null)),
        r#"{"years":null}"#
    );
    assert_eq!(
        text(&change(Patch::Value("a"), Patch::Absent)),
        r#"{"name":"a"}"#
    );
}

#[test]
fn the_schema_takes_null_and_asks_for_nothing() {
    let schema = hybrid_validate::inspect::shape::schema_for::<Change>();
    assert_eq!(schema.get("required"), None);
    let name = &schema["properties"]["name"];
    assert_eq!(name["type"], serde_json::json!(["string", "null"]));
    assert_eq!(name["maxLength"], 3);
}

#[test]
fn a_plain_type_says_what_stands_for_absence() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Plain {
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        a: Patch<u8>,
        #[serde(default)]
        b: Patch<Option<u8>>,
    }
    let absent: Plain = serde_json::from_str("{}").unwrap();
    assert_eq!((absent.a, absent.b), (Patch::Absent, Patch::Absent));
    let null: Plain = serde_json::from_str(r#"{"a":null,"b":1}"#).unwrap();
    assert_eq!((null.a, null.b), (Patch::Null, Patch::Value(Some(1))));
    assert_eq!(serde_json::to_string(&absent).unwrap(), r#"{"b":null}"#);
    // Without `default` a field that was not sent is missing, and not `null`.
    #[derive(Debug, serde::Deserialize)]
    struct Strict {
        #[expect(dead_code, reason = "never read")]
        a: Patch<u8>,
    }
    assert!(serde_json::from_str::<Strict>("{}").is_err());
}
