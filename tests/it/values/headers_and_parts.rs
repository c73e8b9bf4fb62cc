//! Values as they stand in a head and in front of a body: which header, cookie, list,
//! media type or part is meant, where several readings are at hand.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hybrid::prelude::*;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, Wire};

// === The application ===

#[model]
struct User {
    x_auth_user: Option<String>,
}

#[get("/model")]
async fn model(Header(user): Header<User>) -> Json<Value> {
    Json(json!(user.x_auth_user))
}

#[derive(Deserialize)]
struct Plain {
    x_auth_user: Option<String>,
    #[serde(rename = "x-other")]
    other: Option<String>,
}

#[get("/plain")]
fn plain(Header(plain): Header<Plain>) -> Json<Value> {
    Json(json!([plain.x_auth_user, plain.other]))
}

#[derive(Deserialize)]
struct Flattened {
    x_auth_user: Option<String>,
    #[serde(flatten)]
    more: More,
}

#[derive(Deserialize)]
struct More {
    x_more: Option<String>,
}

#[get("/flattened")]
fn flattened(Header(all): Header<Flattened>) -> Json<Value> {
    Json(json!([all.x_auth_user, all.more.x_more]))
}

#[derive(Deserialize)]
struct Validated {
    x_auth_user: Option<String>,
}

impl validator::Validate for Validated {
    fn validate(&self) -> Result<(), validator::ValidationErrors> {
        Ok(())
    }
}

#[get("/validated")]
fn validated(Header(user): Header<Validated>) -> Json<Value> {
    Json(json!(user.x_auth_user))
}

#[get("/one")]
async fn one(#[header] x_auth_user: Option<String>) -> Json<Value> {
    Json(json!(x_auth_user))
}

#[get("/odd")]
async fn odd(#[header("x_auth_user")] user: Option<String>) -> Json<Value> {
    Json(json!(user))
}

#[get("/map")]
async fn map(Header(all): Header<BTreeMap<String, String>>) -> Json<Value> {
    Json(json!(all))
}

#[get("/cookies")]
async fn cookies(
    #[cookie] sid: Option<String>,
    #[cookie(default = "plain")] theme: String,
) -> Json<Value> {
    Json(json!([sid, theme]))
}

#[get("/sid")]
fn sid(#[cookie] sid: String) -> String {
    sid
}

#[model]
struct Tags {
    #[field(style = csv)]
    x_tags: Vec<String>,
}

#[get("/tags")]
async fn tags(
    #[header(style = csv)] x_tags: Vec<String>,
    Header(all): Header<Tags>,
) -> Json<Value> {
    Json(json!([x_tags, all.x_tags]))
}

#[get("/host")]
async fn host(
    #[header] host: String,
    Header(map): Header<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Json<Value> {
    let raw = headers.get("host").and_then(|host| host.to_str().ok());
    Json(json!([host, map.get("host"), raw]))
}

#[post("/json")]
async fn a_json(Json(value): Json<Value>) -> Json<Value> {
    Json(value)
}

#[post("/json-pool")]
fn a_json_on_the_pool(Json(value): Json<Value>) -> Json<Value> {
    Json(value)
}

#[post("/form")]
fn a_form(#[form] title: String) -> String {
    title
}

#[post("/raw")]
fn raw(bytes: Bytes) -> String {
    bytes.len().to_string()
}

#[post("/text")]
async fn text(#[body] text: String) -> String {
    text
}

#[post("/stream")]
async fn stream(mut stream: BodyStream) -> Result<String> {
    let mut bytes = 0;
    while let Some(piece) = stream.next().await? {
        bytes += piece.len();
    }
    Ok(bytes.to_string())
}

#[post("/parts")]
async fn parts(mut parts: Multipart) -> Result<String> {
    let mut names = Vec::new();
    while let Some(part) = parts.next_field().await? {
        names.push(format!("{} {:?}", part.name(), part.file_name()));
    }
    Ok(names.join(", "))
}

struct Own(Value);

impl FromRequest for Own {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self> {
        let Json(value) = Json::from_request(request).await?;
        Ok(Self(value))
    }
}

#[post("/own")]
fn own(own: Own) -> Json<Value> {
    Json(own.0)
}

#[post("/request")]
async fn request(request: Request) -> String {
    let coding = request.headers().get("content-encoding");
    format!("{coding:?}")
}

fn app() -> App {
    App::new()
        .routes(routes![
            model, plain, flattened, validated, one, odd, map, cookies, sid, tags, host
        ])
        .routes(routes![
            a_json,
            a_json_on_the_pool,
            a_form,
            raw,
            text,
            stream,
            parts,
            own,
            request
        ])
}

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Reply {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    server.send(&format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"
    ))
}

fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let mut wire = Wire::to(server.addr);
    wire.write(format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{headers}\r\n"
    ));
    wire.write(body);
    wire.read()
}

#[track_caller]
fn check(reply: &Reply, expected: Value) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let found: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(found, expected);
}

// === Headers ===

