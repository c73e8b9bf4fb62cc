//! Types of `chrono` in a model's JSON: the documented forms.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use hybrid_validate::Patch;

use crate::facade::{json, model, query};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Stay {
    from: NaiveDate,
    until: Option<NaiveDate>,
    at: Option<chrono::NaiveTime>,
    #[field(min_items = 1)]
    days: Option<Vec<NaiveDate>>,
    named: Option<BTreeMap<String, DateTime<Utc>>>,
    moved: Patch<NaiveDateTime>,
}

#[test]
fn the_documented_form_is_read() {
    let body = r#"{"from":"2017-05-05","at":"12:00:00","days":["2017-05-06"],
        "named":{"a":"2017-05-05T12:00:00+01:00"},"moved":"2017-05-05T12:00:00"}"#;
    let stay: Stay = json(body).unwrap();
    let day = NaiveDate::from_ymd_opt(2017, 5, 5).unwrap();
    assert_eq!((stay.from, stay.until), (day, None));
    assert_eq!(stay.at, NaiveTime::from_hms_opt(12, 0, 0));
    assert_eq!(stay.days.as_deref(), Some(&[day.succ_opt().unwrap()][..]));
    assert_eq!(stay.moved, Patch::Value(day.and_hms_opt(12, 0, 0).unwrap()));
    let bare: Stay = json(r#"{"from":"2017-05-05"}"#).unwrap();
    assert_eq!((bare.named, bare.moved), (None, Patch::Absent));
    assert!(query::<Stay>("from=2017-05-05&days=2017-05-06").is_ok());
    let loose: Stay =
        json(r#"{"from":"2017-5-5","at":"4:8","named":{"a":"2017-05-05 11:00:00Z"}}"#).unwrap();
    assert_eq!((loose.from, loose.named), (day, stay.named));
    assert_eq!(query::<Stay>("from=2017-5-5").unwrap_err(), ["from type"]);
}

#[test]
fn other_forms_are_not() {
    for text in ["17-5-5", "2017 - 05 - 05", " 2017-05-05"] {
        assert_eq!(
            json::<Stay>(&format!(
                r#"{{"from":"{text}","until":"{text}","days":["{text}"]}}"#
            ))
            .unwrap_err(),
            ["from type", "until type", "days.0 type"]
        );
        let body = format!(r#"{{"from":"{text}"}}"#);
        // serde itself knows of the rule, so nothing gets round it.
        assert!(serde_json::from_str::<Stay>(&body).is_err(), "{text}");
    }
    assert_eq!(
        json::<Stay>(r#"{"from":"2017-05-05","named":{"a":"2017 - 05-05T12:00:00Z"}}"#)
            .unwrap_err(),
        ["named.a type"]
    );
    assert_eq!(json::<Stay>("{}").unwrap_err(), ["from missing"]);
}
