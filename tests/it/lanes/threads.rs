//! Where handlers run: a plain `fn` on a pool thread and never on an event loop,
//! whatever happens there; an `async fn` on a loop.

use std::{sync::Mutex, time::Duration};

use hybrid::prelude::*;

use crate::harness::{Gate, Server, Wire, at_once, join};

fn place() -> String {
    let current = hybrid::current();
    let lane = current.lane().expect("a request runs");
    format!("{lane} {}", current.thread())
}

#[get("/async")]
async fn on_event() -> String {
    tokio::task::yield_now().await;
    place()
}

#[get("/plain")]
fn on_pool() -> String {
    place()
}

#[get("/inline", lane = inline)]
fn on_loop() -> String {
    place()
}

#[get("/border")]
async fn border() -> Result<String> {
    let there = hybrid::run_on_pool(place).await?;
    Ok(format!("{there}, back {}", place()))
}

#[get("/sleep")]
fn sleep(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "slept"
}

#[get("/hello/{name}")]
async fn hello(name: String) -> String {
    format!("Hello, {name}!")
}

fn app() -> App {
    App::new().routes(routes![on_event, on_pool, on_loop, border])
}

#[test]
fn threads_say_where_a_handler_runs() {
    let check = |path: &str, lane: Lane, expected: &str| {
        let client = TestClient::new(app().config(Config::new().expose_lane(true)));
        for _ in 0..50 {
            let answer = client.get(path).send();
            assert_eq!(answer.lane(), lane);
            assert_eq!(answer.header("x-hybrid-lane"), Some(lane.as_str()));
            let text = answer.text().trim_end_matches(|c: char| c.is_ascii_digit());
            assert_eq!(text, expected);
        }
    };
    check("/async", Lane::Event, "event hybrid-loop-");
    check("/plain", Lane::Pool, "pool hybrid-pool-");
    check("/inline", Lane::Inline, "inline hybrid-loop-");
}

#[test]
fn a_closure_on_the_pool_is_on_the_pool() {
    let client = TestClient::new(app());
    let answer = client.get("/border").send();
    let (there, back) = answer.text().split_once(", back ").unwrap();
    assert!(there.starts_with("pool hybrid-pool-"), "{there}");
    assert!(back.starts_with("event hybrid-loop-"), "{back}");
}

/// Eight threads, and 64 handlers that sleep until all of them are let go: the loops
/// answer as if nothing were. No clock is needed to see it: two sleepers on the two
/// loops would keep them from any answer, and one would be a ninth that has begun.
#[test]
fn sleeping_handlers_do_not_hold_the_loops() {
    let gate = Gate::default();
    let config = Config::new()
        .max_threads(8)
        .queue_wait(Duration::from_secs(60))
        .request_timeout(Duration::from_secs(60))
        .expose_lane(true);
    let app = App::new().state(gate.clone()).config(config);
    let server = Server::start(app.routes(routes![sleep, hello]));
    let addr = server.addr;
    let sleepers = at_once(64, move |_| {
        let mut wire = Wire::to(addr);
        wire.ask("/sleep");
        wire.read()
    });
    gate.wait_for(|counts| counts.begun == 8);
    for _ in 0..200 {
        let answer = server.get("/hello/x");
        assert_eq!((answer.status, answer.text()), (200, "Hello, x!"));
        assert_eq!(answer.header("x-hybrid-lane"), Some("event"));
    }
    assert_eq!((gate.counts().begun, gate.counts().ended), (8, 0));
    gate.open();
    for reply in join(sleepers) {
        assert_eq!((reply.status, reply.text()), (200, "slept"));
        assert_eq!(reply.header("x-hybrid-lane"), Some("pool"));
    }
    assert_eq!((gate.counts().begun, gate.counts().most), (64, 8));
    server.stop().unwrap();
}

// === Bodies ===

/// Where each body was judged.
static JUDGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note_thread(_: &u8) -> Result<(), String> {
    let name = hybrid::current().thread();
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    JUDGED.lock().unwrap().push(kind.to_owned());
    Ok(())
}

#[model]
struct Heavy {
    #[field(custom = note_thread)]
    id: u8,
    filler: String,
}

#[post("/heavy-async")]
async fn heavy_async(_body: Json<Heavy>) -> String {
    place()
}

#[post("/heavy-plain")]
fn heavy_plain(_body: Json<Heavy>) -> String {
    place()
}

#[post("/heavy-inline", lane = inline)]
fn heavy_inline(_body: Json<Heavy>) -> String {
    place()
}

#[post("/heavy-form")]
async fn heavy_form(_body: Form<Heavy>) -> String {
    place()
}

/// Nothing that grows with what a client sent is parsed on a loop.
#[test]
fn large_bodies_are_parsed_on_the_pool() {
    let app = App::new().routes(routes![heavy_async, heavy_plain, heavy_inline, heavy_form]);
    let client = TestClient::new(app);
    let check = |path: &str, length: usize, judged: &str, ran: &str| {
        let body = Heavy {
            id: 1,
            filler: "x".repeat(length),
        };
        let request = client.post(path);
        let request = if path == "/heavy-form" {
            request.form(&body)
        } else {
            request.json(&body)
        };
        let answer = request.send();
        let text = answer.text().trim_end_matches(|c: char| c.is_ascii_digit());
        assert_eq!((answer.status().as_u16(), text), (200, ran), "{path}");
        let seen = std::mem::take(&mut *JUDGED.lock().unwrap());
        assert!(
            seen.iter().all(|thread| thread == judged) && !seen.is_empty(),
            "{seen:?}"
        );
    };
    let (on_loop, on_pool) = ("hybrid-loop-", "hybrid-pool-");
    for (path, ran) in [
        ("/heavy-async", "event hybrid-loop-"),
        ("/heavy-inline", "inline hybrid-loop-"),
        ("/heavy-form", "event hybrid-loop-"),
    ] {
        check(path, 10, on_loop, ran);
        check(path, 17 * 1024, on_pool, ran);
    }
    check("/heavy-plain", 10, on_pool, "pool hybrid-pool-");
    check("/heavy-plain", 17 * 1024, on_pool, "pool hybrid-pool-");
}
