//! What stands around handlers: tower's layers, middleware of both kinds, their
//! order and what they cover.

use std::time::Duration;

use hybrid::{BoxError, prelude::*};
use tower::{ServiceBuilder, limit::ConcurrencyLimitLayer, load_shed::LoadShedLayer};
use tower_http::{
    compression::CompressionLayer,
    cors::{Any, CorsLayer},
    trace::TraceLayer,
};

use crate::harness::{Gate, Server, Wire};

/// A middleware that writes its name into the answer's `x-through`, as it goes
/// in and as it comes out.
fn named(name: &'static str) -> impl Fn(Request, Next) -> Through + Send + Sync + 'static {
    move |mut request, next| {
        Box::pin(async move {
            let way = request.extensions_mut().get_or_insert_default::<Way>();
            way.0.push_str(name);
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            let way = headers
                .get("x-out")
                .and_then(|way| way.to_str().ok())
                .unwrap_or_default();
            let way = format!("{way}{name}");
            headers.insert("x-out", way.parse().unwrap());
            response
        })
    }
}

type Through = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

#[derive(Clone, Default)]
struct Way(String);

#[get("/way")]
async fn way(Extension(way): Extension<Way>) -> String {
    way.0
}

#[get("/way-plain")]
fn way_plain(Extension(way): Extension<Way>) -> String {
    way.0
}

#[test]
fn the_first_layer_added_is_the_outermost_whatever_the_order_of_calls() {
    let app = App::new()
        .routes(routes![way])
        .middleware(named("a"))
        .group("/g", |group| {
            group
                .routes(routes![way_plain])
                .middleware(named("c"))
                .group("/h", |group| {
                    group.middleware(named("e")).routes(routes![way])
                })
                .middleware(named("d"))
        })
        .middleware(named("b"));
    let client = TestClient::new(app);
    let check = |path: &str, status: u16, expected: &str| {
        let answer = client.get(path).send();
        let out: String = expected.chars().rev().collect();
        assert_eq!(
            (answer.status().as_u16(), answer.header("x-out")),
            (status, Some(&*out))
        );
        if status == 200 {
            assert_eq!(answer.text(), expected);
        }
    };
    check("/way", 200, "ab");
    check("/g/way-plain", 200, "abcd");
    check("/g/h/way", 200, "abcde");
    // What is not found below a prefix is its group's.
    check("/nothing", 404, "ab");
    check("/g", 404, "abcd");
    check("/g/nothing", 404, "abcd");
    check("/g/h/nothing/at/all", 404, "abcde");
    check("/gg", 404, "ab");
    let refused = client.post("/g/h/way").send();
    assert_eq!(
        (refused.status().as_u16(), refused.header("x-out")),
        (405, Some("edcba"))
    );
}

// === Middleware ===

#[middleware]
async fn counts_bytes(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = http_body_util::BodyExt::collect(body)
        .await
        .unwrap()
        .to_bytes();
    let length = bytes.len();
    let mut response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    response.headers_mut().insert("x-length", length.into());
    response
}

#[middleware]
async fn may_refuse(request: Request, next: Next) -> Result<Response, Problem> {
    if request.headers().contains_key("x-refuse") {
        return Err(Problem::forbidden("as you wish"));
    }
    Ok(next.run(request).await)
}

#[middleware]
fn needs_key(head: &Head) -> Result<(), Problem> {
    assert!(hybrid::current().thread().starts_with("hybrid-loop-"));
    match head.header("x-key") {
        Some(_) if head.path_value("id") == Some("13") => Err(Problem::not_found("unlucky")),
        Some(_) => Ok(()),
        None => Err(Problem::unauthorized("a key, please")),
    }
}

#[post("/things/{id}")]
fn thing(id: u64, body: Json<Vec<u8>>) -> String {
    format!("{id} {:?}", *body)
}

#[test]
fn middleware_of_both_kinds() {
    let app = App::new().group("/a", |group| {
        let group = group
            .middleware(counts_bytes)
            .middleware(may_refuse)
            .middleware(needs_key);
        group.routes(routes![thing])
    });
    let client = TestClient::new(app);
    let send = |id: u8| client.post(format!("/a/things/{id}")).json(&[1, 2]);
    let answer = send(1).header("x-key", "k").send();
    assert_eq!(
        (answer.text(), answer.header("x-length")),
        ("1 [1, 2]", Some("5"))
    );
    let refused = send(1).send();
    assert_eq!(
        (refused.status().as_u16(), refused.header("x-length")),
        (401, Some("5"))
    );
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert!(
        refused.text().contains(r#""detail":"a key, please""#),
        "{}",
        refused.text()
    );
    assert_eq!(send(13).header("x-key", "k").send().status(), 404);
    let refused = send(1).header("x-refuse", "1").send();
    assert_eq!(
        (refused.status().as_u16(), refused.header("x-length")),
        (403, Some("5"))
    );
}

#[test]
fn what_a_middleware_refuses_has_the_apps_format() {
    let app = App::new()
        .error_format(ErrorFormat::FastApi)
        .middleware(needs_key);
    let client = TestClient::new(app.routes(routes![thing]));
    assert_eq!(
        client.get("/nowhere").send().text(),
        r#"{"detail":"a key, please"}"#
    );
}

// === Layers of others ===

#[get("/text")]
fn text() -> String {
    "hybrid ".repeat(1000)
}

#[get("/stand")]
async fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
}

#[test]
fn cors_answers_preflight_and_marks_every_answer() {
    let app = App::new().routes(routes![text]).group("/api", |group| {
        group.layer(cors()).routes(routes![text, thing])
    });
    let server = Server::start(app);
    let send = |what: &str| {
        server.send(&format!(
            "{what} HTTP/1.1\r\nhost: test\r\norigin: http://other\r\naccess-control-request-method: POST\r\ncontent-length: 0\r\n\r\n"
        ))
    };
    let allowed = |what: &str, status: u16, expected: Option<&str>| {
        let reply = send(what);
        let found = (reply.status, reply.header("access-control-allow-origin"));
        assert_eq!(found, (status, expected), "{what}");
    };
    allowed("OPTIONS /api/things/1", 200, Some("*"));
    allowed("OPTIONS /api/nothing", 200, Some("*"));
    allowed("GET /api/text", 200, Some("*"));
    allowed("GET /api/nothing", 404, Some("*"));
    allowed("GET /api/things/1", 405, Some("*"));
    allowed("POST /api/things/x", 422, Some("*"));
    allowed("GET /text", 200, None);
    allowed("OPTIONS /text", 405, None);
}

#[test]
fn answers_are_compressed_and_traced() {
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new());
    let app = App::new().group("/api", |group| {
        group
            .layer(TraceLayer::new_for_http())
            .layer(stack)
            .routes(routes![text, thing])
    });
    let server = Server::start(app);
    let get = |path: &str, accept: &str| {
        server.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\n{accept}\r\n"
        ))
    };
    let plain = get("/api/text", "");
    assert_eq!(
        (plain.body.len(), plain.header("content-encoding")),
        (7000, None)
    );
    let packed = get("/api/text", "accept-encoding: gzip\r\n");
    assert_eq!(
        (packed.status, packed.header("content-encoding")),
        (200, Some("gzip"))
    );
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
    assert!(packed.body.len() < 1000);
    assert_eq!(get("/api/nothing", "accept-encoding: gzip\r\n").status, 404);
}

