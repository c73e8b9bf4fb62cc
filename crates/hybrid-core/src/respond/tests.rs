use http::HeaderMap;
use http_body::Body as _;

use super::*;

fn check(answer: impl IntoResponse, status: u16, content_type: Option<&str>) -> Response {
    let response = answer.into_response();
    assert_eq!(response.status(), status);
    let found = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(|v| v.to_str().expect("ascii"));
    assert_eq!(found, content_type);
    response
}

#[test]
fn each_answer_has_its_status_and_type() {
    check("text", 200, Some(TEXT));
    check(String::from("text"), 200, Some(TEXT));
    check(Html("<p>"), 200, Some("text/html; charset=utf-8"));
    check(
        Bytes::from_static(b"x"),
        200,
        Some("application/octet-stream"),
    );
    check(Json([1, 2]), 200, Some("application/json"));
    check(StatusCode::ACCEPTED, 202, None);
    check(
        (StatusCode::CREATED, Json(1)),
        201,
        Some("application/json"),
    );
    check(Some("x"), 200, Some(TEXT));
    check(None::<String>, 404, Some("application/problem+json"));
    check(
        Err::<(), _>(Problem::forbidden("no")),
        403,
        Some("application/problem+json"),
    );
    check(Redirect::to("/next"), 303, None);
    check(http::Response::new(Body::from("x")), 200, None);
}

#[test]
fn headers_of_a_tuple_are_added() {
    let response = check(([("x-one", "1")], "text"), 200, Some(TEXT));
    assert_eq!(response.headers()["x-one"], "1");
    let mut headers = HeaderMap::new();
    headers.insert("x-two", HeaderValue::from_static("2"));
    let response = check((StatusCode::CREATED, headers, "text"), 201, Some(TEXT));
    assert_eq!(response.headers()["x-two"], "2");
}

#[test]
fn a_header_that_would_split_the_answer_is_a_500() {
    check(
        ([("x-name", "a\r\nset-cookie: b")], "text"),
        500,
        Some("application/problem+json"),
    );
    check(
        Redirect::to("/a\r\nb"),
        500,
        Some("application/problem+json"),
    );
}

#[test]
fn a_value_that_cannot_be_serialised_is_a_500() {
    let broken = std::collections::BTreeMap::from([((1, 2), 3)]);
    check(Json(broken), 500, Some("application/problem+json"));
}

#[test]
fn a_body_of_ours_is_not_boxed_again() {
    let response = http::Response::new(Body::from("four")).into_response();
    assert_eq!(response.body().size_hint().exact(), Some(4));
    assert!(response.into_body().try_into_bytes().is_ok());
}
