//! The admin endpoints: what they say, where they stand, and that nothing keeps
//! them from answering.

use std::time::Duration;

use hybrid::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Gate, Server, Wire, eventually};

pub(super) const ADMIN: &str = "/_hybrid";

#[model]
struct Order {
    #[field(ge = 1)]
    amount: u32,
}

#[derive(Deserialize)]
struct Note {
    text: String,
}

/// The line of [`hello`] below.
const HELLO_LINE: u32 = line!() + 3;

#[get("/hello/{name}")]
async fn hello(name: String) -> String {
    name
}

#[post("/orders", max_concurrency = 7)]
fn order(Json(order): Json<Order>) -> String {
    order.amount.to_string()
}

#[route("/notes", methods = [PUT, POST])]
async fn note(Json(note): Json<Note>) -> String {
    note.text
}

#[post("/raw")]
async fn raw(body: Bytes) -> String {
    body.len().to_string()
}

#[get("/inline", lane = inline)]
fn inline() -> &'static str {
    "inline"
}

#[get("/fails")]
async fn fails() -> Result<()> {
    Err(Problem::internal("as the test wants it"))
}

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

pub(super) fn app() -> App {
    App::new()
        .admin_at(ADMIN)
        .state(Gate::default())
        .group("/api", |group| group.routes(routes![hello, order]))
        .routes(routes![note, raw, inline, fails, stand])
}

/// The object of `/routes` for that method and path.
fn route<'a>(routes: &'a Value, method: &str, path: &str) -> &'a Value {
    let mut found = routes.as_array().unwrap().iter();
    found
        .find(|route| route["method"] == method && route["path"] == path)
        .unwrap_or_else(|| panic!("no {method} {path} in {routes}"))
}

