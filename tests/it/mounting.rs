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
        wire.write("GET /api/primes?n=6 HTTP/1.1\r\nhost: test\r\n\r\n");
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
