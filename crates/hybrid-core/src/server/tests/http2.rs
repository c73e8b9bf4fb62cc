use h2::client::{ResponseFuture, SendRequest};
use http::Version;

use super::*;

const SHORT: Duration = Duration::from_millis(150);

/// A client of HTTP/2 whose connection is driven in a task.
struct Second {
    send: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

async fn connect(server: &Running, builder: &h2::client::Builder) -> Second {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (send, connection) = builder.handshake(stream).await.unwrap();
    Second {
        send,
        driver: tokio::spawn(connection),
    }
}

impl Second {
    async fn request(&mut self, path: &str) -> ResponseFuture {
        let request = http::Request::builder().uri(format!("http://test{path}"));
        let request = request.version(Version::HTTP_2).body(()).unwrap();
        within(self.ready())
            .await
            .send_request(request, true)
            .unwrap()
            .0
    }

    async fn post(&mut self, path: &str) -> (ResponseFuture, h2::SendStream<Bytes>) {
        let request = http::Request::post(format!("http://test{path}"));
        let request = request.version(Version::HTTP_2).body(()).unwrap();
        within(self.ready())
            .await
            .send_request(request, false)
            .unwrap()
    }

    async fn ready(&mut self) -> SendRequest<Bytes> {
        self.send.clone().ready().await.unwrap()
    }

    /// Returns once the server has closed the connection.
    async fn closed(self) {
        drop(self.send);
        within(self.driver).await.unwrap().ok();
    }
}

async fn read(response: ResponseFuture) -> (u16, String) {
    let response = within(response).await.unwrap();
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut all = Vec::new();
    while let Some(data) = within(body.data()).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    (status, String::from_utf8(all).unwrap())
}

fn plain() -> h2::client::Builder {
    h2::client::Builder::new()
}

#[tokio::test]
async fn requests_with_prior_knowledge_are_served() {
    let server = start(Config::new()).await;
    let mut client = connect(&server, &plain()).await;
    let (one, other) = (client.request("/a").await, client.request("/large").await);
    assert_eq!(read(one).await, (200, "you asked for /a".to_owned()));
    assert_eq!(read(other).await.1.len(), 200_000);
}

#[tokio::test]
async fn a_body_is_read_and_one_that_stops_is_408() {
    let server = start(Config::new().body_grace(SHORT)).await;
    let mut client = connect(&server, &plain()).await;
    let (answer, mut body) = client.post("/echo").await;
    body.send_data(Bytes::from_static(b"abc"), true).unwrap();
    assert_eq!(read(answer).await, (200, "abc".to_owned()));

    let (answer, mut body) = client.post("/echo").await;
    body.send_data(Bytes::from_static(b"abc"), false).unwrap();
    assert_eq!(read(answer).await.0, 408);
    let next = client.request("/a").await;
    assert_eq!(read(next).await.0, 200, "the connection lives");
}

#[tokio::test]
async fn a_stream_that_is_not_taken_is_reset_and_the_others_live() {
    let server = start(Config::new().write_timeout(SHORT)).await;
    // The connection's window has room for others when a stream's is used up.
    let mut client = connect(&server, plain().initial_connection_window_size(1 << 20)).await;
    let stuck = within(client.request("/endless").await).await.unwrap();
    within(server.app.body_dropped.notified()).await;
    let next = client.request("/a").await;
    assert_eq!(read(next).await.0, 200);
    let mut body = stuck.into_body();
    let error = loop {
        match within(body.data()).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it must not end cleanly"),
        }
    };
    assert!(error.is_reset(), "{error}");
}

