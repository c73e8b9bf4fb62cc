//! The same routes over HTTP/2 without TLS, by a client that knows beforehand.

use std::net::TcpStream;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hybrid::{Version, prelude::*};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::harness::{BOOM, Gate, Server, eventually};

#[get("/hello/{name}")]
async fn hello(name: String, version: Version) -> String {
    format!("Hello, {name}! {version:?}")
}

#[get("/plain")]
fn plain(#[query(ge = 2)] n: u32) -> String {
    format!("{} {n}", hybrid::current().lane().unwrap())
}

#[post("/echo", body_limit = 100_000)]
fn echo(#[body] text: String) -> String {
    text
}

#[get("/panic")]
fn panics() {
    panic!("{BOOM}");
}

#[get("/stand")]
fn stand(State(gate): State<Gate>, cancel: Cancel) -> &'static str {
    gate.stand_asking(&cancel);
    "through"
}

#[get("/stand-async")]
async fn stand_async(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

type Client = SendRequest<Full<Bytes>>;

fn start(gate: &Gate) -> Server {
    let routes = routes![hello, plain, echo, panics, stand, stand_async];
    Server::start(App::new().state(gate.clone()).routes(routes))
}

/// Runs a test on a runtime of the client's own, beside the server's.
fn with_client(test: impl AsyncFnOnce(Client, Gate)) {
    let gate = Gate::default();
    let server = start(&gate);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { test(connect(&server).await, gate).await });
}

async fn connect(server: &Server) -> Client {
    let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> http::Request<Full<Bytes>> {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://test{path}"));
    request.body(Full::new(body.into())).unwrap()
}

async fn send(client: &Client, request: http::Request<Full<Bytes>>) -> (u16, String) {
    let mut client = client.clone();
    client.ready().await.unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

#[test]
fn the_same_routes_answer() {
    with_client(async |client, _| same_routes(&client).await);
}

async fn same_routes(client: &Client) {
    let check = async |method: &str, path: &str, status: u16, expected: &str| {
        let (found, body) = send(client, request(method, path, "")).await;
        assert_eq!(found, status, "{path}");
        assert!(body.starts_with(expected), "{body}");
    };
    check("GET", "/hello/Ada", 200, "Hello, Ada! HTTP/2.0").await;
    check("GET", "/plain?n=7", 200, "pool 7").await;
    check(
        "GET",
        "/plain?n=1",
        422,
        r#"{"type":"urn:hybrid:validation_failed""#,
    )
    .await;
    check("GET", "/nowhere", 404, r#"{"type":"urn:hybrid:not_found""#).await;
    check(
        "PUT",
        "/echo",
        405,
        r#"{"type":"urn:hybrid:method_not_allowed""#,
    )
    .await;
    check(
        "GET",
        "/panic",
        500,
        r#"{"type":"urn:hybrid:internal_error""#,
    )
    .await;
    let body = "x".repeat(100_000);
    assert_eq!(
        send(client, request("POST", "/echo", body.clone())).await,
        (200, body.clone())
    );
    let (status, _) = send(client, request("POST", "/echo", body + "x")).await;
    assert_eq!(status, 413);
    check("GET", "/hello/still", 200, "Hello, still!").await;
}

/// Streams of one connection do not wait for each other.
#[test]
fn a_slow_stream_holds_up_no_other() {
    with_client(async |client, gate| slow_streams(client, gate).await);
}

async fn slow_streams(client: Client, gate: Gate) {
    let slow = ["/stand", "/stand-async"].map(|path| {
        let client = client.clone();
        tokio::spawn(async move { send(&client, request("GET", path, "")).await })
    });
    gate.reached(|counts| counts.begun == 2).await;
    for _ in 0..20 {
        assert_eq!(send(&client, request("GET", "/hello/x", "")).await.0, 200);
    }
    gate.open();
    for slow in slow {
        assert_eq!(slow.await.unwrap(), (200, "through".to_owned()));
    }
}

/// A stream that is reset is a client that has left.
#[test]
fn a_reset_stream_cancels_its_handler() {
    with_client(async |client, gate| reset_streams(client, gate).await);
}

async fn reset_streams(client: Client, gate: Gate) {
    let slow = ["/stand", "/stand-async"].map(|path| {
        let client = client.clone();
        tokio::spawn(async move { send(&client, request("GET", path, "")).await })
    });
    gate.reached(|counts| counts.begun == 2).await;
    for slow in slow {
        slow.abort();
    }
    gate.reached(|counts| (counts.cancelled, counts.dropped) == (1, 1))
        .await;
    gate.open();
    assert_eq!(send(&client, request("GET", "/hello/x", "")).await.0, 200);
}

/// The server stops while streams are open: each gets its answer.
#[test]
fn streams_that_are_open_are_answered_when_the_server_stops() {
    let gate = Gate::default();
    let mut server = start(&gate);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(connect(&server));
    let slow = ["/stand", "/stand-async"].map(|path| {
        let client = client.clone();
        runtime.spawn(async move { send(&client, request("GET", path, "")).await })
    });
    gate.wait_for(|counts| counts.begun == 2);
    server.ask_to_stop();
    // The listener is gone: stopping has begun, and cuts nothing off.
    eventually("it does not listen", || {
        TcpStream::connect(server.addr).is_err()
    });
    gate.open();
    for slow in slow {
        assert_eq!(runtime.block_on(slow).unwrap(), (200, "through".to_owned()));
    }
    server.stop().unwrap();
    assert_eq!((gate.counts().cancelled, gate.counts().dropped), (0, 0));
}
