//! Answers that a client reads slowly: whatever lane made them, no clock of the
//! connection cuts them or writes into them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::StreamBody;
use hybrid::{BoxError, prelude::*};
use hyper::body::Frame;

use crate::harness::{Server, Wire};

/// Much shorter than the client takes for its answer.
pub(crate) const SHORT: &str = "400ms";
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) const BYTES: usize = 16_000_000;

pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[get("/event")]
async fn event() -> Vec<u8> {
    pattern(BYTES)
}

#[get("/pool")]
fn pool() -> Vec<u8> {
    pattern(BYTES)
}

#[get("/inline", lane = inline)]
fn inline() -> Vec<u8> {
    pattern(BYTES)
}

/// A body of frames, which is made as it is sent.
fn frames() -> http::Response<Body> {
    let pieces = pattern(BYTES);
    let pieces: Vec<Bytes> = pieces.chunks(100_000).map(Bytes::copy_from_slice).collect();
    let frames = pieces
        .into_iter()
        .map(|data| Ok::<_, BoxError>(Frame::data(data)));
    http::Response::new(Body::new(StreamBody::new(futures_util::stream::iter(
        frames,
    ))))
}

#[get("/stream")]
async fn stream() -> http::Response<Body> {
    frames()
}

#[get("/stream-plain")]
fn stream_plain() -> http::Response<Body> {
    frames()
}

#[get("/next")]
async fn next() -> &'static str {
    "next"
}

/// Asks for a large answer and for another one behind it, and reads slowly.
pub(crate) fn reads_slowly(mut wire: Wire, first: &str, body: &[u8]) {
    wire.write(first);
    wire.write(body);
    wire.ask("/next");
    wire.pause_every(BYTES / 40, PAUSE);
    let reply = wire.read();
    assert_eq!(reply.status, 200, "{first}");
    assert!(reply.body == pattern(BYTES), "{first}: not what was sent");
    assert_eq!(wire.read().text(), "next", "{first}");
}

#[test]
fn every_lane_owes_its_answer_to_the_last_byte() {
    let short = Duration::from_millis(400);
    let config = Config::new()
        .keep_alive(short)
        .header_timeout(short)
        .body_grace(short);
    let routes = routes![event, pool, inline, stream, stream_plain, next];
    let server = Server::start(App::new().config(config).routes(routes));
    std::thread::scope(|scope| {
        for path in ["/event", "/pool", "/inline", "/stream", "/stream-plain"] {
            let wire = Wire::to(server.addr);
            let first = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
            scope.spawn(move || reads_slowly(wire, &first, b""));
        }
    });
}
