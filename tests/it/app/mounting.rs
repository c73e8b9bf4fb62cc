//! Beside others: a tower service inside, hybrid inside axum.

use axum::{
    body::Body as AxumBody,
    extract::{Extension as AxumExtension, Path as AxumPath},
    routing,
};
use http_body_util::BodyExt as _;
use hybrid::{AppService, prelude::*};
use tower::ServiceExt as _;

use crate::harness::{BOOM, Server, Wire};

fn legacy() -> axum::Router {
    axum::Router::new()
        .route("/", routing::get(|| async { "root" }))
        .route(
            "/users/{id}",
            routing::get(|AxumPath(id): AxumPath<String>| async move { format!("user {id}") }),
        )
        .route("/echo", routing::post(|body: String| async move { body }))
        .route(
            "/uri",
            routing::get(|uri: axum::http::Uri| async move { uri.to_string() }),
        )
        .route(
            "/who",
            routing::get(
                |AxumExtension(client): AxumExtension<ClientAddr>| async move {
                    client.ip().to_string()
                },
            ),
        )
        .route("/panic", routing::get(panics))
}

async fn panics() -> &'static str {
    panic!("{BOOM}")
}

#[get("/legacy-free")]
fn free() -> String {
    hybrid::current().lane().unwrap().to_string()
}

#[get("/new/users/{id}")]
async fn user(id: u64, client: ClientAddr) -> String {
    format!("new {id} {}", client.ip())
}

#[test]
fn an_axum_router_mounted_below_a_prefix() {
    let app = App::new().routes(routes![free]).mount("/legacy", legacy());
    let app = app.group("/tenants/{tenant}", |group| group.mount("/old", legacy()));
    let server = Server::start(app);
    let check = |path: &str, status: u16, expected: &str| {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.text()), (status, expected), "{path}");
    };
    check("/legacy", 200, "root");
    check("/legacy/", 200, "root");
    check("/legacy/users/7", 200, "user 7");
    check("/legacy/users/a%2Fb%20c", 200, "user a/b c");
    check("/legacy/uri?a=1&b=%20", 200, "/uri?a=1&b=%20");
    check("/legacy/who", 200, "127.0.0.1");
    check("/legacy/nothing", 404, "");
    check("/tenants/acme/old/users/7", 200, "user 7");
    check("/legacy-free", 200, "pool");
    assert_eq!(server.get("/legacy/panic").status, 500);
    assert_eq!(server.get("/tenants/acme").status, 404);
    let body = "x".repeat(100_000);
    let mut wire = Wire::to(server.addr);
    wire.write(format!(
        "POST /legacy/echo HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n{body}"
    ));
    assert_eq!(wire.read().text(), body);
}

/// Handler by handler: what hybrid has not taken over yet is still axum's.
#[test]
fn a_router_mounted_at_the_root_gets_what_no_route_takes() {
    let app = App::new().routes(routes![user]).mount("/", legacy());
    let server = Server::start(app);
    let check = |path: &str, status: u16, expected: &str| {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.text()), (status, expected), "{path}");
    };
    check("/new/users/7", 200, "new 7 127.0.0.1");
    check("/users/7", 200, "user 7");
    check("/", 200, "root");
    check("/who", 200, "127.0.0.1");
    check("/nothing", 404, "");
    assert_eq!(server.get("/new/users/x").status, 422);
}

#[test]
fn layers_stand_around_mounts_too() {
    let refuse = |request: Request, next: Next| async move {
        let mut response = next.run(request).await;
        response
            .headers_mut()
            .insert("x-layer", HeaderValue::from_static("1"));
        response
    };
    let app = App::new().group("/g", |group| {
        group.middleware(refuse).mount("/legacy", legacy())
    });
    let client = TestClient::new(app.mount("/free", legacy()));
    let check = |path: &str, expected: Option<&str>| {
        assert_eq!(
            client.get(path).send().header("x-layer"),
            expected,
            "{path}"
        );
    };
    check("/g/legacy/users/1", Some("1"));
    check("/g/legacy/nothing", Some("1"));
    check("/free/users/1", None);
}

#[test]
fn a_test_asks_from_this_machine() {
    let client = TestClient::new(App::new().routes(routes![user]).mount("/legacy", legacy()));
    assert_eq!(client.get("/new/users/7").send().text(), "new 7 127.0.0.1");
    assert_eq!(client.get("/legacy/who").send().text(), "127.0.0.1");
}

