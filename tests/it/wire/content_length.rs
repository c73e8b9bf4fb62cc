//! What `content-length` says on the wire: the size of what is sent, whoever set it.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hybrid::{BoxError, prelude::*};
use hyper::{body::Frame, client::conn::http2::handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::harness::{Server, Wire};

type Wrong = ([(&'static str, &'static str); 1], &'static str);

const WRONG: Wrong = ([("content-length", "100")], "five!");

#[get("/event")]
async fn event() -> Wrong {
    WRONG
}

#[get("/pool")]
fn pool() -> Wrong {
    WRONG
}

#[get("/coded")]
async fn coded() -> ([(&'static str, &'static str); 2], &'static str) {
    let headers = [("transfer-encoding", "chunked"), ("content-length", "1")];
    (headers, "five!")
}

#[get("/none")]
async fn none() -> (StatusCode, [(&'static str, &'static str); 1], &'static str) {
    (StatusCode::NO_CONTENT, WRONG.0, WRONG.1)
}

#[get("/unchanged")]
fn unchanged() -> (StatusCode, [(&'static str, &'static str); 1], &'static str) {
    (StatusCode::NOT_MODIFIED, WRONG.0, WRONG.1)
}

#[head("/own")]
async fn own() -> Wrong {
    ([("content-length", "12345")], "")
}

/// Five bytes of which nothing but that length is said.
fn five(length: &'static str) -> http::Response<Body> {
    let frames = ["fi", "ve!"].map(|text| Ok::<_, BoxError>(Frame::data(Bytes::from(text))));
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    let response = http::Response::builder().header("content-length", length);
    response.body(body).unwrap()
}

#[get("/stream/right")]
async fn right() -> http::Response<Body> {
    five("5")
}

#[get("/stream/short")]
fn short() -> http::Response<Body> {
    five("4")
}

#[get("/stream/long")]
async fn long() -> http::Response<Body> {
    five("6")
}

/// Puts something around the body, and leaves the head as it was.
#[middleware]
async fn wrapped(request: Request, next: Next) -> Response {
    let (parts, body) = next.run(request).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = [&b"<"[..], &body, b">"].concat();
    Response::from_parts(parts, body.into())
}

/// As a layer does that does not know better.
fn says_one(mut response: Response) -> Response {
    let one = HeaderValue::from_static("1");
    response.headers_mut().insert("content-length", one);
    response
}

fn mounted() -> impl tower::Service<
    http::Request<Body>,
    Response = http::Response<Body>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(async |_| {
        let response = http::Response::builder().header("content-length", "2");
        Ok(response.body(Body::from("ax")).unwrap())
    })
}

fn app() -> App {
    App::new()
        .routes(routes![
            event, pool, coded, none, unchanged, own, right, short, long
        ])
        .group("/wrapped", |group| {
            group
                .routes(routes![event, pool])
                .mount("/mounted", mounted())
                .layer(tower::util::MapResponseLayer::new(says_one))
                .middleware(wrapped)
        })
        .error_format(ErrorFormat::custom(|problem, _| {
            (problem.status(), WRONG.0, WRONG.1).into_response()
        }))
}

/// Path, status, what is said and what is sent.
const WHOLE: [(&str, u16, Option<&str>, &str); 10] = [
    ("/event", 200, Some("5"), "five!"),
    ("/pool", 200, Some("5"), "five!"),
    ("/coded", 200, Some("5"), "five!"),
    ("/none", 204, None, ""),
    ("/unchanged", 304, None, ""),
    ("/stream/right", 200, Some("5"), "five!"),
    ("/wrapped/event", 200, Some("7"), "<five!>"),
    ("/wrapped/pool", 200, Some("7"), "<five!>"),
    ("/wrapped/mounted/x", 200, Some("4"), "<ax>"),
    ("/nowhere", 404, Some("5"), "five!"),
];

#[test]
fn http_1_says_the_size_of_what_is_sent() {
    let server = Server::start(app());
    // One after another on one connection: a length that is not true would show.
    let mut wire = Wire::to(server.addr);
    for (path, status, length, body) in WHOLE {
        wire.ask(path);
        let reply = wire.read();
        let found = (reply.status, reply.header("content-length"), reply.text());
        assert_eq!(found, (status, length, body), "{path}");
        assert_eq!(reply.header("transfer-encoding"), None, "{path}");

        wire.write(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        let reply = wire.read_head();
        let found = (reply.status, reply.header("content-length"));
        assert_eq!(found, (status, length), "HEAD {path}");
    }
    wire.write("HEAD /own HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(wire.read_head().header("content-length"), Some("12345"));
    // A head that is refused before any route is found.
    let reply = server.send("GET /event HTTP/1.1\r\n\r\n");
    assert_eq!((reply.status, reply.text()), (400, "five!"));
}

#[test]
fn a_stream_that_is_not_as_long_as_was_said_is_broken_off() {
    let server = Server::start(app());
    for path in ["/stream/short", "/stream/long"] {
        let mut wire = Wire::to(server.addr);
        wire.ask(path);
        let sent = String::from_utf8(wire.rest()).unwrap();
        let body = sent.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let told = if path == "/stream/short" { 4 } else { 6 };
        assert!(body.len() < told, "{path}: {sent:?}");
    }
}

#[test]
fn http_2_says_the_size_of_what_is_sent() {
    let server = Server::start(app());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let send = async |method: &str, path: &str| {
            let mut client = client.clone();
            client.ready().await.unwrap();
            let request = http::Request::builder().method(method);
            let request = request.uri(format!("http://test{path}"));
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            let (head, body) = client.send_request(request).await?.into_parts();
            let length = head.headers.get("content-length");
            let length = length.map(|value| value.to_str().unwrap().to_owned());
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>((head.status.as_u16(), length, body))
        };
        for (path, status, length, body) in WHOLE {
            let found = send("GET", path).await.unwrap();
            let length = length.map(str::to_owned);
            assert_eq!(found, (status, length.clone(), body.into()), "{path}");
            let found = send("HEAD", path).await.unwrap();
            assert_eq!(found, (status, length, Bytes::new()), "HEAD {path}");
        }
        for path in ["/stream/short", "/stream/long"] {
            assert!(send("GET", path).await.is_err(), "{path}");
        }
        let next = send("GET", "/event").await.unwrap();
        assert_eq!(next.0, 200, "the connection lives");
    });
}
