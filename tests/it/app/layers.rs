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

use crate::harness::{BOOM, Gate, Server, Wire};

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
    first.ask("/stand");
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

// === What is refused or panics inside ===

#[test]
fn a_path_that_cannot_be_read_has_the_layers_of_its_prefix() {
    let app = App::new().group("/c", |group| {
        let cors = CorsLayer::new().allow_origin(Any);
        group
            .layer(cors)
            .routes(routes![way])
            .group("/{name}/in", |group| group.middleware(named("in")))
    });
    let server = Server::start(app);
    let check = |path: &str, cors: Option<&str>, through: Option<&str>| {
        let answer = server.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\norigin: https://a.example\r\n\r\n"
        ));
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), cors, "{path}");
        assert_eq!(answer.header("x-out"), through, "{path}");
    };
    check("/c/%ff", Some("*"), None);
    check("/c/%ff/in/x", Some("*"), Some("in"));
    check("/%63/%ff", Some("*"), None);
    check("/%ff/c", None, None);
}

#[middleware]
async fn panics_in(_request: Request, _next: Next) -> Response {
    panic!("{BOOM}")
}

#[middleware]
async fn panics_out(request: Request, next: Next) -> Response {
    drop(next.run(request).await);
    panic!("{BOOM}")
}

#[middleware]
fn panics_on_head(_: &Head) -> Result<(), Problem> {
    panic!("{BOOM}")
}

/// A layer of tower's that panics before it is polled.
#[derive(Clone, Copy)]
struct Panics;

impl<S> tower::Layer<S> for Panics {
    type Service = Self;

    fn layer(&self, _: S) -> Self {
        *self
    }
}

impl tower::Service<Request> for Panics {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        panic!("{BOOM}")
    }
}

#[test]
fn a_panic_of_an_inner_layer_is_an_answer_to_the_outer_ones() {
    crate::harness::quiet();
    let app = App::new()
        .error_format(ErrorFormat::FastApi)
        .middleware(named("a"))
        .layer(CorsLayer::new().allow_origin(Any))
        .group("/in", |g| {
            g.middleware(named("b"))
                .middleware(panics_in)
                .routes(routes![way])
        })
        .group("/out", |g| g.middleware(panics_out).routes(routes![way]))
        .group("/head", |g| {
            g.middleware(panics_on_head).routes(routes![way])
        })
        .group("/tower", |g| g.layer(Panics).routes(routes![way]));
    let client = TestClient::new(app);
    for (path, through) in [
        ("/in/way", "ba"),
        ("/in/nothing", "ba"),
        ("/out/way", "a"),
        ("/head/way", "a"),
        ("/tower/way", "a"),
    ] {
        let answer = client
            .get(path)
            .header("origin", "https://a.example")
            .send();
        assert_eq!(answer.status(), 500, "{path}");
        assert_eq!(answer.header("x-out"), Some(through), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.text(), r#"{"detail":"Internal error"}"#, "{path}");
    }
}

// === Layers that change the body of a request ===

#[post("/sum")]
async fn sum(Json(numbers): Json<Vec<u32>>) -> String {
    numbers.iter().sum::<u32>().to_string()
}

#[post("/sum-plain")]
fn sum_plain(Json(numbers): Json<Vec<u32>>) -> String {
    numbers.iter().sum::<u32>().to_string()
}

#[test]
fn a_layer_may_decompress_requests() {
    /// `[1,2,3]`, as `gzip -n` writes it.
    const GZIP: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x8b, 0x36, 0xd4, 0x31, 0xd2,
        0x31, 0x8e, 0x05, 0x00, 0xe9, 0xb3, 0x6d, 0xfd, 0x07, 0x00, 0x00, 0x00,
    ];
    let app = App::new()
        .layer(tower_http::decompression::RequestDecompressionLayer::new())
        .routes(routes![sum, sum_plain]);
    let server = Server::start(app);
    for path in ["/sum", "/sum-plain"] {
        let mut wire = Wire::to(server.addr);
        wire.write(format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
             content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            GZIP.len()
        ));
        wire.write(GZIP);
        let answer = wire.read();
        assert_eq!((answer.status, answer.text()), (200, "6"), "{path}");
        let mut wire = Wire::to(server.addr);
        wire.write(format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
             content-length: 7\r\n\r\n[1,2,4]"
        ));
        assert_eq!(wire.read().text(), "7");
    }
}

#[test]
fn a_layer_may_limit_the_body() {
    let app = App::new()
        .layer(tower_http::limit::RequestBodyLimitLayer::new(8))
        .routes(routes![sum, sum_plain]);
    let server = Server::start(app);
    for path in ["/sum", "/sum-plain"] {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n");
        let ask = |rest: &str| {
            let answer = server.send(&format!("{head}{rest}"));
            (answer.status, answer.text().to_owned())
        };
        assert_eq!(ask("content-length: 5\r\n\r\n[1,2]"), (200, "3".to_owned()));
        // The layer's own answer, and the body's error where it comes in pieces.
        assert_eq!(ask("content-length: 11\r\n\r\n[1,2,3,4,5]").0, 413);
        let chunked = "transfer-encoding: chunked\r\n\r\nb\r\n[1,2,3,4,5]\r\n0\r\n\r\n";
        assert_eq!(ask(chunked).0, 413);
    }
}

/// The router has decided before: where the URI is rewritten, layers and handler see
/// it, and nothing else changes.
#[test]
fn a_uri_that_a_layer_rewrites_has_no_effect_on_routing() {
    #[get("/old")]
    async fn old(head: http::Uri) -> String {
        head.path().to_owned()
    }
    #[get("/new")]
    async fn new() -> &'static str {
        "new"
    }
    let rewrite = |mut request: Request, next: Next| async move {
        *request.uri_mut() = Uri::from_static("/new");
        next.run(request).await
    };
    let client = TestClient::new(App::new().middleware(rewrite).routes(routes![old, new]));
    assert_eq!(client.get("/old").send().text(), "/new");
    assert_eq!(client.get("/nothing").send().status(), 404);
}