fn service() -> AppService {
    let app = App::new()
        .routes(routes![free])
        .group("/api", |group| group.routes(routes![primes]));
    app.into_service().unwrap()
}

#[get("/primes")]
fn primes(#[query(ge = 2, le = 100, default = 10)] n: u32) -> Json<Vec<u32>> {
    Json((2..n).filter(|c| (2..*c).all(|d| c % d != 0)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hybrid_inside_axum() {
    let router = axum::Router::new()
        .route("/own", routing::get(|| async { "axum's own" }))
        .nest_service("/inner", service())
        .fallback_service(service());
    let check = |path: &'static str, status: u16, expected: &'static str| {
        let router = router.clone();
        async move {
            let request = axum::http::Request::get(path)
                .body(AxumBody::empty())
                .unwrap();
            let response = router.oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(
                std::str::from_utf8(&body).unwrap().starts_with(expected),
                "{body:?}"
            );
        }
    };
    check("/own", 200, "axum's own").await;
    check("/legacy-free", 200, "pool").await;
    check("/inner/legacy-free", 200, "pool").await;
    check("/api/primes", 200, "[2,3,5,7]").await;
    check(
        "/inner/api/primes?n=1",
        422,
        r#"{"type":"urn:hybrid:validation_failed""#,
    )
    .await;
    check("/inner/nothing", 404, r#"{"type":"urn:hybrid:not_found""#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hybrid_inside_axum_over_a_socket() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback_service(service());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    let serving = tokio::spawn(serving.into_future());
    let asked = tokio::task::spawn_blocking(move || {
        let mut wire = Wire::to(addr);
        wire.ask("/api/primes?n=6");
        wire.read().text().to_owned()
    });
    assert_eq!(asked.await.unwrap(), "[2,3,5]");
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn async_states_want_the_async_constructor() {
    let app = || App::new().state_with_async(|| async { Ok::<_, std::io::Error>(7_u32) });
    let error = app().into_service().unwrap_err();
    assert!(
        format!("{error:?}").contains("into_service_async().await"),
        "{error:?}"
    );
    app().into_service_async().await.unwrap();
}

/// A mounted service may change protocols: the upgrade travels with the request.
#[test]
fn an_upgrade_passes_through_a_mount() {
    let upgrade = |mut request: axum::extract::Request| async move {
        let on_upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut io = hyper_util::rt::TokioIo::new(on_upgrade.await.unwrap());
            let mut four = [0; 4];
            io.read_exact(&mut four).await.unwrap();
            io.write_all(&four).await.unwrap();
            io.shutdown().await.unwrap();
        });
        (
            StatusCode::SWITCHING_PROTOCOLS,
            [("connection", "upgrade"), ("upgrade", "echo")],
        )
    };
    let router = axum::Router::new().route("/echo", routing::get(upgrade));
    let server = Server::start(App::new().mount("/legacy", router));
    let mut wire = Wire::to(server.addr);
    wire.write(
        "GET /legacy/echo HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
    );
    let reply = wire.read_head();
    assert_eq!((reply.status, reply.header("upgrade")), (101, Some("echo")));
    wire.write("ping");
    assert_eq!(wire.rest(), b"ping");
}

// === Half moved ===

#[post("/users")]
async fn create() -> &'static str {
    "made by hybrid"
}

#[get("/users/{id}/orders")]
async fn orders(id: u64) -> String {
    format!("orders of {id} by hybrid")
}

/// What axum still has.
fn unmoved() -> axum::Router {
    axum::Router::new()
        .route("/users", routing::get(|| async { "listed by axum" }))
        .route("/users/", routing::get(|| async { "with a slash by axum" }))
        .route(
            "/users/{id}/orders",
            routing::delete(|| async { "deleted by axum" }),
        )
        .route("/users/{id}", routing::get(|| async { "one by axum" }))
}

fn check_methods(server: &Server, prefix: &str) {
    let check = |method: &str, path: &str, status: u16, expected: &str| {
        let path = format!("{prefix}{path}");
        let reply = server.send(&format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        let text = if reply.status == 200 {
            reply.text()
        } else {
            ""
        };
        assert_eq!((reply.status, text), (status, expected), "{method} {path}");
        reply
    };
    check("POST", "/users", 200, "made by hybrid");
    check("GET", "/users", 200, "listed by axum");
    check("GET", "/users/", 200, "with a slash by axum");
    check("GET", "/users/7/orders", 200, "orders of 7 by hybrid");
    check("DELETE", "/users/7/orders", 200, "deleted by axum");
    check("GET", "/users/7", 200, "one by axum");
    check("GET", "/nothing", 404, "");
    // What neither has, axum answers, with what it has.
    let refused = check("PUT", "/users", 405, "");
    assert_eq!(refused.header("allow"), Some("GET,HEAD"));
    check("GET", "/users/x/orders", 422, "");
}

/// A method at a time: what hybrid has not taken over of a path is still axum's.
#[test]
fn a_mount_has_the_methods_that_no_route_of_a_path_has() {
    let app = App::new().routes(routes![create, orders]);
    check_methods(&Server::start(app.mount("/", unmoved())), "");
    let app = App::new().trailing_slash(hybrid::TrailingSlash::Redirect);
    let app = app.routes(routes![create, orders]);
    // The mount has what is with a slash, and no redirect hides it.
    check_methods(&Server::start(app.mount("/", unmoved())), "");
    let app = App::new().group("/legacy", |group| group.routes(routes![create, orders]));
    check_methods(&Server::start(app.mount("/legacy", unmoved())), "/legacy");
    let app = App::new().group("/t/{tenant}", |group| {
        group.routes(routes![create, orders]).mount("/", unmoved())
    });
    check_methods(&Server::start(app), "/t/acme");
}

#[get("/{first}/x")]
async fn two_deep(first: String) -> String {
    format!("{first} by hybrid")
}

#[get("/{*rest}")]
async fn everything(rest: String) -> String {
    format!("{rest} by hybrid")
}

#[get("/legacy/users/{*rest}")]
async fn below(rest: String) -> String {
    format!("{rest} below by hybrid")
}

/// A route below the prefix of a mount goes before it; one that only happens to match
/// does not.
#[test]
fn a_mount_goes_before_routes_that_say_less() {
    let client = |routes| {
        let app = App::new().routes(routes).mount("/legacy", legacy());
        TestClient::new(app.mount("/legacy/deeper", unmoved()))
    };
    let check = |client: &TestClient, path: &str, status: u16, expected: &str| {
        let answer = client.get(path).send();
        let text = if status == 200 { answer.text() } else { "" };
        assert_eq!(
            (answer.status().as_u16(), text),
            (status, expected),
            "{path}"
        );
    };
    let named = client(routes![two_deep, below]);
    check(&named, "/other/x", 200, "other by hybrid");
    check(&named, "/other/y", 404, "");
    let caught = client(routes![everything, below]);
    check(&caught, "/other/y/z", 200, "other/y/z by hybrid");
    check(&caught, "/legacy%2Fx", 200, "legacy/x by hybrid");
    for client in [named, caught] {
        check(&client, "/legacy", 200, "root");
        check(&client, "/legacy/x", 404, "");
        check(&client, "/legacy/nothing/at/all", 404, "");
        check(&client, "/legacy/users/a/b", 200, "a/b below by hybrid");
        check(&client, "/legacy/uri", 200, "/uri");
        check(&client, "/legacy/deeper/users", 200, "listed by axum");
    }
}

/// The path as it is written, and all that is below: there one would hide the other.
#[test]
fn a_route_that_hides_a_mount_is_a_fault() {
    let check = |app: App, expected: &str| {
        let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
        for expected in [expected, "mounted at tests/it/app/mounting.rs:"] {
            assert!(
                report.contains(expected),
                "`{expected}` is missing in {report}"
            );
        }
    };
    #[get("/legacy")]
    async fn same() {}
    #[get("/legacy/{*_rest}")]
    async fn all() {}
    let mounted = || App::new().mount("/legacy", legacy());
    check(
        mounted().routes(routes![same]),
        "/legacy is a route and a mount",
    );
    check(
        mounted().routes(routes![all]),
        "/legacy/{*_rest} is a route and a mount",
    );
    check(
        App::new().mount("/legacy/{*rest}", legacy()),
        "must not take the rest",
    );
}

/// Those around a mount are its group's, also where a route of another group is near;
/// a path of a group inside has that group's as well, and its preflight.
#[test]
fn a_half_moved_path_has_the_layers_of_its_groups() {
    let cors = tower_http::cors::CorsLayer::new()
        .allow_origin(tower_http::cors::Any)
        .allow_methods([Method::POST]);
    let stamp = |name: &'static str| {
        move |request: Request, next: Next| async move {
            let mut response = next.run(request).await;
            response
                .headers_mut()
                .append("x-through", HeaderValue::from_static(name));
            response
        }
    };
    let app = App::new()
        .middleware(stamp("app"))
        .mount("/", unmoved())
        .group("", |group| group.layer(cors).routes(routes![create]))
        .group("/mounted", |group| {
            group.middleware(stamp("mounted")).mount("/", unmoved())
        })
        .group("/mounted", |group| {
            group.middleware(stamp("beside")).routes(routes![create])
        });
    let client = TestClient::new(app);
    let through = |method: Method, path: &str| {
        let answer = client.request(method, path).send();
        let through = answer.headers().get_all("x-through").iter();
        let through: Vec<_> = through.map(|name| name.to_str().unwrap()).collect();
        (answer.status().as_u16(), through.join(" "))
    };
    let is = |status: u16, through: &str| (status, through.to_owned());
    assert_eq!(through(Method::GET, "/users/7"), is(200, "app"));
    assert_eq!(through(Method::GET, "/users"), is(200, "app"));
    // Never past the layers of the group that mounts it.
    assert_eq!(
        through(Method::GET, "/mounted/users"),
        is(200, "mounted app")
    );
    assert_eq!(
        through(Method::POST, "/mounted/users"),
        is(200, "beside app")
    );
    let preflight = client
        .options("/users")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "POST")
        .send();
    assert_eq!(preflight.status(), 200);
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("POST")
    );
}

