//! Errors as a client sees them: status, code, headers and the exact bytes of
//! the body, and which error answers where several could.

use hybrid::prelude::*;

use crate::harness::{BOOM, Reply, Server, Wire, quiet};

// === The application ===

struct User(String);

#[extractor]
async fn user(#[header] authorization: Option<String>) -> Result<User, Problem> {
    match authorization.as_deref() {
        None => Err(Problem::unauthorized("who are you?")),
        Some("Bearer guest") => Err(Problem::forbidden("no guests")),
        Some(name) => Ok(User(name.to_owned())),
    }
}

#[model]
struct Item {
    #[field(ge = 1)]
    id: i64,
    #[field(max_length = 5)]
    name: Option<String>,
}

#[model]
struct Order {
    #[field(min_items = 1)]
    items: Vec<Item>,
    #[field(default = "standard", regex = "^(standard|express)$")]
    kind: String,
}

#[post("/orders/{id}")]
fn order(
    body: Json<Order>,
    #[cookie("sid", min_length = 4)] sid: Option<String>,
    #[header("x-count", le = 3)] count: Option<u32>,
    #[query(ge = 2)] n: Option<u32>,
    #[path(le = 99)] id: u64,
) -> String {
    format!("{id} {n:?} {count:?} {sid:?} {}", body.items.len())
}

#[post("/orders-async/{id}")]
async fn order_async(
    body: Json<Order>,
    #[cookie("sid", min_length = 4)] sid: Option<String>,
    #[header("x-count", le = 3)] count: Option<u32>,
    #[query(ge = 2)] n: Option<u32>,
    #[path(le = 99)] id: u64,
) -> String {
    order(body, sid, count, n, id)
}

#[post("/mine/{id}", body_limit = 100)]
async fn mine(user: User, #[path(le = 99)] id: u64, body: Json<Item>) -> String {
    format!("{} {id} {}", user.0, body.id)
}

#[post("/small", body_limit = 16)]
async fn small(#[body] text: String) -> String {
    text
}

#[post("/small-plain", body_limit = 16)]
fn small_plain(bytes: bytes::Bytes) -> String {
    bytes.len().to_string()
}

#[post("/form")]
fn form(
    #[form(min_length = 3)] title: String,
    #[form] tags: Vec<String>,
    #[form(ge = 1)] stars: Option<u8>,
    #[query] q: Option<u8>,
) -> String {
    format!("{title} {tags:?} {stars:?} {q:?}")
}

#[get("/list")]
fn list(
    #[query] one: u32,
    #[query] maybe: Option<u32>,
    #[query] text: Option<String>,
    #[query(max_items = 3)] ids: Vec<u32>,
    #[query(style = csv)] csv: Vec<u32>,
    #[query(default = true)] flag: bool,
) -> String {
    format!("{one} {maybe:?} {text:?} {ids:?} {csv:?} {flag}")
}

#[get("/secret")]
fn secret() -> Result<()> {
    Err(std::io::Error::other("the database's password is hunter2"))?
}

#[get("/secret-detail")]
async fn secret_detail() -> Result<()> {
    Err(Problem::internal("the database's password is hunter2"))
}

#[get("/absent")]
fn absent() -> Option<String> {
    None
}

#[get("/panic")]
fn panics() {
    panic!("{BOOM}");
}

#[get("/header")]
fn header() -> impl IntoResponse {
    ([("x-name", "two\r\nx-injected: lines")], "body")
}

pub(super) fn app() -> App {
    quiet();
    App::new().routes(routes![
        order,
        order_async,
        mine,
        small,
        small_plain,
        form,
        list,
        secret,
        secret_detail,
        absent,
        panics,
        header
    ])
}

// === Bodies ===

const JSON: &str = "application/json";

pub(super) fn post(server: &Server, path: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    server.send(&format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\n{headers}content-length: {length}\r\n\r\n{body}"
    ))
}

fn problem(status: u16, code: &str, title: &str, detail: &str) -> String {
    format!(
        r#"{{"type":"urn:hybrid:{code}","title":"{title}","status":{status},"code":"{code}","detail":"{detail}"}}"#
    )
}

fn assert_problem(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.text()), (status, body));
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        reply.header("content-length"),
        Some(&*body.len().to_string())
    );
}