/// What a layer refuses is 503, in the app's format; so is its readiness awaited
/// and never skipped.
#[test]
fn an_error_of_a_layer_is_an_answer() {
    let gate = Gate::default();
    let shed = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(1));
    let app = App::new()
        .state(gate.clone())
        .layer(shed)
        .routes(routes![stand]);
    let server = Server::start(app);
    let mut first = Wire::to(server.addr);
    first.write("GET /stand HTTP/1.1\r\nhost: test\r\n\r\n");
    gate.wait_for(|counts| counts.begun == 1);
    let refused = server.get("/stand");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert!(
        refused.text().contains(r#""code":"overloaded""#),
        "{}",
        refused.text()
    );
    gate.open();
    assert_eq!(first.read().text(), "through");
    assert_eq!(server.get("/stand").text(), "through");

    let gate = Gate::default();
    let late = tower::timeout::TimeoutLayer::new(Duration::from_millis(50));
    let app = App::new().state(gate).layer(late).routes(routes![stand]);
    let refused = TestClient::new(app).get("/stand").send();
    assert_eq!(
        (refused.status().as_u16(), refused.header("retry-after")),
        (503, Some("1"))
    );

    let fails = ServiceBuilder::new().and_then(async |_: Response| -> Result<Response, BoxError> {
        Err("the disk is full".into())
    });
    let app = App::new().layer(fails).routes(routes![text]);
    let refused = TestClient::new(app).get("/text").send();
    assert_eq!(refused.status(), 500);
    assert!(!refused.text().contains("disk"), "{}", refused.text());
}
