use super::*;

/// Long enough that a test which waits for it fails by `PATIENCE` first.
const NEVER: Duration = Duration::from_secs(3_000);

#[tokio::test]
async fn what_runs_is_answered_and_the_connection_closed() {
    let mut server = start(Config::new().shutdown_grace(NEVER)).await;
    let mut client = server.connect().await;
    client.get("/gate").await;
    within(server.app.entered.notified()).await;
    server.stop();
    server.app.gate.notify_one();
    let answer = client.answer().await;
    assert_eq!(answer.text(), "through the gate");
    client.is_closed_without_a_word().await;
    assert!(server.app.stopping.load(Ordering::SeqCst));
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn an_idle_connection_is_served_a_little_longer() {
    let mut server = start(Config::new().drain_idle(Duration::from_secs(60))).await;
    let (mut idle, mut fresh) = (server.connect().await, server.connect().await);
    idle.get("/a").await;
    assert!(!idle.answer().await.closes());
    fresh.get("/a").await;
    fresh.answer().await;
    server.stop();
    // Asks until the server has noticed: from then on answers close.
    while {
        idle.get("/a").await;
        !idle.answer().await.closes()
    } {}
    idle.is_closed_without_a_word().await;
    fresh.get("/b").await;
    assert!(fresh.answer().await.closes());
    fresh.is_closed_without_a_word().await;
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn idle_connections_are_closed_then() {
    let mut server = start(Config::new().shutdown_grace(NEVER)).await;
    let (mut idle, mut silent) = (server.connect().await, server.connect().await);
    idle.get("/a").await;
    idle.answer().await;
    server.stop();
    idle.is_closed_without_a_word().await;
    silent.is_closed_without_a_word().await;
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn pipelined_requests_that_were_sent_are_all_answered() {
    let mut server = start(Config::new().shutdown_grace(NEVER)).await;
    let mut client = server.connect().await;
    client.send(get("/gate") + &get("/a") + &get("/b")).await;
    within(server.app.entered.notified()).await;
    server.stop();
    within(wait_until(|| server.app.stopping.load(Ordering::SeqCst))).await;
    server.app.gate.notify_one();
    assert!(!client.answer().await.closes());
    assert!(!client.answer().await.closes());
    assert_eq!(client.answer().await.text(), "you asked for /b");
    client.is_closed_without_a_word().await;
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn a_head_that_has_begun_is_finished() {
    let config = Config::new()
        .drain_idle(Duration::ZERO)
        .shutdown_grace(NEVER);
    let mut server = start(config).await;
    let mut client = server.connect().await;
    client.get("/a").await;
    client.answer().await;
    client.send("GET /b HTTP/1.1\r\n").await;
    // A second client shows that the server has read what the first one sent.
    let mut other = server.connect().await;
    other.get("/c").await;
    other.answer().await;
    server.stop();
    other.is_closed_without_a_word().await;
    client.send("Host: test\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.text(), "you asked for /b");
    assert!(answer.closes());
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn connections_that_wait_to_be_accepted_are_served() {
    let config = Config::new().max_connections(1).shutdown_grace(NEVER);
    let mut server = start(config).await;
    let mut first = server.connect().await;
    first.get("/gate").await;
    within(server.app.entered.notified()).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut client = server.connect().await;
        client.get("/a").await;
        waiting.push(client);
    }
    server.stop();
    server.app.gate.notify_one();
    first.answer().await;
    for mut client in waiting {
        assert_eq!(client.answer().await.text(), "you asked for /a");
    }
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_request_that_was_sent_is_answered() {
    let mut server = start(Config::new().shutdown_grace(NEVER)).await;
    let (count, mut counted) = tokio::sync::mpsc::channel(1_000);
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = server.connect().await;
        let count = count.clone();
        clients.push(tokio::spawn(async move {
            // Until the server says that it closes, no request may be lost.
            loop {
                client.get("/a").await;
                let answer = client.answer().await;
                assert_eq!(answer.status, 200);
                if answer.closes() {
                    return;
                }
                count.try_send(()).ok();
            }
        }));
    }
    for _ in 0..400 {
        within(counted.recv()).await;
    }
    server.stop();
    for client in clients {
        within(client).await.unwrap();
    }
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn nothing_is_accepted_after_the_stop() {
    let mut server = start(Config::new()).await;
    let addr = server.addr;
    server.stop();
    server.outcome().await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn accepting_goes_on_for_the_drain_delay() {
    let mut server = start(Config::new().drain_delay(Duration::from_millis(500))).await;
    server.stop();
    within(wait_until(|| server.app.stopping.load(Ordering::SeqCst))).await;
    let mut client = server.connect().await;
    client.get("/a").await;
    assert!(!client.answer().await.closes());
    client.is_closed_without_a_word().await;
    assert_eq!(server.outcome().await.cut, 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_counted() {
    let mut server = start(Config::new().shutdown_grace(Duration::from_millis(400))).await;
    let mut client = server.connect().await;
    client.get("/gate").await;
    within(server.app.entered.notified()).await;
    server.stop();
    within(server.app.abandoned.notified()).await;
    client.rest().await.ok();
    assert_eq!(server.outcome().await.cut, 1);
}

#[tokio::test]
async fn a_second_request_to_stop_does_not_wait() {
    let mut server = start(Config::new().shutdown_grace(NEVER)).await;
    let mut client = server.connect().await;
    client.get("/gate").await;
    within(server.app.entered.notified()).await;
    let (hurry, hurried) = oneshot::channel::<()>();
    let at_once = Box::pin(async move { hurried.await.unwrap_or_default() });
    server.stop_with(Stop {
        cause: "the test",
        at_once,
    });
    within(wait_until(|| server.app.stopping.load(Ordering::SeqCst))).await;
    hurry.send(()).unwrap();
    assert_eq!(server.outcome().await.cut, 1);
}

/// Lets other tasks run until something holds.
async fn wait_until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}