#[test]
fn every_status_has_its_body() {
    let server = Server::start(app());
    let check = |reply: Reply, status: u16, code: &str, title: &str, detail: &str| {
        assert_problem(&reply, status, &problem(status, code, title, detail));
        reply
    };
    let json = format!("content-type: {JSON}\r\n");

    let reply = post(&server, "/orders/1", &json, "{\n  \"items\": [1,]}");
    let detail = "expected value at line 2 column 15";
    check(reply, 400, "malformed_json", "Malformed JSON", detail);

    let reply = server.get("/list?one=%zz");
    let detail = "a percent-escape is not two hexadecimal digits";
    check(reply, 400, "malformed_request", "Malformed request", detail);
    let reply = server.get("/list?one=%ff");
    check(
        reply,
        400,
        "malformed_request",
        "Malformed request",
        "a percent-escape is not UTF-8",
    );
    let reply = server.get("/%zz");
    let detail = "the path has a `%` that encodes nothing";
    check(reply, 400, "malformed_request", "Malformed request", detail);

    let reply = post(&server, "/mine/1", "", "");
    let reply = check(reply, 401, "unauthorized", "Unauthorized", "who are you?");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    let reply = post(&server, "/mine/1", "authorization: Bearer guest\r\n", "");
    check(reply, 403, "forbidden", "Forbidden", "no guests");

    let nothing =
        r#"{"type":"urn:hybrid:not_found","title":"Not found","status":404,"code":"not_found"}"#;
    assert_problem(&server.get("/nowhere"), 404, nothing);
    assert_problem(&server.get("/absent"), 404, nothing);
    let reply = server.get("/small");
    let body = r#"{"type":"urn:hybrid:method_not_allowed","title":"Method not allowed","status":405,"code":"method_not_allowed"}"#;
    assert_problem(&reply, 405, body);
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = post(&server, "/list", "", "");
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET, HEAD"))
    );

    let reply = post(&server, "/orders/1", "content-type: text/plain\r\n", "{}");
    let detail = "expected a body of type application/json";
    check(
        reply,
        415,
        "unsupported_media_type",
        "Unsupported media type",
        detail,
    );
    let reply = post(&server, "/form", &json, "{}");
    let detail = "expected a body of type application/x-www-form-urlencoded or multipart/form-data";
    check(
        reply,
        415,
        "unsupported_media_type",
        "Unsupported media type",
        detail,
    );

    let internal = r#"{"type":"urn:hybrid:internal_error","title":"Internal error","status":500,"code":"internal_error"}"#;
    for path in ["/secret", "/secret-detail", "/panic", "/header"] {
        let reply = server.get(path);
        assert_problem(&reply, 500, internal);
        assert_eq!(reply.header("x-injected"), None);
    }
    let long = "x".repeat(9000);
    let reply = server.get(&format!("/list?text={long}"));
    assert_eq!(reply.status, 414);
    assert!(
        reply.text().contains(r#""code":"uri_too_long""#),
        "{}",
        reply.text()
    );
    let many = "x-filler: 1\r\n".repeat(120);
    let reply = server.send(&format!("GET /list HTTP/1.1\r\nhost: test\r\n{many}\r\n"));
    assert_eq!(reply.status, 431);
    assert!(
        reply.text().contains(r#""code":"headers_too_large""#),
        "{}",
        reply.text()
    );
}

// === 413 ===

#[test]
fn a_body_over_the_limit_is_refused_by_its_length_alone() {
    let server = Server::start(app());
    let detail = "the body is larger than the limit of 16 bytes";
    let body = problem(413, "payload_too_large", "Payload too large", detail);
    for path in ["/small", "/small-plain"] {
        // Only the head is sent: whoever waits for the body waits for ever. With
        // `Expect`, no `100 Continue` comes before the answer.
        for expect in ["", "expect: 100-continue\r\n"] {
            let mut wire = Wire::to(server.addr);
            wire.write(format!(
                "POST {path} HTTP/1.1\r\nhost: test\r\n{expect}content-length: 17\r\n\r\n"
            ));
            assert_problem(&wire.read(), 413, &body);
        }
        assert_eq!(post(&server, path, "", "0123456789abcdef").status, 200);
    }
    // The default limits: 2 MiB of JSON, 1 MiB of a form.
    let head = |path: &str, media: &str, length: usize| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n"
        );
        server.send(&head)
    };
    let reply = head("/orders/1", JSON, (2 << 20) + 1);
    assert!(
        reply.text().contains("the limit of 2097152 bytes"),
        "{reply:?}"
    );
    let reply = head("/form", "application/x-www-form-urlencoded", (1 << 20) + 1);
    assert!(
        reply.text().contains("the limit of 1048576 bytes"),
        "{reply:?}"
    );
    // 413 is judged before 415.
    assert_eq!(head("/orders/1", "text/plain", (2 << 20) + 1).status, 413);
}