/// A field has a value of one of those types.
fn check_types(object: &Value, fields: &[(&str, &[&str])]) {
    let object = object.as_object().unwrap();
    for (field, types) in fields {
        let value = object.get(*field);
        let found = match value.unwrap_or_else(|| panic!("no `{field}`")) {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_u64() => "count",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(types.contains(&found), "`{field}` is {value:?}");
    }
    assert_eq!(object.len(), fields.len(), "{object:?}");
}

#[test]
fn routes_say_where_they_are_and_what_became_of_their_requests() {
    let server = Server::start(app());
    for _ in 0..3 {
        assert_eq!(server.get("/api/hello/Ada").status, 200);
    }
    let post = |path: &str, body: &str| {
        let length = body.len();
        server.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ))
    };
    assert_eq!(post("/api/orders", r#"{"amount":2}"#).status, 200);
    assert_eq!(post("/api/orders", r#"{"amount":0}"#).status, 422);
    assert_eq!(server.get("/fails").status, 500);
    assert_eq!(post("/notes", r#"{"text":"x"}"#).status, 200);

    let answer = server.get("/_hybrid/routes");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let routes: Value = serde_json::from_slice(&answer.body).unwrap();
    let order: Vec<String> = routes
        .as_array()
        .unwrap()
        .iter()
        .map(|route| format!("{} {}", route["method"], route["path"]).replace('"', ""))
        .collect();
    let expected = [
        "PUT /notes",
        "POST /notes",
        "POST /raw",
        "GET /inline",
        "GET /fails",
        "GET /stand",
        "GET /api/hello/{name}",
        "POST /api/orders",
    ];
    assert_eq!(order, expected);
    for route in routes.as_array().unwrap() {
        check_types(
            route,
            &[
                ("method", &["text"]),
                ("path", &["text"]),
                ("name", &["text"]),
                ("file", &["text"]),
                ("line", &["count"]),
                ("declared", &["text"]),
                ("lane", &["text"]),
                ("effective_lane", &["text"]),
                ("reason", &["text", "null"]),
                ("advice", &["text", "null"]),
                ("label", &["text"]),
                ("body", &["text", "null"]),
                ("requests", &["count"]),
                ("errors", &["count"]),
                ("shed", &["count"]),
                ("in_flight", &["count"]),
                ("limit", &["count", "null"]),
                ("queue_ms", &["object", "null"]),
                ("cpu_ms", &["object", "null"]),
                ("blocked_ms", &["object", "null"]),
                ("run_ms", &["object", "null"]),
                ("moves", &["array"]),
            ],
        );
        let label = route["label"].as_str().unwrap();
        assert!(["cpu", "io", "mixed", "unknown"].contains(&label));
        for times in ["queue_ms", "cpu_ms", "blocked_ms", "run_ms"] {
            if let Some(times) = route[times].as_object() {
                assert_eq!(times.keys().collect::<Vec<_>>(), ["p50", "p95", "p99"]);
                assert!(times.values().all(|ms| ms.as_f64().unwrap() >= 0.0));
            }
        }
    }
    let hello = route(&routes, "GET", "/api/hello/{name}");
    assert_eq!(
        (&hello["name"], &hello["file"], &hello["line"]),
        (
            &json!("it::admin::endpoints::hello"),
            &json!("tests/it/admin/endpoints.rs"),
            &json!(HELLO_LINE)
        )
    );
    assert_eq!(
        (&hello["declared"], &hello["lane"]),
        (&json!("async fn"), &json!("event"))
    );
    assert_eq!(
        (&hello["requests"], &hello["errors"]),
        (&json!(3), &json!(0))
    );
    assert!(hello["run_ms"].is_object() && hello["queue_ms"].is_null());
    let order = route(&routes, "POST", "/api/orders");
    assert_eq!(
        (&order["declared"], &order["effective_lane"]),
        (&json!("fn"), &json!("pool"))
    );
    assert_eq!(
        (&order["requests"], &order["limit"]),
        (&json!(2), &json!(7))
    );
    assert!(order["queue_ms"].is_object(), "{order}");
    let fails = route(&routes, "GET", "/fails");
    assert_eq!(
        (&fails["requests"], &fails["errors"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(route(&routes, "GET", "/inline")["lane"], "inline");
    for (method, path, check, requests) in [
        ("POST", "/api/orders", json!("model"), 2),
        ("POST", "/notes", json!("unchecked"), 1),
        ("PUT", "/notes", json!("unchecked"), 0),
        ("POST", "/raw", Value::Null, 0),
        ("GET", "/fails", Value::Null, 1),
    ] {
        let route = route(&routes, method, path);
        assert_eq!(
            (&route["body"], &route["requests"]),
            (&check, &json!(requests))
        );
    }
}

mod users {
    use hybrid::prelude::*;

    #[get("/users")]
    pub(super) async fn list() {}
}

mod orders {
    use hybrid::prelude::*;

    #[get("/orders")]
    pub(super) fn list() {}
}

#[test]
fn handlers_of_one_name_are_told_apart_by_their_module() {
    let app = App::new().admin_at(ADMIN);
    let client = TestClient::new(app.routes(routes![users::list, orders::list]));
    let routes: Value = client.get("/_hybrid/routes").send().json();
    let names = routes
        .as_array()
        .unwrap()
        .iter()
        .map(|route| &route["name"]);
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "it::admin::endpoints::users::list",
            "it::admin::endpoints::orders::list"
        ]
    );
}

#[test]
fn lanes_say_how_they_do() {
    let server = Server::start(app());
    let answer = server.get("/_hybrid/lanes");
    let lanes: Value = serde_json::from_slice(&answer.body).unwrap();
    let object = &["object"][..];
    check_types(
        &lanes,
        &[
            ("event", object),
            ("pool", object),
            ("process", object),
            ("balancer", object),
        ],
    );
    check_types(
        &lanes["event"],
        &[
            ("loops", &["count"]),
            ("utilisation", &["number", "count", "null"]),
            ("stalls", &["count"]),
        ],
    );
    assert_eq!(lanes["event"]["loops"], 2);
    let count = &["count"][..];
    check_types(
        &lanes["pool"],
        &[
            ("threads", count),
            ("long", count),
            ("busy", count),
            ("blocked", count),
            ("idle", count),
            ("permits", &["number", "count"]),
            ("queue_depth", count),
            ("orphans", count),
        ],
    );
    check_types(
        &lanes["process"],
        &[
            ("workers", &["array"]),
            ("queue_depth", count),
            ("segment_bytes", count),
        ],
    );
    check_types(
        &lanes["balancer"],
        &[("mode", &["text"]), ("ticks", count), ("moves", count)],
    );
}

fn check_paths(ask: impl Fn(&str, &str) -> (u16, String)) {
    for path in [
        "",
        "/",
        "/routes",
        "/routes/",
        "/lanes",
        "/metrics",
        "/health/live",
    ] {
        let (status, body) = ask("GET", path);
        assert_eq!(status, 200, "{path}");
        assert!(!body.is_empty(), "{path}");
        assert_eq!(ask("HEAD", path).0, 200, "{path}");
    }
    assert_eq!(ask("GET", "/health/ready"), (200, "ready\n".to_owned()));
    for path in ["/nothing", "/routes/x", "/routes//", "/health"] {
        let (status, body) = ask("GET", path);
        assert_eq!(status, 404, "{path}");
        assert_eq!(body, r#"{"detail":"Not found"}"#);
    }
    for method in ["POST", "DELETE", "OPTIONS"] {
        assert_eq!(ask(method, "/routes").0, 405);
        assert_eq!(ask(method, "/nothing").0, 404);
    }
}

/// A middleware that refuses everything: the admin endpoints are outside of it.
pub(super) async fn refuse(_: Request, _: Next) -> Response {
    StatusCode::FORBIDDEN.into_response()
}

#[test]
fn paths_and_methods_are_answered_in_process_too() {
    let client = TestClient::new(app().error_format(ErrorFormat::FastApi).middleware(refuse));
    check_paths(|method, path| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = client.request(method, format!("{ADMIN}{path}")).send();
        (answer.status().as_u16(), answer.text().to_owned())
    });
    assert_eq!(client.get("/fails").send().status(), 403);
    let refused = client.post("/_hybrid/lanes").send();
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
}

#[test]
fn without_admin_at_there_is_nothing() {
    let client = TestClient::new(App::new().routes(routes![inline]));
    for path in ["/_hybrid/routes", "/routes", "/metrics", "/health/live"] {
        assert_eq!(client.get(path).send().status(), 404);
    }
}

#[test]
fn a_path_that_cannot_be_is_a_fault() {
    let check = |app: App, expected: &[&str]| {
        let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
        for expected in expected {
            assert!(
                report.contains(expected),
                "{expected} is missing in {report}"
            );
        }
        assert_eq!(
            report.matches("tests/it/admin/endpoints.rs").count(),
            expected.len() - 1,
            "{report}"
        );
    };
    let routes = || App::new().routes(routes![inline]);
    check(
        routes().admin_at("/inline"),
        &[
            "/inline is among the admin endpoints at /inline",
            "`inline` at",
            "`admin_at` at",
        ],
    );
    check(
        App::new()
            .group("/a", |group| group.routes(routes![inline]))
            .admin_at("/a/"),
        &[
            "/a/inline is among the admin endpoints at /a",
            "`inline` at",
            "`admin_at` at",
        ],
    );
    check(
        routes().mount("/m", axum::Router::new()).admin_at("/m"),
        &[
            "/m is among the admin endpoints at /m",
            "mounted at",
            "`admin_at` at",
        ],
    );
    check(
        routes().admin_at("_hybrid"),
        &[
            "`_hybrid` of the admin endpoints must begin with `/`",
            "`admin_at` at",
        ],
    );
    check(
        routes().admin_at("/"),
        &["cannot stand at `/`", "`admin_at` at"],
    );
    check(
        routes().admin_at("/{x}"),
        &["must hold no names", "`admin_at` at"],
    );
    // What matches everything leaves them alone.
    let client = TestClient::new(routes().mount("/", axum::Router::new()).admin_at(ADMIN));
    assert_eq!(client.get("/_hybrid/health/live").send().status(), 200);
}

/// Every thread sleeps and the queue is full.
#[test]
fn a_pool_that_is_full_does_not_keep_them_from_answering() {
    let gate = Gate::default();
    let config = Config::new().max_threads(2).queue_depth(1);
    let config = config.queue_wait(Duration::from_secs(60));
    let app = App::new().admin_at(ADMIN).state(gate.clone());
    let server = Server::start(app.config(config).routes(routes![stand]));
    let mut waiting: Vec<Wire> = Vec::new();
    let ask = |waiting: &mut Vec<Wire>| {
        let mut wire = Wire::to(server.addr);
        wire.ask("/stand");
        waiting.push(wire);
    };
    for running in 1..=2 {
        ask(&mut waiting);
        gate.wait_for(|counts| counts.begun == running);
    }
    ask(&mut waiting);
    let in_flight = || {
        let routes = server.get("/_hybrid/routes");
        let routes: Value = serde_json::from_slice(&routes.body).unwrap();
        routes[0]["in_flight"].as_u64()
    };
    eventually("the queue is full", || in_flight() == Some(3));
    assert_eq!(server.get("/stand").status, 503);
    for path in ["routes", "lanes", "metrics", "health/live", "health/ready"] {
        let answer = server.get(&format!("{ADMIN}/{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let routes: Value = serde_json::from_slice(&server.get("/_hybrid/routes").body).unwrap();
    assert_eq!(routes[0]["in_flight"], 3);
    assert!(routes[0]["errors"].as_u64() >= Some(1));
    assert_eq!(gate.counts().ended, 0);
    gate.open();
    assert!(waiting.iter_mut().all(|wire| wire.read().status == 200));
}

/// Over HTTP/2 the same.
#[test]
fn http2_is_answered_too() {
    use http_body_util::{BodyExt as _, Empty};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let server = Server::start(app());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let io = TokioIo::new(stream);
        let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
        let (mut client, connection) = shaken.await.unwrap();
        tokio::spawn(connection);
        for (path, expected) in [
            ("routes", "application/json"),
            ("lanes", "application/json"),
            ("metrics", "text/plain; version=0.0.4; charset=utf-8"),
            ("health/ready", "text/plain; charset=utf-8"),
        ] {
            let uri = format!("http://test/_hybrid/{path}");
            let request = http::Request::get(uri).body(Empty::<Bytes>::new());
            let answer = client.send_request(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], expected);
            assert!(!answer.collect().await.unwrap().to_bytes().is_empty());
        }
    });
}
