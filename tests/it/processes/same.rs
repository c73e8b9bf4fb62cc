//! The same handlers in worker processes and on the pool, asked the same: the
//! answers differ in their lane and in nothing else.

use std::{
    fmt,
    io::Read as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hybrid::prelude::*;
use hyper::body::Frame;

use super::Trial;
use crate::harness::{BOOM, Reply, main_of, quiet};

// === The program ===

#[get("/items/{id}", lane = process)]
fn item(#[path(ge = 1)] id: u64) -> String {
    id.to_string()
}

#[get("/shops/{shop}/{*rest}", lane = process)]
fn rest(shop: String, rest: String) -> String {
    format!("{shop} {rest}")
}

#[get("/query", lane = process)]
fn query(
    #[query(ge = 2, le = 10)] n: u32,
    #[query(min_length = 3)] word: String,
    #[query] ids: Vec<u8>,
    #[query(default = false)] on: bool,
) -> String {
    format!("{n} {word} {ids:?} {on}")
}

#[model]
struct Line {
    #[field(ge = 1)]
    amount: u32,
    #[field(max_length = 5)]
    name: Option<String>,
}

#[model]
struct Order {
    #[field(min_items = 1)]
    lines: Vec<Line>,
    #[field(default = "plain", regex = "^(plain|fine)$")]
    kind: String,
}

#[post("/orders", lane = process, status = 201)]
fn order(#[query(default = 1, le = 3)] copies: u32, Json(order): Json<Order>) -> Json<Vec<u32>> {
    let amounts = order.lines.iter().map(|line| line.amount * copies);
    Json(amounts.chain([order.kind.len() as u32]).collect())
}

struct Key;

impl FromRequestParts for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut hybrid::Parts) -> Result<Self> {
        match parts.header("x-key") {
            Some("open") => Ok(Self),
            Some(_) => Err(Problem::forbidden("a wrong key")),
            None => Err(Problem::unauthorized("a key is wanted")),
        }
    }
}

#[post("/guarded", lane = process, body_limit = "1KiB")]
fn guarded(_key: Key, #[query(ge = 5)] n: u32, Json(order): Json<Order>) -> String {
    format!("{n} {}", order.lines.len())
}

#[post("/small", lane = process, body_limit = "1KiB")]
fn small(#[query(ge = 5)] n: u32, body: Bytes) -> String {
    format!("{n} {}", body.len())
}

#[get("/maybe", lane = process)]
fn maybe(key: Option<Key>) -> &'static str {
    key.map_or("no key", |_| "a key")
}

#[derive(Debug, Problem)]
enum Trouble {
    #[problem(status = 404, code = "no_user")]
    NoSuchUser(u64),
    #[problem(status = 409, code = "taken", detail = "choose another")]
    Taken,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser(id) => write!(f, "there is no user {id}"),
            Self::Taken => f.write_str("the password is hunter2"),
        }
    }
}

impl std::error::Error for Trouble {}

#[get("/typed/{how}", lane = process)]
fn typed(how: u64) -> Result<String, Trouble> {
    match how {
        0 => Ok("well".to_owned()),
        1 => Err(Trouble::Taken),
        id => Err(Trouble::NoSuchUser(id)),
    }
}

#[get("/under/{text}", lane = process)]
fn under(text: String) -> Result<String> {
    if text == "taken" {
        Err(Trouble::Taken)?;
    }
    Ok(text.parse::<i32>()?.to_string())
}

#[get("/head", lane = process)]
fn head_values(
    #[header] user_agent: Option<String>,
    #[header("x-depth", le = 3)] depth: u8,
    #[cookie("sid", min_length = 2)] sid: String,
) -> String {
    format!("{user_agent:?} {depth} {sid}")
}

#[get("/panic", lane = process)]
fn panics() -> String {
    panic!("{BOOM}")
}

#[head("/own-length", lane = process)]
fn own_length() -> ([(&'static str, &'static str); 1], ()) {
    ([("content-length", "12345")], ())
}

#[get("/client", lane = process)]
fn client(client: ClientAddr) -> String {
    client.ip().to_string()
}

#[model]
struct Page {
    #[field(ge = 1)]
    page: u32,
    #[field(le = 100, default = 20)]
    size: u32,
}

#[post("/form", lane = process)]
fn form(Form(page): Form<Page>) -> String {
    format!("{} {}", page.page, page.size)
}