#[test]
fn a_body_over_the_limit_is_refused_while_it_is_read() {
    let server = Server::start(app());
    let chunked = |path: &str, chunks: &str| {
        server.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
        ))
    };
    let detail = "the body is larger than the limit of 16 bytes";
    let body = problem(413, "payload_too_large", "Payload too large", detail);
    for path in ["/small", "/small-plain"] {
        // The body does not end: it is refused as soon as it is too large.
        assert_problem(
            &chunked(path, "a\r\n0123456789\r\n7\r\n0123456\r\n"),
            413,
            &body,
        );
        assert_problem(&chunked(path, "11\r\n0123456789abcdefg\r\n"), 413, &body);
        assert_eq!(
            chunked(path, "a\r\n0123456789\r\n6\r\n012345\r\n0\r\n\r\n").status,
            200
        );
    }
}

// === 422 ===

const EIGHT_FAULTS: &str = r#"{"type":"urn:hybrid:validation_failed","title":"Validation failed","status":422,"code":"validation_failed","detail":"8 values were refused","errors":[{"loc":["path","id"],"code":"le","message":"must be at most 99","params":{"le":99}},{"loc":["query","n"],"code":"ge","message":"must be at least 2","params":{"ge":2}},{"loc":["header","x-count"],"code":"type","message":"expected an integer"},{"loc":["cookie","sid"],"code":"min_length","message":"must have at least 4 characters","params":{"min_length":4}},{"loc":["body","items",0,"id"],"code":"type","message":"expected an integer"},{"loc":["body","items",1,"id"],"code":"missing","message":"is required"},{"loc":["body","items",1,"name"],"code":"max_length","message":"must have at most 5 characters","params":{"max_length":5}},{"loc":["body","kind"],"code":"regex","message":"must match ^(standard|express)$","params":{"regex":"^(standard|express)$"}}]}"#;

#[test]
fn all_violations_come_in_one_answer_in_the_order_of_their_sources() {
    let server = Server::start(app());
    let headers = format!("content-type: {JSON}\r\nx-count: many\r\ncookie: sid=abc\r\n");
    let body = r#"{"items":[{"id":"secret"},{"name":"far too long"}],"kind":"slow"}"#;
    for path in ["/orders/100?n=1", "/orders-async/100?n=1"] {
        assert_problem(&post(&server, path, &headers, body), 422, EIGHT_FAULTS);
    }
}