// === Redirects ===

#[get("/items")]
async fn items() -> &'static str {
    "items"
}

#[get("/with/slash/")]
async fn with_slash() -> &'static str {
    "with a slash"
}

fn redirecting() -> App {
    App::new()
        .trailing_slash(hybrid::TrailingSlash::Redirect)
        .routes(routes![items, with_slash])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_names_the_path_that_the_client_sees() {
    let inner = redirecting().into_service().unwrap();
    let between = axum::Router::new().nest_service("/b", inner.clone());
    let app = App::new().mount("/a", inner).mount("/axum", between);
    let client = TestClient::new(app);
    for (path, expected) in [
        ("/a/items/?x=1", "/a/items?x=1"),
        ("/a/with/slash", "/a/with/slash/"),
        ("/axum/b/items/", "/axum/b/items"),
    ] {
        let answer = client.get(path).send_async().await;
        assert_eq!(answer.status(), 308, "{path}");
        assert_eq!(answer.header("location"), Some(expected), "{path}");
        assert_eq!(client.get(expected).send_async().await.status(), 200);
    }
}

/// Inside another server the prefix is not known, unless that is axum and the feature
/// `axum` is on: then the redirect is relative, and leads to the same path.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_inside_axum_leads_to_the_path_that_the_client_sees() {
    let inner = redirecting().into_service().unwrap();
    let deeper = App::new().mount("/c", redirecting().into_service().unwrap());
    let router = axum::Router::new()
        .nest_service("/a", inner)
        .nest_service("/b", deeper.into_service().unwrap());
    let whole = cfg!(feature = "axum");
    for (path, relative, absolute) in [
        ("/a/items/?x=1", "../items?x=1", "/a/items?x=1"),
        ("/a/with/slash", "./slash/", "/a/with/slash/"),
        ("/b/c/items/", "../items", "/b/c/items"),
    ] {
        let request = axum::http::Request::get(path);
        let request = request.body(AxumBody::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 308, "{path}");
        let location = answer.headers()["location"].to_str().unwrap();
        assert_eq!(location, if whole { absolute } else { relative }, "{path}");
    }
}

// === The feature `axum` ===

#[cfg(feature = "axum")]
#[test]
fn a_mounted_router_has_the_address_of_the_connection() {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;

    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let router = axum::Router::new().route("/peer", routing::get(peer));
    let server = Server::start(App::new().mount("/legacy", router));
    let stream = std::net::TcpStream::connect(server.addr).unwrap();
    let own = stream.local_addr().unwrap();
    let mut wire = Wire::of(stream);
    wire.ask("/legacy/peer");
    assert_eq!(wire.read().text(), own.to_string());
}
