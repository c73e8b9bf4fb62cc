//! The admin endpoints: what they say, where they stand, and that nothing keeps
//! them from answering.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Gate, Program, Server, Wire, eventually, main_of};

const ADMIN: &str = "/_hybrid";

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

fn app() -> App {
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
async fn refuse(_: Request, _: Next) -> Response {
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

#[test]
fn health_stands_alone_where_it_is_asked_for() {
    let app = App::new().health_at("/health").middleware(refuse);
    let server = Server::start(app.routes(routes![inline]));
    for (path, status, body) in [
        ("/health/live", 200, "live\n"),
        ("/health/ready", 200, "ready\n"),
        ("/health", 200, "ready\n"),
        ("/health/", 200, "ready\n"),
        ("/health/other", 404, ""),
        ("/health/routes", 404, ""),
        ("/inline", 403, ""),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.text(), body);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let refused = server.send("POST /health/live HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(refused.status, 405);
}

#[test]
fn health_at_a_path_that_cannot_be_is_a_fault() {
    let check = |app: App, expected: &str| {
        let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
        assert!(
            report.contains(expected),
            "{expected} is missing in {report}"
        );
        assert!(
            report.contains("`health_at` at tests/it/admin/endpoints.rs:"),
            "{report}"
        );
    };
    let routes = || App::new().routes(routes![inline]);
    check(
        routes().health_at("/inline"),
        "/inline is among the health endpoints at /inline",
    );
    check(
        routes().health_at("health"),
        "`health` of the health endpoints must begin with `/`: write \"/health\"",
    );
    check(routes().health_at("/"), "write \"/health\"");
}

/// Asks for a path with those `authorization` headers: the status, and the challenge.
type Ask<'a> = &'a dyn Fn(&str, &[&str]) -> (u16, Option<String>);

#[test]
fn with_a_token_all_that_holds_data_asks_for_it() {
    let check = |ask: Ask<'_>| {
        let refused = (401, Some("Bearer".to_owned()));
        for path in ["/routes", "/lanes", "/metrics", "/nothing", "/routes/"] {
            assert_eq!(ask(path, &[]), refused, "{path}");
        }
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3cret-",
            "Basic s3cret",
            "s3cret",
        ] {
            assert_eq!(ask("/metrics", &[wrong]), refused, "{wrong}");
        }
        // Which of two is meant, nobody knows.
        let two = ["Bearer s3cret", "Bearer other"];
        assert_eq!(ask("/metrics", &two), refused);
        for right in ["Bearer s3cret", "bearer  s3cret"] {
            assert_eq!(ask("/metrics", &[right]), (200, None), "{right}");
        }
        assert_eq!(ask("/nothing", &["Bearer s3cret"]).0, 404);
        for open in ["/health/live", "/health/ready", "/"] {
            assert_eq!(ask(open, &[]), (200, None), "{open}");
        }
    };
    let config = || Config::new().admin_token("s3cret");
    let client = TestClient::new(app().config(config()).health_at("/health"));
    check(&|path, authorization| {
        let request = client.get(format!("{ADMIN}{path}"));
        let request = authorization.iter().fold(request, |request, value| {
            request.header("authorization", value)
        });
        let answer = request.send();
        let challenge = answer.header("www-authenticate").map(str::to_owned);
        (answer.status().as_u16(), challenge)
    });
    assert_eq!(client.get("/health/live").send().status(), 200);

    let directory = tempfile::tempdir().unwrap();
    let variables = [
        ("HYBRID_ADMIN", "127.0.0.1:0"),
        ("HYBRID_ADMIN_TOKEN", "s3cret"),
    ];
    let program = Program::start("app::programs::serving", directory.path(), &variables);
    let admin = program.says("admin endpoints on http://").parse().unwrap();
    check(&|path, authorization| {
        let lines: String = authorization
            .iter()
            .map(|value| format!("authorization: {value}\r\n"))
            .collect();
        let mut wire = Wire::to(admin);
        wire.write(format!("GET {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n"));
        let answer = wire.read();
        let challenge = answer.header("www-authenticate").map(str::to_owned);
        (answer.status, challenge)
    });
}

#[test]
fn a_token_is_in_no_message() {
    let bad = Config::new().admin_token("not a token");
    let report = format!("{:?}", TestClient::new(app().config(bad.clone())).check());
    assert!(report.contains("`admin_token` must be letters"), "{report}");
    assert!(!format!("{report} {bad:?}").contains("not a token"));
}

#[test]
fn admin_endpoints_that_are_open_to_others_warn() {
    let directory = tempfile::tempdir().unwrap();
    let check = |variables: &[(&str, &str)], warns: bool| {
        let program = Program::start("admin::endpoints::with_admin", directory.path(), variables);
        program.listens();
        program.signal(Signal::TERM);
        let log = program.ended().log;
        assert_eq!(log.contains("set `admin_token`"), warns, "{log}");
    };
    check(&[("HYBRID_ADDR", "0.0.0.0:0")], true);
    check(&[("HYBRID_ADDR", "127.0.0.1:0")], false);
    check(
        &[("HYBRID_ADDR", "0.0.0.0:0"), ("HYBRID_ADMIN_TOKEN", "t")],
        false,
    );
    let own = [
        ("HYBRID_ADDR", "127.0.0.1:0"),
        ("HYBRID_ADMIN", "0.0.0.0:0"),
    ];
    let program = Program::start("admin::endpoints::with_admin", directory.path(), &own);
    program.says("set `admin_token`");
}

#[test]
fn with_admin() {
    main_of(|| App::new().admin_at(ADMIN).run());
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
        wire.write("GET /stand HTTP/1.1\r\nhost: test\r\n\r\n");
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

#[test]
fn the_listener_of_their_own_is_there_to_the_end_of_a_stop() {
    let variables = [
        ("HYBRID_ADMIN", "127.0.0.1:0"),
        ("HYBRID_DRAIN_DELAY", "3s"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start("app::programs::serving", directory.path(), &variables);
    let admin = program.says("admin endpoints on http://").parse().unwrap();
    let addr = program.listens();
    let ask = |path: &str| {
        let mut wire = Wire::to(admin);
        wire.write(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        wire.read()
    };
    let mut kept = Wire::to(admin);
    kept.write("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(kept.read().status, 200);
    check_paths_of(&ask);
    assert_eq!(
        (ask("/health/live").status, ask("/health/ready").status),
        (200, 200)
    );
    assert!(ask("/routes").text().contains("/sleep-async/{ms}"));
    // The application itself has none of them.
    let mut wire = Wire::to(addr);
    wire.write("GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(wire.read().status, 404);

    let mut running = Wire::to(addr);
    running.write("GET /stand/told HTTP/1.1\r\nhost: test\r\n\r\n");
    eventually("it runs", || {
        ask("/metrics").text().contains(
            "http_server_active_requests{http_request_method=\"GET\",http_route=\"/stand/{file}\"} 1",
        )
    });
    let asked = Instant::now();
    program.signal(Signal::TERM);
    eventually("it is not ready", || ask("/health/ready").status == 503);
    assert_eq!(ask("/health/ready").text(), "stopping\n");
    assert_eq!(ask("/health/live").status, 200);
    // While the application is draining, and when it accepts no more.
    let mut wire = Wire::to(addr);
    wire.write("GET /sleep-async/1 HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(wire.read().status, 200);
    eventually("it listens no more", || {
        std::net::TcpStream::connect(addr).is_err()
    });
    assert_eq!(ask("/health/live").status, 200);
    assert_eq!(ask("/health/ready").status, 503);
    std::fs::write(directory.path().join("told"), "").unwrap();
    assert_eq!(running.read().status, 200);
    let ended = program.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
    assert!(kept.is_closed());
}

fn check_paths_of(ask: &impl Fn(&str) -> crate::harness::Reply) {
    for (path, status) in [("/", 200), ("/lanes/", 200), ("/_hybrid/lanes", 404)] {
        assert_eq!(ask(path).status, status, "{path}");
    }
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

/// `/_hybrid/health/ready` on the application's own listener.
#[test]
fn ready_is_refused_as_soon_as_stopping_begins() {
    let config = Config::new().drain_delay(Duration::from_secs(60));
    let mut server = Server::start(app().config(config.shutdown_grace(Duration::from_secs(61))));
    let status = |path: &str| server.get(path).status;
    assert_eq!(status("/_hybrid/health/ready"), 200);
    server.ask_to_stop();
    eventually("it is not ready", || {
        server.get("/_hybrid/health/ready").status == 503
    });
    assert_eq!(server.get("/_hybrid/health/live").status, 200);
    assert_eq!(server.get("/api/hello/Ada").status, 200);
}

#[test]
fn their_address_is_checked_with_everything_else() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = holder.local_addr().unwrap();
    let config = Config::new().admin(addr);
    let report = Server::start(app().config(config).admin_at("x"))
        .stop()
        .unwrap_err();
    let lines: Vec<String> = report.lines().collect();
    assert_eq!(lines.len(), 2, "{report:?}");
    assert!(
        lines[0].contains("`x` of the admin endpoints"),
        "{report:?}"
    );
    let expected = format!("`admin`: {addr} cannot be listened on: ");
    assert!(lines[1].starts_with(&expected), "{report:?}");

    let twice = taken.to_string();
    let variables = [("HYBRID_ADDR", &*twice), ("HYBRID_ADMIN", &*twice)];
    let ended = Program::start("app::programs::serving", Path::new("."), &variables).ended();
    let expected = format!("`addr` and `admin` are both {taken}");
    assert!(ended.log.contains(&expected), "{}", ended.log);
    let bad = app().config(Config::new().admin("nowhere"));
    let bad = TestClient::new(bad).check().unwrap_err();
    assert!(format!("{bad:?}").contains("`admin` must be an address and a port"));
}
