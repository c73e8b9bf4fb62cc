use http::{StatusCode, header};
use serde_json::{Value, json};

use super::*;

fn written(problem: &Problem) -> String {
    let body = ErrorFormat::Problem.write(problem).into_body();
    let bytes = body.try_into_bytes().expect("in memory");
    String::from_utf8(bytes.into()).expect("JSON")
}

#[test]
fn a_status_alone_has_a_code_and_a_title_of_its_own() {
    let expected = [
        (400, "malformed_request", "Malformed request"),
        (402, "payment_required", "Payment required"),
        (404, "not_found", "Not found"),
        (409, "conflict", "Conflict"),
        (414, "uri_too_long", "URI too long"),
        (418, "im_a_teapot", "I'm a teapot"),
        (422, "unprocessable", "Unprocessable content"),
        (431, "headers_too_large", "Headers too large"),
        (499, "error_499", "Error 499"),
        (500, "internal_error", "Internal error"),
        (503, "service_unavailable", "Service unavailable"),
    ];
    for (status, code, title) in expected {
        let problem = Problem::new(StatusCode::from_u16(status).expect("a status"));
        let found = (problem.status().as_u16(), problem.code(), problem.title());
        assert_eq!(found, (status, code, title));
    }
    assert_eq!(Problem::new(StatusCode::OK).status(), 500);
}

#[test]
fn members_stand_behind_ours_and_never_twice() {
    let problem = Problem::new(StatusCode::FORBIDDEN)
        .with_code("out_of_credit")
        .with_title("Out of credit")
        .with_detail("the balance is 30")
        .with("balance", 29)
        .with("instance", "/account/7")
        .with("balance", 30)
        .with("status", 200)
        .with("detail", "another");
    assert_eq!(
        written(&problem),
        r#"{"type":"urn:hybrid:out_of_credit","title":"Out of credit","status":403,"code":"out_of_credit","detail":"the balance is 30","instance":"/account/7","balance":30}"#
    );
    assert_eq!(problem.members()[1].1, json!(30));
}

#[test]
fn the_type_can_be_a_uri_of_ones_own() {
    let problem = Problem::conflict("taken").with("type", "https://example.com/taken");
    let written: Value = serde_json::from_str(&written(&problem)).expect("JSON");
    assert_eq!(written["type"], "https://example.com/taken");
    assert_eq!(written["code"], "conflict");
}

#[test]
fn a_header_replaces_one_of_its_name_and_a_broken_one_is_a_500() {
    let problem = Problem::unauthorized("no").with_header("www-authenticate", "Basic");
    let found: Vec<_> = problem.headers().iter().map(|(_, value)| value).collect();
    assert_eq!(found, ["Basic"]);
    let problem = Problem::not_found("no").with_header(header::RETRY_AFTER, 5);
    assert_eq!(problem.headers()[0].1, "5");
    let broken = Problem::not_found("no").with_header("x-name", "a\r\nset-cookie: b");
    assert_eq!(broken.status(), 500);
    assert_eq!(Problem::not_found("no").with_header("", "b").status(), 500);
}

#[test]
fn a_value_that_is_no_json_is_left_out() {
    let broken = std::collections::BTreeMap::from([((1, 2), 3)]);
    let problem = Problem::conflict("taken").with("pairs", broken);
    assert!(problem.members().is_empty());
}

#[test]
fn a_typed_error_in_the_log_is_said_once() {
    let error = "x".parse::<u8>().expect_err("no number");
    let text = error.to_string();
    let mut problem = Problem::from(error);
    assert_eq!(problem.private_detail(), text);
    problem.inner.detail = Some(text.clone().into());
    assert_eq!(problem.private_detail(), text);
}