/// What a proxy takes off must not come in under a like name.
#[test]
fn a_header_with_an_underscore_is_another_one() {
    let server = Server::start(app());
    let spoofed = [
        [("x_auth_user", "admin")],
        [("X-Auth_User", "admin")],
        [("x_auth-user", "admin")],
    ];
    for headers in &spoofed {
        check(&get(&server, "/model", headers), json!(null));
        check(&get(&server, "/plain", headers), json!([null, null]));
        check(&get(&server, "/flattened", headers), json!([null, null]));
        check(&get(&server, "/validated", headers), json!(null));
        check(&get(&server, "/one", headers), json!(null));
    }
    let both = [("x_auth_user", "admin"), ("X-Auth-User", "ada")];
    check(&get(&server, "/model", &both), json!("ada"));
    check(&get(&server, "/plain", &both), json!(["ada", null]));
    check(&get(&server, "/flattened", &both), json!(["ada", null]));
    check(&get(&server, "/validated", &both), json!("ada"));
    check(&get(&server, "/one", &both), json!("ada"));
    check(&get(&server, "/odd", &both), json!("admin"));
    let other = [("X-OTHER", "o"), ("x-more", "m")];
    check(&get(&server, "/plain", &other), json!([null, "o"]));
    check(&get(&server, "/flattened", &other), json!([null, "m"]));
}

#[test]
fn a_map_of_headers_has_each_once_under_its_own_name() {
    let server = Server::start(app());
    let sent = [("X-Foo", "1"), ("x_bar", "2")];
    check(
        &get(&server, "/map", &sent),
        json!({ "host": "test", "x-foo": "1", "x_bar": "2" }),
    );
}

