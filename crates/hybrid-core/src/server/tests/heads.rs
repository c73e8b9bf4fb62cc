use super::*;

/// Sends a head and returns the answer, after which the connection is closed.
async fn refused(config: Config, head: &str) -> Answer {
    let server = start(config).await;
    let mut client = server.connect().await;
    client.send(head).await;
    let answer = client.answer().await;
    assert!(answer.closes(), "{}", answer.head);
    client.is_closed_without_a_word().await;
    assert_eq!(server.calls(), 0);
    answer
}

async fn check(head: &str, status: u16, code: &str) {
    let answer = refused(Config::new(), head).await;
    assert_eq!((answer.status, answer.text()), (status, code), "{head}");
    assert!(answer.head.contains("date: "), "{}", answer.head);
}

#[tokio::test]
async fn what_is_no_http_is_400() {
    for head in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: test\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nbad header: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\n folded: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 18446744073709551615\r\n\r\nbody",
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        check(head, 400, "malformed_request").await;
    }
}

#[tokio::test]
async fn what_hyper_lets_through_is_refused() {
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        check(head, 400, "malformed_request").await;
    }
    for bytes in [33, 40_000, 100_000] {
        let head = format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(bytes));
        check(&head, 501, "not_implemented").await;
    }
    check(
        "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
        501,
        "not_implemented",
    )
    .await;
    check(
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        501,
        "not_implemented",
    )
    .await;
    let unknown = "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n";
    check(unknown, 417, "expectation_failed").await;
    let long = format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(33));
    check(&long, 501, "not_implemented").await;
}

#[tokio::test]
async fn options_on_the_server_is_204() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 204);
    assert!(!answer.closes());
}

#[tokio::test]
async fn long_targets_are_414_whether_they_fit_a_head_or_not() {
    for length in [9 * 1024, 60 * 1024, 70 * 1024, 200 * 1024] {
        let head = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length));
        check(&head, 414, "uri_too_long").await;
    }
}

#[tokio::test]
async fn large_heads_and_many_headers_are_431() {
    let large = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n",
        "a".repeat(70_000)
    );
    check(&large, 431, "headers_too_large").await;
    let many = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "x: 1\r\n".repeat(100)
    );
    check(&many, 431, "headers_too_large").await;
    let few = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: 1\r\n".repeat(5));
    let answer = refused(Config::new().headers_max(5), &few).await;
    assert_eq!((answer.status, answer.text()), (431, "headers_too_large"));
}

#[tokio::test]
async fn a_bad_head_behind_a_good_request_leaves_its_answer_alone() {
    let server = start(Config::new()).await;
    let mut client = server.connect().await;
    client.send(get("/a") + "nonsense\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "you asked for /a");
    assert_eq!(client.answer().await.status, 400);
    client.is_closed_without_a_word().await;
}
