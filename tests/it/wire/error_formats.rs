//! Errors in the other formats: that of FastAPI, and one of the program's own.

use hybrid::prelude::*;

use super::errors::{app, post};
use crate::harness::{Reply, Server};

#[test]
fn errors_in_the_shape_of_fast_api() {
    let server = Server::start(app().error_format(ErrorFormat::FastApi));
    let check = |reply: Reply, status: u16, body: &str| {
        assert_eq!((reply.status, reply.text()), (status, body));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        reply
    };
    check(
        server.get("/list?one=x&ids=1&csv=1"),
        422,
        r#"{"detail":[{"loc":["query","one"],"msg":"expected an integer","type":"type"}]}"#,
    );
    check(server.get("/nowhere"), 404, r#"{"detail":"Not found"}"#);
    check(server.get("/panic"), 500, r#"{"detail":"Internal error"}"#);
    let reply = check(
        post(&server, "/mine/1", "", ""),
        401,
        r#"{"detail":"who are you?"}"#,
    );
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    let reply = check(
        server.get("/small"),
        405,
        r#"{"detail":"Method not allowed"}"#,
    );
    assert_eq!(reply.header("allow"), Some("POST"));
    // What the server itself refuses has the shape as well.
    let reply = server.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(reply.status, 400);
    assert!(
        reply.text().starts_with(r#"{"detail":"#),
        "{}",
        reply.text()
    );
}

#[test]
fn errors_in_a_shape_of_ones_own() {
    let format = ErrorFormat::custom(|problem, head| {
        let text = format!("{} {} {:?}", problem.code(), head.uri.path(), head.route());
        (problem.status(), text).into_response()
    });
    let server = Server::start(app().error_format(format));
    let check = |reply: Reply, status: u16, body: &str| {
        assert_eq!((reply.status, reply.text()), (status, body));
        reply
    };
    check(
        server.get("/list"),
        422,
        r#"validation_failed /list Some("/list")"#,
    );
    check(
        server.get("/panic"),
        500,
        r#"internal_error /panic Some("/panic")"#,
    );
    check(
        server.get("/absent"),
        404,
        r#"not_found /absent Some("/absent")"#,
    );
    check(server.get("/nowhere"), 404, "not_found /nowhere None");
    let reply = check(
        post(&server, "/mine/7", "", ""),
        401,
        r#"unauthorized /mine/7 Some("/mine/{id}")"#,
    );
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    let reply = check(server.get("/small"), 405, "method_not_allowed /small None");
    assert_eq!(reply.header("allow"), Some("POST"));
    check(
        server.send("GET /list HTTP/1.1\r\n\r\n"),
        400,
        "malformed_request /list None",
    );
}