#[tokio::test]
async fn small_answers_that_are_not_taken_are_reset_too() {
    let server = start(Config::new().write_timeout(SHORT).keep_alive(SHORT)).await;
    let mut client = connect(&server, plain().initial_window_size(0)).await;
    let response = within(client.request("/a").await).await.unwrap();
    let mut body = response.into_body();
    assert!(within(body.data()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_panic_in_a_stream_leaves_the_others_alone() {
    let server = start(Config::new()).await;
    let mut client = connect(&server, &plain()).await;
    for path in ["/panic", "/panic-in-body"] {
        let response = within(client.request(path).await).await;
        if let Ok(response) = response {
            let mut body = response.into_body();
            while let Some(Ok(data)) = within(body.data()).await {
                body.flow_control().release_capacity(data.len()).unwrap();
            }
        }
        let next = client.request("/a").await;
        assert_eq!(read(next).await.0, 200, "after {path}");
    }
}

#[tokio::test]
async fn bad_heads_are_refused_and_the_connection_lives() {
    let server = start(Config::new().headers_max(5)).await;
    let mut client = connect(&server, &plain()).await;
    let nul = client.request("/%00").await;
    assert_eq!(read(nul).await, (400, "malformed_request".to_owned()));
    let long = client.request(&format!("/{}", "a".repeat(9_000))).await;
    assert_eq!(read(long).await.0, 414);
    let mut many = http::Request::builder()
        .uri("http://test/")
        .version(Version::HTTP_2);
    for _ in 0..6 {
        many = many.header("x", "1");
    }
    let many = client
        .ready()
        .await
        .send_request(many.body(()).unwrap(), true)
        .unwrap()
        .0;
    assert_eq!(read(many).await, (431, "headers_too_large".to_owned()));
    let next = client.request("/a").await;
    assert_eq!(read(next).await.0, 200);
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_client_that_resets_takes_its_handler_along() {
    let server = start(Config::new()).await;
    let mut client = connect(&server, &plain()).await;
    let response = client.request("/gate").await;
    within(server.app.entered.notified()).await;
    drop(response);
    within(server.app.abandoned.notified()).await;
}

#[tokio::test]
async fn no_more_streams_run_than_are_allowed() {
    let server = start(Config::new().http2_streams_max(2)).await;
    let mut client = connect(&server, &plain()).await;
    // The first answer shows that the server's SETTINGS have come.
    let first = client.request("/a").await;
    read(first).await;
    let (one, other) = (client.request("/gate").await, client.request("/gate").await);
    let third = client.request("/a").await;
    within(server.app.entered.notified()).await;
    assert!(server.calls() <= 3);
    for _ in 0..2 {
        server.app.gate.notify_one();
        tokio::task::yield_now().await;
    }
    let opener = async {
        loop {
            server.app.gate.notify_one();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = opener => {}
        () = async { read(one).await; read(other).await; read(third).await; } => {}
    }
}

#[tokio::test]
async fn preface_and_settings_have_the_limit_of_a_head() {
    let server = start(Config::new().header_timeout(SHORT)).await;
    for part in [
        "PRI * HT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x03",
    ] {
        let mut client = server.connect().await;
        client.send(part).await;
        // The server's own SETTINGS may have been sent; no HTTP/1 answer is.
        let sent = client.rest().await.unwrap_or_default();
        assert!(!sent.starts_with(b"HTTP"), "{sent:?}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go() {
    let server = start(Config::new().keep_alive(SHORT)).await;
    let mut client = connect(&server, &plain()).await;
    let first = client.request("/a").await;
    read(first).await;
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_dropped() {
    let config = Config::new().http2_ping(SHORT).http2_ping_timeout(SHORT);
    let server = start(config).await;
    let mut client = server.connect().await;
    // Preface and an empty SETTINGS frame, and nothing more.
    client
        .send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    client.rest().await.ok();
}

#[tokio::test]
async fn what_runs_is_answered_when_the_server_stops() {
    let mut server = start(Config::new()).await;
    let mut client = connect(&server, &plain()).await;
    let running = client.request("/gate").await;
    within(server.app.entered.notified()).await;
    server.stop();
    server.app.gate.notify_one();
    assert_eq!(read(running).await.1, "through the gate");
    client.closed().await;
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn streams_that_do_not_finish_are_cut() {
    let mut server = start(Config::new().shutdown_grace(Duration::from_millis(300))).await;
    let mut client = connect(&server, &plain()).await;
    let running = client.request("/gate").await;
    within(server.app.entered.notified()).await;
    server.stop();
    within(server.app.abandoned.notified()).await;
    assert!(within(running).await.is_err());
    assert_eq!(server.outcome().await.cut, 1);
}

#[tokio::test]
async fn resets_without_end_end_the_connection() {
    let server = start(
        Config::new()
            .http2_pending_resets_max(1)
            .http2_errors_max(1),
    )
    .await;
    let mut client = server.connect().await;
    client
        .send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    // HEADERS (GET http://a/, END_STREAM | END_HEADERS) and RST_STREAM, again and again.
    let mut frames = Vec::new();
    for id in (1_u32..2_001).step_by(2) {
        let block = [0x82, 0x86, 0x84, 0x41, 0x01, b'a'];
        frames.extend_from_slice(&[0, 0, block.len() as u8, 1, 5]);
        frames.extend_from_slice(&id.to_be_bytes());
        frames.extend_from_slice(&block);
        frames.extend_from_slice(&[0, 0, 4, 3, 0]);
        frames.extend_from_slice(&id.to_be_bytes());
        frames.extend_from_slice(&8_u32.to_be_bytes());
    }
    client.stream.write_all(&frames).await.ok();
    client.rest().await.ok();
    assert!(server.calls() < 1_000, "{}", server.calls());
}