#[post("/fields", lane = process)]
fn fields(#[form(min_length = 1)] title: String, #[form(default = 1)] copies: u8) -> String {
    format!("{title} {copies}")
}

#[post("/reader", lane = process)]
fn reader(mut reader: BodyReader) -> Result<String> {
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}

#[post("/bytes", lane = process)]
fn bytes(body: Bytes) -> Bytes {
    body
}

#[post("/text", lane = process)]
fn text(#[body] text: String) -> String {
    text
}

/// A body in three pieces, none of which is there at once.
struct Pieces(u8, bool);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = hybrid::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hybrid::BoxError>>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.0 += 1;
        let piece = Bytes::from(vec![b'0' + self.0; 3]);
        Poll::Ready((self.0 <= 3).then_some(Ok(Frame::data(piece))))
    }
}

#[get("/stream", lane = process)]
fn stream() -> Response {
    Response::new(hybrid::Body::new(Pieces(0, false)))
}

#[get("/wait", lane = process)]
fn wait() -> String {
    hybrid::block_on(async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let spawned = tokio::spawn(async { 42 }).await;
        spawned.unwrap().to_string()
    })
}

#[get("/late", lane = process, timeout = "150ms")]
fn late() -> String {
    hybrid::block_on(std::future::pending())
}

#[get("/current/{id}", lane = process, timeout = "9s")]
fn current(id: u64) -> String {
    let current = hybrid::current();
    let left = current.time_left().unwrap();
    let is_sound = left > Duration::from_secs(4) && left <= Duration::from_secs(9);
    let (lane, route) = (current.lane().unwrap(), current.route().unwrap());
    let handler = current.handler().unwrap();
    format!("{lane:?} {route} {handler} {id} {is_sound}")
}

#[get("/many-headers", lane = process)]
fn many_headers() -> ([(&'static str, &'static str); 4], &'static str) {
    let headers = [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-word", "Stra\u{df}e"),
        ("content-type", "text/x-own"),
    ];
    (headers, "headers")
}

#[get("/nothing/{what}", lane = process)]
fn nothing(what: String) -> Response {
    match what.as_str() {
        "none" => None::<String>.into_response(),
        "unit" => ().into_response(),
        "redirect" => Redirect::to("/elsewhere").into_response(),
        "unchanged" => StatusCode::NOT_MODIFIED.into_response(),
        "teapot" => (StatusCode::IM_A_TEAPOT, "short").into_response(),
        _ => Html("<p>").into_response(),
    }
}

#[middleware]
async fn stamp(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let here = std::process::id().to_string();
    assert_eq!(
        std::env::var("HYBRID_WORKER_OF"),
        Err(std::env::VarError::NotPresent)
    );
    response
        .headers_mut()
        .insert("x-stamp", "here".parse().unwrap());
    drop(here);
    response
}

#[test]
fn serving() {
    main_of(|| {
        quiet();
        let config = Config::new().addr("127.0.0.1:0").expose_lane(true);
        let mut app = App::new()
            .config(config.trusted_proxies(["127.0.0.0/8"]))
            .group("/in", |group| {
                group.middleware(stamp).routes(routes![item, order])
            })
            .routes(routes![
                item,
                rest,
                query,
                order,
                guarded,
                small,
                maybe,
                typed,
                under,
                head_values,
                panics,
                own_length,
                client,
                form,
                fields,
                reader,
                bytes,
                text,
                stream,
                wait,
                late,
                current,
                many_headers,
                nothing
            ]);
        match std::env::var("IT_FORMAT").as_deref() {
            Ok("fastapi") => app = app.error_format(ErrorFormat::FastApi),
            Ok(_) => app = app.error_format(ErrorFormat::custom(custom)),
            Err(_) => {}
        }
        app.run()
    });
}

fn custom(problem: &Problem, head: &Head) -> Response {
    let text = format!("{} {} {}", head.method, head.uri, problem.code());
    (problem.status(), [("x-custom", "yes")], text).into_response()
}

// === What is asked ===

/// A request, and the status that both lanes must answer.
struct Case {
    status: u16,
    bytes: Vec<u8>,
}

fn case(status: u16, first: &str, headers: &str, body: &str) -> Case {
    let length = match body {
        "" => String::new(),
        body => format!("content-length: {}\r\n", body.len()),
    };
    let text = format!("{first} HTTP/1.1\r\nhost: test\r\n{headers}{length}\r\n{body}");
    Case {
        status,
        bytes: text.into_bytes(),
    }
}

fn get(status: u16, target: &str) -> Case {
    case(status, &format!("GET {target}"), "", "")
}

