//! What the server answers by itself, before or beside any handler: in the
//! application's error format, over a socket.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use hybrid::{ErrorFormat, prelude::*};

use crate::harness::{Gate, PATIENCE, Reply, Server, Wire, at_once, join};

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_secs(1);

#[get("/hello/{name}")]
async fn hello(name: String) -> String {
    format!("Hello, {name}!")
}

#[get("/plain/{name}")]
fn plain(name: String) -> String {
    format!("Hello, {name}!")
}

#[post("/text")]
async fn text(#[body] text: String) -> String {
    text
}

#[post("/plain-text")]
fn plain_text(#[body] text: String) -> String {
    text
}

#[get("/who")]
async fn who(client: ClientAddr) -> String {
    client.ip().to_string()
}

#[get("/gate")]
fn gate(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through the gate"
}

#[post("/ignores")]
async fn ignores() -> &'static str {
    "ignored"
}

#[post("/ignores-plain")]
fn ignores_plain() -> &'static str {
    "ignored"
}

#[post("/ignores-inline", lane = inline)]
fn ignores_inline() -> &'static str {
    "ignored"
}

fn app(config: Config) -> App {
    App::new()
        .config(config)
        .state(Gate::default())
        .routes(routes![hello, plain, text, plain_text, who, gate])
        .routes(routes![ignores, ignores_plain, ignores_inline])
}

fn check_problem(reply: &Reply, status: u16, code: &str, title: &str, detail: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(reply.header("date").is_some());
    let body = format!(
        r#"{{"type":"urn:hybrid:{code}","title":"{title}","status":{status},"code":"{code}","detail":"{detail}"}}"#
    );
    assert_eq!(reply.text(), body);
}

#[test]
fn heads_that_are_refused_get_a_problem() {
    let server = Server::start(app(Config::new()));
    check_problem(
        &server.send("GET / HTTP/1.1\r\n\r\n"),
        400,
        "malformed_request",
        "Malformed request",
        "the request has no `Host`",
    );
    check_problem(
        &server.send("no http at all\r\n\r\n"),
        400,
        "malformed_request",
        "Malformed request",
        "the head of the request is not HTTP",
    );
    for length in [9_000, 100_000] {
        check_problem(
            &server.get(&format!("/{}", "a".repeat(length))),
            414,
            "uri_too_long",
            "URI too long",
            "the target is longer than the limit of 8192 bytes",
        );
    }
    let many = format!(
        "GET / HTTP/1.1\r\nhost: test\r\n{}\r\n",
        "a: b\r\n".repeat(100)
    );
    check_problem(
        &server.send(&many),
        431,
        "headers_too_large",
        "Headers too large",
        "the head is larger than 65536 bytes, or has more than 100 headers",
    );
    check_problem(
        &server.send("GET / HTTP/1.1\r\nhost: test\r\nexpect: tea\r\n\r\n"),
        417,
        "expectation_failed",
        "Expectation failed",
        "the one expectation that is met is `100-continue`",
    );
    check_problem(
        &server.send("TRACE / HTTP/1.1\r\nhost: test\r\n\r\n"),
        501,
        "not_implemented",
        "Not implemented",
        "the method is not implemented",
    );
}

