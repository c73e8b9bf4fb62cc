use super::*;
use crate::server::accept::Server;

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

const ALL: usize = 70_000_000;

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_sees_its_refusal() {
    let server = start(Config::new()).await;
    let piece = vec![b'x'; 1_000_000];
    let mut client = server.connect().await;
    client.send(post("/refuse", ALL, "")).await;
    for _ in 0..ALL / piece.len() {
        client.send(&piece).await;
    }
    assert_eq!(client.answer().await.status, 413);
    client.is_closed_without_a_word().await;

    let mut client = server.connect().await;
    client
        .send("POST /refuse HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    for _ in 0..ALL / piece.len() {
        client.send(format!("{:x}\r\n", piece.len())).await;
        client.send(&piece).await;
        client.send("\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
    client.is_closed_without_a_word().await;
}

/// Sending ends with an error, since the server reads no more.
async fn sends_until_it_fails(client: &mut Client) {
    let endless = async { while client.stream.write_all(&[b'x'; 65_536]).await.is_ok() {} };
    within(endless).await;
}

#[tokio::test]
async fn reading_on_after_a_refusal_has_an_end() {
    let server = start(Config::new().linger_timeout(Duration::from_millis(100))).await;
    let mut client = server.connect().await;
    client.send(post("/refuse", 3_000_000_000, "")).await;
    assert_eq!(client.answer().await.status, 413);
    sends_until_it_fails(&mut client).await;
}

#[tokio::test]
async fn little_is_read_on_while_many_are() {
    let config = Config::new()
        .linger_timeout(Duration::from_secs(300))
        .body_grace(Duration::from_secs(300))
        .linger_limit(16 * 1024);
    let server = start(config.max_connections(8)).await;
    let mut first = server.connect().await;
    first.send(post("/refuse", 3_000_000_000, "")).await;
    assert_eq!(first.answer().await.status, 413);
    first.is_closed_without_a_word().await;
    // An eighth of all are read on now.
    let mut second = server.connect().await;
    second.send(post("/refuse", 3_000_000_000, "")).await;
    assert_eq!(second.answer().await.status, 413);
    sends_until_it_fails(&mut second).await;
    first.send(vec![b'x'; 1_000_000]).await;
}

#[tokio::test]
async fn a_refused_client_that_sends_nothing_more_gives_up_its_place() {
    let config = Config::new()
        .body_grace(Duration::from_millis(100))
        .max_connections(1);
    let server = start(config).await;
    let mut refused = server.connect().await;
    refused.send(post("/refuse", 3_000_000, "")).await;
    assert_eq!(refused.answer().await.status, 413);
    let mut next = server.connect().await;
    next.get("/next").await;
    assert_eq!(next.answer().await.status, 200);
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
async fn a_small_body_that_nobody_read_may_come_after_its_answer_is_made() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    for (body, calls) in [("bo", 1), ("dy", 2)] {
        client.send(post("/ignores-its-body", 4, "")).await;
        while server.calls() < calls {
            tokio::task::yield_now().await;
        }
        client.send(body).await;
        client.send("..").await;
        let answer = client.answer().await;
        assert!(!answer.closes(), "{}", answer.head);
    }
    client.get("/next").await;
    assert_eq!(client.answer().await.text(), "you asked for /next");
}

#[tokio::test]
async fn a_small_body_that_never_comes_costs_the_connection() {
    let server = start(Config::new().body_grace(Duration::from_millis(100))).await;
    let mut client = server.connect().await;
    client.send(post("/ignores-its-body", 4, "") + "bod").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert!(answer.closes());
    client.is_closed_without_a_word().await;
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
async fn an_answer_that_ends_with_its_connection_never_looks_whole_when_it_is_not() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.send("GET /panic-in-body HTTP/1.0\r\n\r\n").await;
    let error = client.rest().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

    let mut client = server.connect().await;
    client.send("GET /frames/200000 HTTP/1.0\r\n\r\n").await;
    client.take_head().await;
    assert!(client.rest().await.unwrap() == pattern(200_000));
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

#[tokio::test]
async fn a_date_is_right_after_the_clock_was_set_back() {
    let app = app(&Config::new());
    let server = Server::new(Arc::clone(&app), 16);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    // No sweeper runs, so this is how the clock stays for the server.
    let hour = Duration::from_secs(3_600);
    server.shared.date.note(date::wall_clock() + hour);
    let accepting = Arc::clone(&server);
    let accepting = tokio::spawn(async move { accepting.accept(&listener).await });
    let mut client = Client::to(addr).await;
    client.get("/a").await;
    assert_eq!(dates(&client.answer().await.head).len(), 1, "by hyper");
    server.shared.date.note(date::wall_clock());
    client.get("/a").await;
    let answer = client.answer().await;
    let dates = dates(&answer.head);
    assert_eq!(dates.len(), 1, "{}", answer.head);
    let date = httpdate::parse_http_date(dates[0]).unwrap();
    let age = date::wall_clock().duration_since(date).unwrap();
    assert!(age < PATIENCE, "{age:?}");
    accepting.abort();
}

fn dates(head: &str) -> Vec<&str> {
    head.lines()
        .filter_map(|line| line.strip_prefix("date: "))
        .collect()
}
