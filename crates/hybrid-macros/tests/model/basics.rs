//! Structs: the example of the documentation, and each kind of field.

use crate::facade::{json, model, query};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct DataItem {
    /// Item ID.
    #[field(ge = 1)]
    id: i64,
    #[field(ge = 0.0)]
    value: f64,
    #[field(max_length = 5)]
    name: Option<String>,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct ProcessData {
    #[field(min_items = 1, max_items = 3)]
    data: Vec<DataItem>,
    #[field(default = "standard", regex = r"^(standard|advanced|premium)$")]
    processing_type: String,
}

#[test]
fn a_good_body_is_built() {
    let body: ProcessData = json(r#"{"data":[{"id":1,"value":2.5}]}"#).unwrap();
    assert_eq!(body.processing_type, "standard");
    assert_eq!(
        body.data,
        [DataItem {
            id: 1,
            value: 2.5,
            name: None
        }]
    );
    let text = serde_json::to_string(&body).unwrap();
    assert_eq!(json::<ProcessData>(&text).unwrap(), body);
}

#[test]
fn every_fault_of_a_bad_body_is_listed_in_order() {
    let faults = json::<ProcessData>(
        r#"{"processing_type":"basic","data":[
            {"id":0,"value":-1,"name":"too long"},
            {"id":"1","name":7},
            [1,2.0,null],
            {"id":1,"id":2,"value":1e999}
        ]}"#,
    )
    .unwrap_err();
    assert_eq!(
        faults,
        [
            "data.0.id ge",
            "data.0.value ge",
            "data.0.name max_length",
            "data.1.id type",
            "data.1.value missing",
            "data.1.name type",
            "data.2 type",
            "data.3.id duplicate",
            "data.3.value type",
            "processing_type regex",
        ]
    );
}

#[test]
fn rules_of_a_list_are_checked_beside_those_of_its_items() {
    let item = r#"{"id":0,"value":1}"#;
    let faults = json::<ProcessData>(&format!(r#"{{"data":[{item},{item},{item},{item}]}}"#));
    assert_eq!(
        faults.unwrap_err(),
        [
            "data.0.id ge",
            "data.1.id ge",
            "data.2.id ge",
            "data.3.id ge",
            "data max_items"
        ]
    );
}

#[test]
fn what_is_no_json_is_not_judged() {
    assert_eq!(
        json::<ProcessData>("{\"data\":[\n  {]}").unwrap_err(),
        ["not json: key must be a string at line 2 column 4"]
    );
    assert!(json::<ProcessData>("").unwrap_err()[0].starts_with("not json"));
    let late = r#"{"data":[{"id":"x"}], nonsense"#;
    assert!(json::<ProcessData>(late).unwrap_err()[0].starts_with("not json"));
}

#[test]
fn text_becomes_a_model_too() {
    let item: DataItem = query("id=7&value=1.5&name=abc").unwrap();
    assert_eq!(
        item,
        DataItem {
            id: 7,
            value: 1.5,
            name: Some("abc".to_owned())
        }
    );
    assert_eq!(
        query::<DataItem>("id=7&id=8&value=inf&name=abcdef").unwrap_err(),
        ["id duplicate", "value type", "name max_length"]
    );
}