#[test]
fn a_list_in_a_header_is_one_as_rfc_9110_has_it() {
    let server = Server::start(app());
    let tags = |lines: &[&str], expected: Value| {
        let headers: Vec<_> = lines.iter().map(|line| ("x-tags", *line)).collect();
        check(
            &get(&server, "/tags", &headers),
            json!([expected, expected]),
        );
    };
    tags(&["a, , b,"], json!(["a", "b"]));
    tags(&[",", "a", "", "b,c"], json!(["a", "b", "c"]));
    tags(&[r#"a, "b,c""#], json!(["a", r#""b,c""#]));
    tags(&[" , "], json!([]));
    let missing = get(&server, "/tags", &[]);
    assert_eq!(missing.status, 422);
}

#[test]
fn the_host_is_there_under_http_2_too() {
    let server = Server::start(app());
    check(&get(&server, "/host", &[]), json!(["test", "test", "test"]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found: Value = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut client, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://a.example:81/host");
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    });
    let host = "a.example:81";
    assert_eq!(found, json!([host, host, host]));
}

// === Cookies ===

#[test]
fn a_cookie_that_is_bad_harms_no_other() {
    let server = Server::start(app());
    let cookies = |text: &[u8]| {
        let mut wire = Wire::to(server.addr);
        wire.write("GET /cookies HTTP/1.1\r\nhost: test\r\ncookie: ");
        wire.write(text);
        wire.write("\r\n\r\n");
        wire.read()
    };
    check(
        &cookies("theme=grün; sid=abc".as_bytes()),
        json!(["abc", "grün"]),
    );
    check(&cookies(b"other=\xff; sid=abc"), json!(["abc", "plain"]));
    check(
        &cookies(b"\xff\xfe; =; sid=\"abc\""),
        json!(["abc", "plain"]),
    );
    let refused = cookies(b"theme=\xff; sid=abc");
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[test]
fn of_a_cookie_sent_twice_the_first_counts() {
    let server = Server::start(app());
    let twice = get(&server, "/sid", &[("cookie", "sid=1; sid=2")]);
    assert_eq!((twice.status, twice.text()), (200, "1"));
    let lines = [("cookie", "a=0; sid=1"), ("cookie", "sid=2")];
    let lines = get(&server, "/sid", &lines);
    assert_eq!((lines.status, lines.text()), (200, "1"));
    let longer = get(&server, "/sid", &[("cookie", "sid2=2; xsid=3; sid=1")]);
    assert_eq!((longer.status, longer.text()), (200, "1"));
}

// === Bodies ===

#[test]
fn a_media_type_may_have_spaces_and_empty_parameters() {
    let server = Server::start(app());
    for kind in [
        "application/json ; charset=utf-8",
        "application/json;\tcharset=utf-8",
        "application/json;;charset=utf-8",
        "application/json; charset=\"utf-8\"",
        "Application/Vnd.Api+JSON ;",
    ] {
        for path in ["/json", "/json-pool", "/own"] {
            let reply = post(&server, path, &[("content-type", kind)], "[1]");
            check(&reply, json!([1]));
        }
    }
    let two = [
        ("content-type", "application/json"),
        ("content-type", "application/json"),
    ];
    assert_eq!(post(&server, "/json", &two, "[1]").status, 415);
    let form = "application/x-www-form-urlencoded ; charset=UTF-8";
    let reply = post(&server, "/form", &[("content-type", form)], "title=x");
    assert_eq!((reply.status, reply.text()), (200, "x"));
    let part = "--B;\r\ncontent-disposition: form-data; name=title\r\n\r\nx\r\n--B;--\r\n";
    for kind in [
        "multipart/form-data ; boundary=\"B;\"",
        "Multipart/Form-Data;\tBOUNDARY=\"B;\"",
    ] {
        let reply = post(&server, "/form", &[("content-type", kind)], part);
        assert_eq!((reply.status, reply.text()), (200, "x"), "{kind}");
        let reply = post(&server, "/parts", &[("content-type", kind)], part);
        assert_eq!((reply.status, reply.text()), (200, "title None"), "{kind}");
    }
}

const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=B");

fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let mut part = format!("--B\r\ncontent-disposition: {disposition}\r\n\r\n").into_bytes();
    part.extend_from_slice(content);
    part.extend_from_slice(b"\r\n");
    part
}

#[test]
fn a_part_is_named_by_its_name_alone() {
    let server = Server::start(app());
    let named = |disposition: &str, expected: &str| {
        let body = [part(disposition, b"x"), b"--B--\r\n".to_vec()].concat();
        let reply = post(&server, "/parts", &[MULTIPART], body);
        assert_eq!(
            (reply.status, reply.text()),
            (200, expected),
            "{disposition}"
        );
    };
    named(
        r#"form-data; filename="x; name=evil; y"; name="good""#,
        r#"good Some("x; name=evil; y")"#,
    );
    named("form-data; NAME=a; FileName=b", r#"a Some("b")"#);
    named(
        "form-data; name=a; filename=\"x\"; filename*=UTF-8''%C3%BC",
        r#"a Some("ü")"#,
    );
}

#[test]
fn a_file_that_no_argument_reads_is_not_read_as_text() {
    let server = Server::start(app());
    for disposition in [
        "form-data; name=f; filename=x",
        "form-data; name=f; FileName=x",
        "form-data; name=f; filename*=UTF-8''x",
        "form-data; FILENAME=\"a; name=title\"; name=f",
    ] {
        let body = [
            part(disposition, b"\xff\xfe"),
            part("form-data; name=title", b"x"),
            b"--B--\r\n".to_vec(),
        ];
        let reply = post(&server, "/form", &[MULTIPART], body.concat());
        assert_eq!((reply.status, reply.text()), (200, "x"), "{disposition}");
    }
}

/// Nothing decodes a body but a layer, which takes the header off.
#[test]
fn a_body_that_is_encoded_is_refused_by_its_header() {
    let server = Server::start(app());
    let kind = ("content-type", "application/json");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (path, kind) in [
        ("/json", kind),
        ("/json-pool", kind),
        ("/own", kind),
        ("/raw", kind),
        ("/text", kind),
        ("/stream", kind),
        ("/form", form),
        ("/parts", MULTIPART),
    ] {
        for coding in ["gzip", "identity, br", "x"] {
            let encoded = [kind, ("content-encoding", coding)];
            let reply = post(&server, path, &encoded, b"\x1f\x8b\x08");
            assert_eq!(reply.status, 415, "{path} {coding}: {}", reply.text());
            assert!(reply.text().contains("Content-Encoding"), "{path}");
            assert_eq!(reply.header("accept-encoding"), Some("identity"), "{path}");
        }
    }
    let plain = [kind, ("content-encoding", "Identity,")];
    check(&post(&server, "/json", &plain, "[1]"), json!([1]));
    // Who takes the whole request takes it as it came.
    let whole = post(&server, "/request", &[("content-encoding", "gzip")], "x");
    assert_eq!(whole.text(), "Some(\"gzip\")");
    // Without a body there is nothing to decode.
    let nothing = post(&server, "/raw", &[("content-encoding", "gzip")], "");
    assert_eq!((nothing.status, nothing.text()), (200, "0"));
}

// === Lines ===

#[test]
fn transfer_codings_in_two_lines_are_one_list() {
    let server = Server::start(app());
    let coded = |lines: &str| {
        let head = format!("POST /raw HTTP/1.1\r\nhost: test\r\n{lines}\r\n");
        server.send(&(head + "1\r\nx\r\n0\r\n\r\n")).status
    };
    assert_eq!(coded("transfer-encoding: chunked\r\n"), 200);
    assert_eq!(coded("transfer-encoding: chunked, chunked\r\n"), 501);
    let twice = "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n";
    assert_eq!(coded(twice), 501);
}

#[model]
#[derive(Debug)]
struct Spelled {
    #[field(alias = "p_alias")]
    p: String,
}

#[get("/spelled")]
async fn spelled(Header(spelled): Header<Spelled>) -> String {
    spelled.p
}

#[test]
fn a_header_that_the_author_spells_with_an_underscore_is_meant() {
    let client = TestClient::new(App::new().routes(routes![spelled]));
    assert_eq!(
        client.get("/spelled").header("p_alias", "x").send().text(),
        "x"
    );
    assert_eq!(
        client
            .get("/spelled")
            .header("p-alias", "x")
            .send()
            .status(),
        422
    );
}
