use hybrid_engine::{background, clock};

use super::*;

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = start(Config::new().header_timeout(SHORT)).await;
    server.connect().await.is_closed_without_a_word().await;
}

#[tokio::test]
async fn a_head_that_stops_is_408() {
    let server = start(Config::new().header_timeout(SHORT)).await;
    for part in ["G", "GET / HTTP/1.1\r\nHost: test\r\n"] {
        let mut client = server.connect().await;
        client.send(part).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (408, "request_timeout"));
        assert!(answer.closes());
        client.is_closed_without_a_word().await;
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn a_head_that_drips_is_408_although_bytes_keep_coming() {
    let server = start(Config::new().header_timeout(SHORT)).await;
    let mut client = server.connect().await;
    let mut drip = tokio::time::interval(SHORT / 10);
    let answer = loop {
        tokio::select! {
            answer = client.answer() => break answer,
            _ = drip.tick() => {}
        }
        client.send("x").await;
    };
    assert_eq!(answer.status, 408);
}

#[tokio::test]
async fn the_next_head_of_a_connection_has_the_same_limit() {
    let config = Config::new()
        .header_timeout(SHORT)
        .keep_alive(Duration::from_secs(60));
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(get("/a") + "GET /b").await;
    assert_eq!(client.answer().await.text(), "you asked for /a");
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn an_idle_connection_is_kept_and_then_closed() {
    let config = Config::new()
        .header_timeout(Duration::from_millis(50))
        .keep_alive(SHORT * 2);
    let server = start(config).await;
    let mut client = server.connect().await;
    // Before the request: the server is idle before the client has read its response.
    let asked = clock::now();
    client.get("/a").await;
    client.answer().await;
    client.is_closed_without_a_word().await;
    assert!(
        (clock::now() - asked) >= SHORT * 2,
        "{:?}",
        (clock::now() - asked)
    );
}

#[tokio::test]
async fn a_panic_of_the_sweeper_lets_no_connection_stay() {
    let server = start(Config::new().keep_alive(SHORT)).await;
    let mut client = server.connect().await;
    client.get("/a").await;
    client.answer().await;
    let failing = background::fail("sweeper");
    client.is_closed_without_a_word().await;
    assert!(failing.count() > 0);
}

#[tokio::test]
async fn a_handler_may_take_longer_than_every_limit_of_the_connection() {
    let config = Config::new()
        .header_timeout(SHORT)
        .keep_alive(SHORT)
        .write_timeout(SHORT);
    let server = start(config).await;
    let mut client = server.connect().await;
    client.get("/gate").await;
    within(server.app.entered.notified()).await;
    tokio::time::sleep(SHORT * 4).await;
    server.app.gate.notify_one();
    assert_eq!(client.answer().await.text(), "through the gate");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_broken_off() {
    let server = start(Config::new().write_timeout(SHORT)).await;
    let mut client = server.connect_with_small_buffer().await;
    client.get("/endless").await;
    within(server.app.body_dropped.notified()).await;
}

#[tokio::test]
async fn a_body_that_stops_is_408() {
    let config = Config::new().body_grace(SHORT);
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(post("/echo", 10, "") + "abc").await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.text()),
        (408, "the body came too slowly")
    );
    assert!(answer.closes());
    client.is_closed_without_a_word().await;
}

#[tokio::test]
async fn a_body_has_a_total_however_fast_it_comes() {
    let config = Config::new().body_timeout(SHORT).body_rate(0);
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(post("/echo", 10_000_000, "")).await;
    let mut drip = tokio::time::interval(SHORT / 10);
    let answer = loop {
        tokio::select! {
            answer = client.answer() => break answer,
            _ = drip.tick() => {}
        }
        client.send([b'x'; 100]).await;
    };
    assert_eq!(answer.status, 408);
}

#[tokio::test]
async fn a_body_that_comes_fast_enough_may_take_longer_than_the_grace() {
    let config = Config::new()
        .body_grace(Duration::from_millis(50))
        .body_rate(10);
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(post("/echo", 2_000, "")).await;
    let mut drip = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..20 {
        drip.tick().await;
        client.send([b'x'; 100]).await;
    }
    assert_eq!(client.answer().await.body.len(), 2_000);
}

#[tokio::test]
async fn a_body_that_nobody_waits_for_is_not_late() {
    let config = Config::new().body_grace(SHORT).body_timeout(SHORT);
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(post("/gate", 10, "")).await;
    within(server.app.entered.notified()).await;
    tokio::time::sleep(SHORT * 3).await;
    server.app.gate.notify_one();
    assert_eq!(client.answer().await.text(), "through the gate");
}

#[tokio::test]
async fn empty_lines_after_a_body_begin_no_head() {
    let config = Config::new()
        .header_timeout(SHORT)
        .keep_alive(Duration::from_secs(60));
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(post("/echo", 3, "") + "abc").await;
    assert_eq!(client.answer().await.text(), "abc");
    client.send("\r\n").await;
    tokio::time::sleep(SHORT * 4).await;
    client.get("/next").await;
    assert_eq!(client.answer().await.text(), "you asked for /next");

    // Where hyper has read them together with the body, the connection may end.
    client.send(post("/echo", 3, "") + "abc\r\n").await;
    assert_eq!(client.answer().await.text(), "abc");
    client.is_closed_without_a_word().await;
}