#[test]
fn refused_heads_are_written_in_the_format_of_the_application() {
    let app = app(Config::new()).error_format(ErrorFormat::FastApi);
    let reply = Server::start(app).send("no http at all\r\n\r\n");
    assert_eq!(
        reply.text(),
        r#"{"detail":"the head of the request is not HTTP"}"#
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn a_head_that_stops_is_408() {
    let server = Server::start(app(Config::new().header_timeout(SHORT)));
    let mut wire = Wire::to(server.addr);
    wire.write("GET /hello/x HTTP/1.1\r\n");
    check_problem(
        &wire.read(),
        408,
        "request_timeout",
        "Request timeout",
        "the head did not arrive within 1s",
    );
    assert!(wire.is_closed());
}

#[test]
fn a_body_that_stops_is_408_and_holds_no_thread() {
    let config = Config::new().body_grace(SHORT).max_threads(1);
    let server = Server::start(app(config));
    for path in ["/text", "/plain-text"] {
        let mut wire = Wire::to(server.addr);
        wire.write(format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nabc"
        ));
        // The one thread of the pool is free for others meanwhile.
        assert_eq!(server.get("/plain/x").status, 200);
        let detail = "the body came too slowly";
        check_problem(
            &wire.read(),
            408,
            "request_timeout",
            "Request timeout",
            detail,
        );
        assert!(wire.is_closed());
    }
}

#[test]
fn a_body_over_the_limit_is_never_asked_for() {
    let server = Server::start(app(Config::new()));
    for path in ["/text", "/plain-text"] {
        let mut wire = Wire::to(server.addr);
        let head = "host: test\r\ncontent-length: 3000000\r\nexpect: 100-continue\r\n\r\n";
        wire.write(format!("POST {path} HTTP/1.1\r\n{head}"));
        let reply = wire.read();
        assert_eq!(reply.status, 413, "and no 100 before it: {reply:?}");
        assert_eq!(reply.header("connection"), Some("close"));
        assert!(wire.is_closed());

        let mut wire = Wire::to(server.addr);
        let head = "host: test\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n";
        wire.write(format!("POST {path} HTTP/1.1\r\n{head}"));
        assert_eq!(wire.read_head().status, 100);
        wire.write("abc");
        assert_eq!(wire.read().text(), "abc");
    }
}

#[test]
fn a_client_behind_a_trusted_proxy_is_the_one_that_the_proxy_names() {
    let ask = |server: &Server, headers: &str| {
        let reply = server.send(&format!("GET /who HTTP/1.1\r\nhost: test\r\n{headers}\r\n"));
        reply.text().to_owned()
    };
    let named = "x-forwarded-for: 1.1.1.1, 192.0.2.7\r\n";
    let open = Server::start(app(Config::new()));
    assert_eq!(ask(&open, named), "127.0.0.1");
    let behind = Server::start(app(Config::new().trusted_proxies(["127.0.0.0/8"])));
    assert_eq!(ask(&behind, named), "192.0.2.7");
    assert_eq!(ask(&behind, "forwarded: for=192.0.2.8\r\n"), "192.0.2.8");
    assert_eq!(ask(&behind, ""), "127.0.0.1");
}

#[test]
fn http_2_with_prior_knowledge_is_served() {
    let server = Server::start(app(Config::new()));
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    // One HEADERS frame each: GET, http, `:path` and `:authority` as literals.
    for (id, path) in [(1_u8, "/hello/second"), (3, "/plain/third")] {
        let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        block.extend_from_slice(path.as_bytes());
        block.extend_from_slice(b"\x01\x04test");
        let mut frame = vec![0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, id];
        frame.extend_from_slice(&block);
        stream.write_all(&frame).unwrap();
    }
    let mut sent = Vec::new();
    let has = |sent: &[u8], text: &str| sent.windows(text.len()).any(|w| w == text.as_bytes());
    while !(has(&sent, "Hello, second!") && has(&sent, "Hello, third!")) {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "closed after {sent:?}");
        sent.extend_from_slice(&buffer[..read]);
    }
}

#[test]
fn every_request_that_was_sent_is_answered_when_the_server_stops() {
    let mut server = Server::start(app(Config::new()));
    let addr = server.addr;
    let gate = Gate::default();
    let counted = gate.clone();
    let clients = at_once(24, move |number| {
        let path = ["/hello/x", "/plain/x"][number % 2];
        let mut wire = Wire::to(addr);
        // Until the server says that it closes, no request may be lost.
        loop {
            wire.ask(path);
            let reply = wire.read();
            assert_eq!(reply.text(), "Hello, x!");
            counted.note(|counts| counts.begun += 1);
            if reply.header("connection") == Some("close") {
                return wire.is_closed();
            }
        }
    });
    gate.wait_for(|counts| counts.begun > 500);
    server.ask_to_stop();
    assert!(join(clients).into_iter().all(|closed| closed));
    server.stop().unwrap();
}

#[test]
fn what_stands_in_the_queue_is_answered_when_the_server_stops() {
    let gate = Gate::default();
    let config = Config::new()
        .max_threads(1)
        .queue_wait(Duration::from_secs(60));
    let app = App::new()
        .config(config)
        .state(gate.clone())
        .routes(routes![self::gate]);
    let mut server = Server::start(app);
    let ask = |_| {
        let mut wire = Wire::to(server.addr);
        wire.ask("/gate");
        wire
    };
    let waiting: Vec<Wire> = (0..8).map(ask).collect();
    gate.wait_for(|counts| counts.begun == 1);
    server.ask_to_stop();
    gate.open();
    for mut wire in waiting {
        assert_eq!(wire.read().text(), "through the gate");
    }
    server.stop().unwrap();
}

#[test]
fn a_small_body_that_a_handler_does_not_read_costs_no_connection() {
    let server = Server::start(app(Config::new()));
    for what in [
        "GET /hello/x",
        "GET /plain/x",
        "POST /ignores",
        "POST /ignores-plain",
        "POST /ignores-inline",
        "POST /nowhere",
        "POST /hello/x",
    ] {
        let mut wire = Wire::to(server.addr);
        let head = format!("{what} HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\n");
        // Together with the head, and after it.
        wire.write(format!("{head}abc{head}"));
        assert_eq!(wire.read().header("connection"), None, "{what}");
        wire.write("abc");
        assert_eq!(wire.read().header("connection"), None, "{what}");
        wire.ask("/hello/again");
        assert_eq!(wire.read().text(), "Hello, again!", "{what}");
    }
}
