use super::*;

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    for path in ["/a", "/b", "/c"] {
        client.get(path).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, &*format!("you asked for {path}"))
        );
        assert!(!answer.closes());
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    let requests = [get("/a"), post("/echo", 4, "") + "body", get("/b")].concat();
    client.send(requests).await;
    for expected in ["you asked for /a", "body", "you asked for /b"] {
        assert_eq!(client.answer().await.text(), expected);
    }
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.stream.set_nodelay(true).unwrap();
    for byte in (post("/echo", 3, "") + "abc").bytes() {
        client.send([byte]).await;
    }
    assert_eq!(client.answer().await.text(), "abc");
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.send("3\r\nabc\r\n").await;
    client.send("2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "abcde");
    client.get("/again").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_broken_chunk_is_an_error_of_the_body() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 400);
    client.is_closed_without_a_word().await;
}

#[tokio::test]
async fn continue_is_sent_when_the_body_is_read_and_only_then() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client
        .send(post("/echo", 3, "Expect: 100-continue\r\n"))
        .await;
    assert_eq!(client.answer().await.status, 100);
    client.send("abc").await;
    assert_eq!(client.answer().await.text(), "abc");

    client
        .send(post("/refuse", 3_000_000, "Expect: 100-continue\r\n"))
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 413);
    assert!(answer.closes());
    client.is_closed_without_a_word().await;
}

#[tokio::test]
async fn a_refused_body_does_not_reset_the_answer() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.send(post("/refuse", 3_000_000, "")).await;
    // More than the socket's buffers hold: the server must read on.
    client.send(vec![b'x'; 200_000]).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 413);
    assert!(answer.closes());
    client.is_closed_without_a_word().await;
}

#[tokio::test]
async fn reading_on_after_a_refusal_has_an_end() {
    let config = Config::new().linger_timeout(Duration::from_millis(100));
    let server = start(config.linger_limit(16 * 1024)).await;
    let mut client = server.connect().await;
    client.send(post("/refuse", 3_000_000_000, "")).await;
    assert_eq!(client.answer().await.status, 413);
    // Sending ends with an error, since nobody reads any more.
    let endless = async { while client.stream.write_all(&[b'x'; 65_536]).await.is_ok() {} };
    within(endless).await;
}

#[tokio::test]
async fn a_small_body_that_nobody_read_costs_no_connection() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.send(post("/ignores-its-body", 4, "") + "body").await;
    let answer = client.answer().await;
    assert!(!answer.closes(), "{}", answer.head);
    client.get("/next").await;
    assert_eq!(client.answer().await.text(), "you asked for /next");
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_handler_along() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.get("/gate").await;
    within(server.app.entered.notified()).await;
    drop(client);
    within(server.app.abandoned.notified()).await;
}

#[tokio::test]
async fn a_panic_in_a_body_breaks_its_answer_off_and_nothing_else() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.get("/panic-in-body").await;
    let sent = client.rest().await.unwrap_or_default();
    assert!(!sent.ends_with(b"0\r\n\r\n"), "it must not look complete");

    let mut other = server.connect().await;
    other.get("/a").await;
    assert_eq!(other.answer().await.status, 200);
}

#[tokio::test]
async fn a_panic_in_a_task_ends_its_connection_and_nothing_else() {
    let server = start(Config::new().max_connections(1)).await;
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.get("/panic").await;
        client.rest().await.ok();
    }
    let mut other = server.connect().await;
    other.get("/a").await;
    assert_eq!(other.answer().await.status, 200);
}

#[tokio::test]
async fn accepting_pauses_while_all_connections_are_taken() {
    let server = start(Config::new().max_connections(1)).await;
    let mut first = server.connect().await;
    first.get("/a").await;
    assert_eq!(first.answer().await.status, 200);

    let mut second = server.connect().await;
    second.get("/b").await;
    first.get("/a").await;
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(server.calls(), 2, "the second connection waits");

    drop(first);
    assert_eq!(second.answer().await.text(), "you asked for /b");
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.send("GET /a HTTP/1.0\r\n\r\n").await;
    let sent = String::from_utf8(client.rest().await.unwrap()).unwrap();
    assert!(sent.starts_with("HTTP/1.0 200 OK\r\n"), "{sent}");
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client
        .send("HEAD /large HTTP/1.1\r\nHost: test\r\n\r\n")
        .await;
    assert!(client.take_head().await.contains("content-length: 200000"));
    client.get("/a").await;
    assert_eq!(client.answer().await.text(), "you asked for /a");
}