#[test]
fn violations_that_are_not_listed_are_counted() {
    let server = Server::start(app());
    let json = format!("content-type: {JSON}\r\n");
    let body = format!(r#"{{"items":[{}7]}}"#, "7,".repeat(11_999));
    let reply = post(&server, "/orders/1", &json, &body);
    assert_eq!(reply.status, 422);
    let detail = r#""detail":"10000 values were refused, 2000 more are not listed""#;
    let head: String = reply.text().chars().take(300).collect();
    assert!(reply.text().contains(detail), "{head}");
}

#[test]
fn a_large_body_is_not_parsed_once_text_is_refused() {
    let server = Server::start(app());
    let json = format!("content-type: {JSON}\r\n");
    let filler = "x".repeat(17 * 1024);
    let body = format!(r#"{{"items":[{{"id":0,"name":"{filler}"}}]}}"#);
    let expected = r#"{"type":"urn:hybrid:validation_failed","title":"Validation failed","status":422,"code":"validation_failed","detail":"1 value was refused; the body was not looked at","errors":[{"loc":["path","id"],"code":"le","message":"must be at most 99","params":{"le":99}}]}"#;
    for path in ["/orders/100", "/orders-async/100"] {
        assert_problem(&post(&server, path, &json, &body), 422, expected);
        // Without a length that announces it, it is read and then left alone.
        let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let reply = server.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\n{json}transfer-encoding: chunked\r\n\r\n{chunk}"
        ));
        assert_problem(&reply, 422, expected);
    }
    // A small one is looked at, a large one whose text is good as well.
    let small = post(&server, "/orders/100", &json, r#"{"items":[]}"#);
    assert!(
        small.text().contains(r#""detail":"2 values were refused""#),
        "{}",
        small.text()
    );
    let large = post(&server, "/orders/1", &json, &body);
    assert!(
        large.text().contains(r#""loc":["body","items",0,"name"]"#),
        "{}",
        large.text()
    );
}

#[test]
fn values_of_the_query_are_read_as_their_type_says() {
    let client = TestClient::new(app());
    let good = |query: &str, expected: &str| {
        let answer = client.get(format!("/list?{query}")).send();
        assert_eq!(
            (answer.status().as_u16(), answer.text()),
            (200, expected),
            "{query}"
        );
    };
    good("one=1&ids=1&csv=1", "1 None None [1] [1] true");
    good(
        "one=1&ids=1&ids=2&csv=1,2,3&flag=No",
        "1 None None [1, 2] [1, 2, 3] false",
    );
    good(
        "one=1&maybe=&text=&ids=1&csv=1",
        r#"1 None Some("") [1] [1] true"#,
    );
    good(
        "one=%31&text=a+b%26&ids=1&csv=1&other=x",
        r#"1 None Some("a b&") [1] [1] true"#,
    );

    let bad = |query: &str, expected: &[(&str, &str)]| {
        let answer = client.get(format!("/list?{query}")).send();
        assert_eq!(answer.status(), 422, "{query}");
        let found: serde_json::Value = answer.json();
        let found = found["errors"].as_array().unwrap().iter().map(|error| {
            (
                error["loc"].to_string(),
                error["code"].as_str().unwrap().to_owned(),
            )
        });
        let expected = expected
            .iter()
            .map(|(loc, code)| ((*loc).to_owned(), (*code).to_owned()));
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "{query}"
        );
    };
    let missing = [
        (r#"["query","one"]"#, "missing"),
        (r#"["query","ids"]"#, "missing"),
        (r#"["query","csv"]"#, "missing"),
    ];
    bad("", &missing);
    bad(
        "one=1&one=2&ids=1&csv=1",
        &[(r#"["query","one"]"#, "duplicate")],
    );
    bad(
        "one=1&maybe=1&maybe=2&ids=1&csv=1",
        &[(r#"["query","maybe"]"#, "duplicate")],
    );
    bad("one=&ids=1&csv=1", &[(r#"["query","one"]"#, "type")]);
    bad(
        "one=1&ids=1&ids=x&csv=1",
        &[(r#"["query","ids",1]"#, "type")],
    );
    bad(
        "one=1&ids=1&ids=2&ids=3&ids=4&csv=1",
        &[(r#"["query","ids"]"#, "max_items")],
    );
    bad("one=1&ids=1&csv=1,x", &[(r#"["query","csv",1]"#, "type")]);
    bad(
        "one=1&ids=1&csv=1&flag=perhaps",
        &[(r#"["query","flag"]"#, "type")],
    );
}

#[test]
fn forms_are_read_field_by_field() {
    let client = TestClient::new(app());
    let fields = [
        ("title", "Ada"),
        ("tags", "a"),
        ("tags", "b"),
        ("stars", ""),
    ];
    let expected = r#"Ada ["a", "b"] None None"#;
    assert_eq!(client.post("/form").form(&fields).send().text(), expected);
    assert_eq!(
        client.post("/form").multipart(&fields).send().text(),
        expected
    );

    let answer = client
        .post("/form?q=x")
        .form(&[("title", "A"), ("stars", "0")])
        .send();
    let errors = answer.json::<serde_json::Value>()["errors"].clone();
    let found: Vec<_> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["loc"].to_string())
        .collect();
    let expected = [
        r#"["query","q"]"#,
        r#"["form","title"]"#,
        r#"["form","tags"]"#,
        r#"["form","stars"]"#,
    ];
    assert_eq!(found, expected);

    // No body at all: what is needed is missing, what is not is not.
    let answer = client.post("/form").send();
    let errors = answer.json::<serde_json::Value>()["errors"].clone();
    let found: Vec<_> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["code"].to_string())
        .collect();
    assert_eq!(found, [r#""missing""#, r#""missing""#]);
}

#[test]
fn a_missing_body_is_missing_and_json_may_have_other_names() {
    let server = Server::start(app());
    let authorized = "authorization: Bearer Ada\r\n";
    let reply = post(&server, "/mine/1", authorized, "");
    let missing = r#"{"type":"urn:hybrid:validation_failed","title":"Validation failed","status":422,"code":"validation_failed","detail":"1 value was refused","errors":[{"loc":["body"],"code":"missing","message":"is required"}]}"#;
    assert_problem(&reply, 422, missing);
    for media in [
        "application/json; charset=utf-8",
        "application/vnd.items+json",
        "Application/JSON",
    ] {
        let headers = format!("{authorized}content-type: {media}\r\n");
        assert_eq!(
            post(&server, "/mine/1", &headers, r#"{"id":1}"#).status,
            200,
            "{media}"
        );
    }
}

// === Which answers first ===

#[test]
fn what_is_judged_first_answers_alone() {
    let server = Server::start(app());
    let check = |path: &str, headers: &str, length: usize, status: u16| {
        let body = "x".repeat(length);
        assert_eq!(
            post(&server, path, headers, &body).status,
            status,
            "{path} {headers}"
        );
    };
    let (known, json) = (
        "authorization: Bearer Ada\r\n",
        "content-type: application/json\r\n",
    );
    let both = format!("{known}{json}");
    check("/nowhere", "", 200, 404);
    check("/list", "", 200, 405);
    // A guard before the path's value, the length and the type.
    check("/mine/100", "", 200, 401);
    check(
        "/mine/100?n=%zz",
        "authorization: Bearer guest\r\n",
        200,
        403,
    );
    check("/mine/1", known, 101, 413);
    check("/mine/100", known, 100, 415);
    check("/mine/100", &both, 101, 413);
    check("/mine/100", &both, 100, 400);
    let reply = post(&server, "/mine/100", &both, r#"{"id":0}"#);
    assert_eq!(reply.status, 422);
    assert!(reply.text().contains("2 values were refused"));
}

/// Only heads are sent: whoever waited for the body would wait for ever.
#[test]
fn what_the_head_decides_does_not_wait_for_the_body() {
    let server = Server::start(app());
    let check = |path: &str, headers: &str, status: u16| {
        let reply = server.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\n{headers}content-length: 20000\r\n\r\n"
        ));
        assert_eq!(reply.status, status, "{path}");
        reply
    };
    check("/nowhere", "", 404);
    check("/list", "", 405);
    check("/mine/1", "", 401);
    check("/orders/1", "content-type: text/plain\r\n", 415);
    let json = format!("content-type: {JSON}\r\n");
    let reply = check("/orders/100", &json, 422);
    assert!(
        reply.text().contains("the body was not looked at"),
        "{}",
        reply.text()
    );
    check("/orders/1?n=%zz", &json, 400);
}

/// What a handler does not read of a body is not taken for the next request.
#[test]
fn requests_that_follow_each_other_are_answered_in_order() {
    let server = Server::start(app());
    let mut wire = Wire::to(server.addr);
    wire.write(
        "GET /list?one=1&ids=1&csv=1 HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello\
         POST /small HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nabc\
         GET /nowhere HTTP/1.1\r\nhost: test\r\n\r\n\
         GET /absent HTTP/1.1\r\nhost: test\r\n\r\n\
         POST /small-plain HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\nab",
    );
    let replies: Vec<u16> = (0..5).map(|_| wire.read().status).collect();
    assert_eq!(replies, [200, 200, 404, 404, 200]);
}

#[test]
fn an_answer_to_head_has_no_body_but_its_length() {
    let server = Server::start(app());
    for path in ["/list", "/nowhere", "/panic", "/list?one=1&ids=1&csv=1"] {
        let get = server.get(path);
        let mut wire = Wire::to(server.addr);
        wire.write(format!(
            "HEAD {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
        ));
        let head = wire.read_head();
        assert_eq!((head.status, &head.body), (get.status, &Vec::new()));
        assert_eq!(head.header("content-length"), get.header("content-length"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert!(wire.is_closed(), "{path}: a body follows");
    }
}