fn json(status: u16, target: &str, body: &str) -> Case {
    let kind = "content-type: application/json\r\n";
    case(status, &format!("POST {target}"), kind, body)
}

fn chunked(status: u16, first: &str, headers: &str, pieces: &[&str]) -> Case {
    let pieces = pieces.iter().chain(&[""]);
    let body: String = pieces
        .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()))
        .collect();
    let text = format!(
        "{first} HTTP/1.1\r\nhost: test\r\n{headers}transfer-encoding: chunked\r\n\r\n{body}"
    );
    Case {
        status,
        bytes: text.into_bytes(),
    }
}

const GOOD: &str = r#"{"lines":[{"amount":2},{"amount":3,"name":"Ada"}]}"#;
const BAD: &str = r#"{"lines":[{"amount":0,"name":"too long"},{"amount":"x"}],"kind":"odd"}"#;
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "content-type: application/json\r\n";

fn cases() -> Vec<Case> {
    let large = "x".repeat(3000);
    let huge = format!(r#"{{"lines":[],"kind":"{}"}}"#, "y".repeat(40_000));
    let guarded = |status, key: &str, target: &str, body: &str| {
        let headers = format!("{key}{JSON}");
        case(status, &format!("POST {target}"), &headers, body)
    };
    let open = "x-key: open\r\n";
    vec![
        get(200, "/items/3"),
        get(422, "/items/x"),
        get(422, "/items/0"),
        get(400, "/items/%ff"),
        get(405, "/orders"),
        get(404, "/nowhere"),
        case(200, "HEAD /items/3", "", ""),
        case(422, "HEAD /items/x", "", ""),
        get(200, "/in/items/3"),
        get(422, "/in/items/x"),
        get(200, "/shops/a%20b/c/d%2Fe"),
        get(200, "/query?n=5&word=hello&ids=1&ids=2&on=yes"),
        get(422, "/query?n=1&word=no&ids=300&on=perhaps"),
        get(422, "/query?n=1&n=2"),
        get(400, "/query?n=5&word=%zz"),
        json(201, "/orders", GOOD),
        json(201, "/in/orders?copies=2", GOOD),
        json(422, "/orders", BAD),
        json(422, "/orders?copies=9", BAD),
        json(422, "/orders", &huge),
        json(422, "/orders?copies=9", &huge),
        json(400, "/orders", "{\"lines\":[\n}"),
        json(422, "/orders", ""),
        case(415, "POST /orders", "content-type: text/plain\r\n", GOOD),
        case(
            415,
            "POST /orders?copies=9",
            "content-type: text/plain\r\n",
            GOOD,
        ),
        json(413, "/small?n=5", &large),
        json(413, "/small?n=1", &large),
        chunked(413, "POST /small?n=5", "", &["x", &large, "y"]),
        chunked(200, "POST /small?n=5", "", &["abc", "def"]),
        guarded(401, "", "/guarded?n=1", BAD),
        guarded(401, "", "/guarded?n=5", &large),
        guarded(403, "x-key: shut\r\n", "/guarded?n=5", "{"),
        guarded(413, open, "/guarded?n=1", &large),
        guarded(422, open, "/guarded?n=1", BAD),
        guarded(400, open, "/guarded?n=5", "{"),
        guarded(200, open, "/guarded?n=5", GOOD),
        case(415, "POST /guarded?n=5", open, GOOD),
        chunked(
            413,
            "POST /guarded?n=5",
            &format!("{open}{JSON}"),
            &[&large],
        ),
        chunked(401, "POST /guarded?n=5", JSON, &[&large]),
        get(200, "/maybe"),
        case(200, "GET /maybe", open, ""),
        get(200, "/typed/0"),
        get(409, "/typed/1"),
        get(404, "/typed/7"),
        get(409, "/under/taken"),
        get(500, "/under/word"),
        get(200, "/under/-3"),
        case(
            200,
            "GET /head",
            "user-agent: me\r\nx-depth: 3\r\ncookie: sid=abc; x=y\r\n",
            "",
        ),
        case(422, "GET /head", "x-depth: 4\r\ncookie: sid=a\r\n", ""),
        get(500, "/panic"),
        case(204, "HEAD /own-length", "", ""),
        case(200, "GET /client", "x-forwarded-for: 192.0.2.7\r\n", ""),
        get(200, "/client"),
        case(200, "POST /form", FORM, "page=3&size=7"),
        case(422, "POST /form", FORM, "page=0&size=700"),
        case(200, "POST /fields", FORM, "title=a+b%21"),
        case(422, "POST /fields", FORM, "title=&copies=x"),
        case(415, "POST /fields", JSON, "{}"),
        case(200, "POST /reader", "", "read me"),
        case(500, "POST /reader", "", "\u{fffd}").with_body_byte(0xff),
        case(200, "POST /bytes", "", &large),
        case(200, "POST /bytes", "", ""),
        chunked(200, "POST /bytes", "", &["abc", "def", &large]),
        case(200, "POST /text", "", "Stra\u{df}e"),
        case(400, "POST /text", "", "\u{fffd}").with_body_byte(0xff),
        get(200, "/wait"),
        get(504, "/late"),
        get(200, "/many-headers"),
        get(404, "/nothing/none"),
        get(204, "/nothing/unit"),
        get(303, "/nothing/redirect"),
        get(304, "/nothing/unchanged"),
        get(418, "/nothing/teapot"),
        get(200, "/nothing/html"),
    ]
}

impl Case {
    /// Makes that the last bytes of the body, which is one character of three.
    fn with_body_byte(mut self, byte: u8) -> Self {
        let at = self.bytes.len() - 3;
        self.bytes[at..].fill(byte);
        self
    }

    fn is_head(&self) -> bool {
        self.bytes.starts_with(b"HEAD")
    }

    fn send(&self, trial: &Trial) -> Reply {
        let mut wire = trial.wire();
        wire.write(&self.bytes);
        if self.is_head() || self.status == 204 || self.status == 304 {
            wire.read_head()
        } else {
            wire.read()
        }
    }
}

/// What must be the same, and the lane.
fn compared(mut reply: Reply) -> (u16, Vec<(String, String)>, String, Option<String>) {
    let lane = reply.header("x-hybrid-lane").map(str::to_owned);
    let varies = ["date", "x-hybrid-lane", "server-timing", "x-request-id"];
    reply
        .headers
        .retain(|(name, _)| !varies.contains(&name.as_str()));
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    (reply.status, reply.headers, body, lane)
}

fn check_all(variables: &[(&str, &str)]) {
    let start = |processes| {
        let mut all = vec![("HYBRID_MAX_PROCESSES", processes)];
        all.extend(variables);
        Trial::start("same::serving", &all)
    };
    let (pool, process) = (start("0"), start("2"));
    for case in cases() {
        let what = String::from_utf8_lossy(&case.bytes[..case.bytes.len().min(200)]).into_owned();
        let (status, headers, body, lane) = compared(case.send(&pool));
        let there = compared(case.send(&process));
        assert_eq!(status, case.status, "{what}\n{body}");
        assert_eq!(
            (there.0, &there.1, &there.2),
            (status, &headers, &body),
            "{what}"
        );
        // None where no route was found.
        let lanes = (lane.as_deref(), there.3.as_deref());
        let is_right = matches!(lanes, (Some("pool"), Some("process")) | (None, None));
        assert!(is_right, "{lanes:?} {what}");
        assert!(
            lanes.0.is_some() || matches!(status, 400 | 404 | 405),
            "{what}"
        );
    }
}

// === The tests ===

/// Values, bodies, guards, refusals, errors, panics, deadlines, answers.
#[test]
fn answers_are_those_of_the_pool_but_for_the_lane() {
    check_all(&[]);
}

/// The format is the application's, which the worker builds too.
#[test]
fn errors_are_formatted_as_on_the_pool() {
    check_all(&[("IT_FORMAT", "custom")]);
    check_all(&[("IT_FORMAT", "fastapi")]);
}

/// A stream is gathered in the worker: its length is known then. What a handler
/// learns of its own place is true.
#[test]
fn streams_are_gathered_and_handlers_know_where_they_run() {
    let (pool, process) = (
        Trial::start("same::serving", &[("HYBRID_MAX_PROCESSES", "0")]),
        Trial::start("same::serving", &[]),
    );
    let (here, there) = (pool.get("/stream"), process.get("/stream"));
    assert_eq!((here.status, here.text()), (200, "111222333"));
    assert_eq!((there.status, there.text()), (200, "111222333"));
    assert_eq!(there.header("content-length"), Some("9"));

    let current = |lane| format!("{lane} /current/{{id}} current 7 true");
    assert_eq!(pool.get("/current/7").text(), current("Pool"));
    assert_eq!(process.get("/current/7").text(), current("Process"));
}
