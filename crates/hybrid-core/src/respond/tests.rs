use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body as _;

use super::{into_response::TEXT, *};
use crate::{Response, body::Body, extract::Json, problem::Problem};

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
fn an_error_that_says_no_status_is_a_500_without_its_text() {
    fn failed(answer: impl IntoResponse) {
        let response = check(answer, 500, Some("application/problem+json"));
        let body = response.into_body().try_into_bytes().expect("in memory");
        let text = String::from_utf8_lossy(&body);
        assert!(!text.contains("secret"), "{text}");
    }
    failed(Err::<(), _>("secret"));
    failed(Err::<(), _>("secret".to_owned()));
    failed(Err::<(), _>(Cow::Borrowed("secret")));
    failed(Err::<(), _>(Bytes::from_static(b"secret")));
    failed(Err::<(), _>(b"secret".to_vec()));
    failed(Err::<(), _>(Body::from("secret")));
    failed(Err::<(), _>(Html("secret")));
    failed(Err::<(), _>(Json("secret")));
    failed(Err::<&str, _>(()));
    failed(Err::<(), _>(Some("secret")));
    failed(Err::<(), _>(Ok::<_, Problem>("secret")));
    failed(Err::<(), _>(([("x-one", "1")], "secret")));
}

#[test]
fn an_error_that_says_its_status_keeps_it() {
    let text = Some(TEXT);
    check(Err::<(), _>((StatusCode::CONFLICT, "taken")), 409, text);
    let with_headers = (StatusCode::CONFLICT, [("x-one", "1")], "taken");
    check(Err::<(), _>(with_headers), 409, text);
    check(Err::<(), _>(StatusCode::GONE), 410, None);
    check(Err::<(), _>(Redirect::to("/login")), 303, None);
    check(Err::<(), _>(http::Response::new(Body::empty())), 200, None);
    let problem = Some("application/problem+json");
    check(Err::<(), _>(None::<&str>), 404, problem);
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
fn a_list_of_headers_keeps_all_of_a_name() {
    let cookies = || vec![("set-cookie", "a=1"), ("Set-Cookie", "b=2"), ("x-one", "1")];
    let set = |response: &Response| {
        let all = response.headers().get_all(header::SET_COOKIE).iter();
        all.map(|value| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let response = (cookies(), "text").into_response();
    assert_eq!(set(&response), ["a=1", "b=2"]);
    let array = [("set-cookie", "a=1"), ("set-cookie", "b=2")];
    let response = (StatusCode::CREATED, array, "text").into_response();
    assert_eq!(set(&response), ["a=1", "b=2"]);

    // What an inner answer has set is replaced, once.
    let inner = ([("set-cookie", "z=0")], "text");
    let response = (cookies(), inner).into_response();
    assert_eq!(set(&response), ["a=1", "b=2"]);
    let response = ([("content-type", "text/csv")], "a,b").into_response();
    let types = response.headers().get_all(header::CONTENT_TYPE).iter();
    assert_eq!(types.count(), 1);
}

#[test]
fn a_redirect_is_sent_as_a_uri() {
    let check = |target: &str, expected: &str| {
        let response = Redirect::to(target).into_response();
        assert_eq!(response.headers()[header::LOCATION], expected);
    };
    check("/next", "/next");
    check("/a b", "/a%20b");
    check("/ü", "/%C3%BC");
    check("/a%20b?q=100%&r=%zz%", "/a%20b?q=100%25&r=%25zz%25");
    check(
        "https://[::1]:80/x;y=1,2?a=b&c[]='d'#e",
        "https://[::1]:80/x;y=1,2?a=b&c[]='d'#e",
    );
    check("/\\host", "/%5Chost");
    check("/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D");
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
