//! Violations on the wire, and how reports order and bound them.

use hybrid_validate::{Location, Report, Source, Violation};
use serde_json::{Map, json};

#[test]
fn the_wire_form() {
    let mut report = Report::new(Source::Body);
    let mut params = Map::new();
    params.insert("ge".to_owned(), json!(2));
    report.at_key("data", |report| {
        report.at_index(3, |report| {
            report.at_key("value", |report| {
                report.violate("type", "expected a number")
            });
            report.violate_with("ge", "must be at least 2", params);
        });
    });
    report.violate("missing", "is required");
    assert_eq!(
        serde_json::to_string(&report.into_violations()).unwrap(),
        concat!(
            r#"[{"loc":["body","data",3,"value"],"code":"type","message":"expected a number"},"#,
            r#"{"loc":["body","data",3],"code":"ge","message":"must be at least 2","params":{"ge":2}},"#,
            r#"{"loc":["body"],"code":"missing","message":"is required"}]"#,
        )
    );
}

#[test]
fn sources_come_in_order_and_keep_their_own() {
    use Source::{Body, Cookie, File, Form, Header, Path, Query};
    let mut report = Report::new(Body);
    for source in [Body, File, Form, Cookie, Header, Query, Path, Query] {
        report.set_source(source);
        let code = format!("{}{}", source, report.len());
        report.violate(code, "x");
    }
    let codes: Vec<_> = report
        .into_violations()
        .into_iter()
        .map(|v| v.code)
        .collect();
    assert_eq!(
        codes,
        [
            "path6", "query5", "query7", "header4", "cookie3", "form2", "file1", "body0"
        ]
    );
}

#[test]
fn what_is_pushed_counts_from_the_present_place() {
    let mut report = Report::new(Source::Body);
    report.at_key("a", |report| {
        report.push(Violation {
            location: Location::new(Source::Body).then("b").then(1),
            code: "type".into(),
            message: "expected a number".into(),
            params: None,
        });
    });
    assert_eq!(
        report.into_violations()[0].location.to_string(),
        "body.a.b.1"
    );
}

#[test]
fn the_first_only() {
    let mut report = Report::first_only(Source::Body);
    assert!(report.is_first_only() && !report.is_full());
    report.violate("a", "x");
    assert!(report.is_full());
    report.violate("b", "x");
    assert_eq!((report.len(), report.left_out(), report.found()), (1, 1, 2));
}

#[test]
fn a_report_is_bounded_and_counts_what_it_leaves_out() {
    let mut report = Report::new(Source::Body).limited(3);
    for index in 0..10 {
        report.at_index(index, |report| report.violate("type", "expected a number"));
    }
    assert_eq!(
        (report.len(), report.left_out(), report.found()),
        (3, 7, 10)
    );
    assert!(report.is_full() && !report.is_first_only());
    let violations = report.into_violations();
    assert_eq!(violations[2].location.to_string(), "body.2");
}

#[test]
fn keys_of_maps_are_copied_only_for_violations() {
    let mut report = Report::new(Source::Body);
    report.at_borrowed_key("quiet", |_| ());
    report.at_borrowed_key("loud", |report| report.violate("type", "expected a number"));
    assert_eq!(
        report.into_violations()[0].to_string(),
        "body.loud: expected a number"
    );
}
