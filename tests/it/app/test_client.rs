//! The client for tests: what it can send and what it can ask.

use hybrid::prelude::*;
use serde_json::{Value, json};

use crate::harness::{Gate, panics_at};

#[route("/echo", methods = [GET, POST, PUT, PATCH, DELETE, OPTIONS])]
async fn echo(request: Request) -> Json<Value> {
    let (head, body) = request.into_parts();
    let body = http_body_util::BodyExt::collect(body)
        .await
        .unwrap()
        .to_bytes();
    let header = |name: &str| {
        head.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    Json(json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "type": header("content-type"),
        "cookie": header("cookie"),
        "x": head.headers.get_all("x").iter().map(|x| x.to_str().unwrap()).collect::<Vec<_>>(),
        "body": std::str::from_utf8(&body).unwrap(),
    }))
}

#[get("/stand")]
async fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

#[get("/plain")]
fn plain() -> ([(&'static str, &'static str); 1], &'static str) {
    ([("x-answer", "42")], "text")
}

fn client(gate: &Gate) -> TestClient {
    TestClient::new(
        App::new()
            .state(gate.clone())
            .routes(routes![echo, stand, plain]),
    )
}

#[test]
fn a_request_is_put_together() {
    let client = client(&Gate::default());
    let check = |request: hybrid::TestRequest<'_>, key: &str, expected: Value| {
        assert_eq!(request.send().json::<Value>()[key], expected);
    };
    check(
        client.get("/echo").query("a b", "c&d").query("e", 1),
        "target",
        json!("/echo?a+b=c%26d&e=1"),
    );
    check(
        client.get("/echo?x=1").query("y", 2),
        "target",
        json!("/echo?x=1&y=2"),
    );
    check(
        client.get("/echo").header("x", 1).header("x", "two"),
        "x",
        json!(["1", "two"]),
    );
    check(
        client.get("/echo").cookie("a", 1).cookie("b", "c"),
        "cookie",
        json!("a=1; b=c"),
    );
    check(
        client.post("/echo").json(&json!([1, null])),
        "body",
        json!("[1,null]"),
    );
    check(
        client.post("/echo").json(&1),
        "type",
        json!("application/json"),
    );
    check(
        client.post("/echo").form(&[("a", "b c"), ("a", "d")]),
        "body",
        json!("a=b+c&a=d"),
    );
    check(
        client.put("/echo").form(&[("a", "b")]),
        "type",
        json!("application/x-www-form-urlencoded"),
    );
    check(client.patch("/echo").body("raw"), "body", json!("raw"));
    check(client.delete("/echo"), "method", json!("DELETE"));
    check(client.options("/echo"), "method", json!("OPTIONS"));
    let answer = client.post("/echo").multipart(&[("a", "b")]).send();
    assert!(
        answer.text().contains("multipart/form-data; boundary="),
        "{}",
        answer.text()
    );
}

#[test]
fn an_answer_is_asked() {
    let answer = client(&Gate::default()).get("/plain").send();
    assert_eq!(
        (answer.status(), answer.lane()),
        (StatusCode::OK, Lane::Pool)
    );
    assert_eq!((answer.text(), answer.bytes().len()), ("text", 4));
    assert_eq!(
        (answer.header("x-answer"), answer.header("none")),
        (Some("42"), None)
    );
}

#[tokio::test]
async fn requests_may_be_awaited_together_and_dropped() {
    let gate = Gate::default();
    let client = client(&gate);
    let (one, two) = tokio::join!(
        client.get("/plain").send_async(),
        client.get("/echo").send_async()
    );
    assert_eq!(
        (one.status(), two.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    // Dropped, it is a client that has left.
    tokio::select! {
        answer = client.get("/stand").send_async() => panic!("{answer:?}"),
        () = gate.reached(|counts| counts.begun == 1) => {}
    }
    gate.reached(|counts| counts.dropped == 1).await;
    gate.open();
    assert_eq!(client.get("/stand").send_async().await.text(), "through");
}

#[test]
#[should_panic(expected = "the application could not start")]
fn a_first_request_to_what_cannot_be_built_is_the_report() {
    TestClient::new(App::new().routes(routes![stand]))
        .get("/stand")
        .send();
}

#[test]
#[should_panic(expected = "no state of type `u8` to replace")]
fn replacing_nothing_proves_nothing() {
    let _ = client(&Gate::default()).replace_state(1_u8);
}

#[get("/broken")]
async fn broken() -> Body {
    let frames = [Ok(Bytes::from_static(b"a")), Err("it broke off".into())];
    Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(
        frames.map(|frame: Result<Bytes, hybrid::BoxError>| frame.map(hyper::body::Frame::data)),
    )))
}

/// The line of the test, not one of ours.
#[test]
fn a_wrong_expectation_panics_at_the_callers_line() {
    macro_rules! here {
        ($($wrong:tt)*) => {
            assert_eq!(
                panics_at(|| { let _value = { $($wrong)* }; }),
                (file!().to_owned(), line!()),
            )
        };
    }
    let client = TestClient::new(App::new().routes(routes![plain, broken]));
    here!(client.get("/plain").send().json::<u32>());
    here!(client.get("/nowhere").send().lane());
    here!(client.get("/plain").header("no name", 1));
    here!(client.get("/plain").header("x", "\n"));
    let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
    here!(client.get("/plain").json(&odd));
    here!(client.get("/plain").form(&1));
    here!(client.get("no path").send());
    here!(client.get("/broken").send());
    here!(client.get("no path").send_async());
    let broken = TestClient::new(App::new().routes(routes![plain, plain]));
    here!(broken.get("/plain").send());
    here!(TestClient::new(App::new()).replace_state(1_u8));
    here!(client.get("/").cookie("a", "\n").send());
}
