//! Clients that leave, and deadlines that pass: what runs on, what never begins,
//! who is told, and what is held until the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::harness::{Gate, Server, Wire, eventually};

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

struct Noted;

#[extractor]
async fn noted(State(gate): State<Gate>) -> Noted {
    gate.note(|counts| counts.guarded += 1);
    Noted
}

#[post("/guarded")]
fn guarded(_noted: Noted, State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[get("/in-time", timeout = "200ms")]
fn in_time(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[get("/in-time-alone", timeout = "200ms", max_concurrency = 1)]
fn in_time_alone(State(gate): State<Gate>, cancel: Cancel) -> &'static str {
    gate.stand_asking(&cancel);
    "through"
}

#[get("/in-time-async", timeout = "200ms")]
async fn in_time_async(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

#[get("/closure-alone", timeout = "200ms", max_concurrency = 1)]
async fn closure_alone(State(gate): State<Gate>) -> Result<&'static str> {
    hybrid::run_on_pool(move || gate.stand()).await?;
    Ok("through")
}

#[post("/slow-body", timeout = "1s")]
async fn slow_body(#[body] text: String) -> String {
    text
}

#[post("/slow-body-plain", timeout = "1s")]
fn slow_body_plain(#[body] text: String) -> String {
    text
}

#[get("/async")]
async fn on_event(State(gate): State<Gate>) {
    gate.stand_async().await;
}

#[get("/async-detached", on_disconnect = detach)]
async fn on_event_detached(State(gate): State<Gate>) {
    gate.stand_async().await;
}

#[post("/async")]
async fn on_event_post(State(gate): State<Gate>) {
    gate.stand_async().await;
}

#[post("/async-cancelled", on_disconnect = cancel)]
async fn on_event_cancelled(State(gate): State<Gate>) {
    gate.stand_async().await;
}

#[get("/plain")]
fn on_pool(State(gate): State<Gate>, cancel: Cancel) {
    gate.stand_asking(&cancel);
}

#[get("/plain-detached", on_disconnect = detach)]
fn on_pool_detached(State(gate): State<Gate>, cancel: Cancel) {
    gate.stand_asking(&cancel);
}

#[post("/plain")]
fn on_pool_post(State(gate): State<Gate>, cancel: Cancel) {
    gate.stand_asking(&cancel);
}

#[post("/plain-cancelled", on_disconnect = cancel)]
fn on_pool_cancelled(State(gate): State<Gate>, cancel: Cancel) {
    gate.stand_asking(&cancel);
}

fn app(gate: &Gate) -> App {
    App::new().state(gate.clone()).routes(routes![
        stand,
        guarded,
        in_time,
        in_time_alone,
        in_time_async,
        closure_alone,
        slow_body,
        slow_body_plain,
        on_event,
        on_event_detached,
        on_event_post,
        on_event_cancelled,
        on_pool,
        on_pool_detached,
        on_pool_post,
        on_pool_cancelled,
    ])
}

fn ask(server: &Server, what: &str) -> Wire {
    let mut wire = Wire::to(server.addr);
    wire.write(format!(
        "{what} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n"
    ));
    wire
}

#[test]
fn a_client_that_leaves_while_its_ticket_waits_costs_no_run() {
    let gate = Gate::default();
    let app = app(&gate).middleware(gate.noting_who_leaves());
    let server = Server::start(app.config(Config::new().max_threads(1)));
    let mut first = ask(&server, "GET /stand");
    gate.wait_for(|counts| counts.begun == 1);
    // Takes the thread that is kept for routes that hold none.
    let mut other = ask(&server, "GET /plain");
    gate.wait_for(|counts| counts.begun == 2);
    // A POST: a running handler would be let finish, a waiting one is not begun.
    let second = ask(&server, "POST /guarded");
    gate.wait_for(|counts| counts.guarded == 1);
    drop(second);
    gate.wait_for(|counts| counts.left == 1);
    gate.open();
    assert_eq!((first.read().status, other.read().status), (200, 204));
    // First come, first served: the second would have run by now.
    assert_eq!(server.get("/stand").status, 200);
    assert_eq!(gate.counts().begun, 3);
}

#[test]
fn a_deadline_that_passes_in_the_queue_costs_no_run() {
    let gate = Gate::default();
    let server = Server::start(app(&gate).config(Config::new().max_threads(1)));
    let mut first = ask(&server, "GET /stand");
    gate.wait_for(|counts| counts.begun == 1);
    // Takes the thread that is kept for routes that hold none.
    let mut other = ask(&server, "GET /plain");
    gate.wait_for(|counts| counts.begun == 2);
    let late = server.get("/in-time");
    assert_eq!(
        (late.status, late.text()),
        (
            504,
            r#"{"type":"urn:hybrid:handler_timeout","title":"Handler timeout","status":504,"code":"handler_timeout","detail":"the handler did not answer in time"}"#
        )
    );
    gate.open();
    assert_eq!(first.read().status, 200);
    assert_eq!(other.read().status, 204);
    assert_eq!(server.get("/stand").status, 200);
    assert_eq!(gate.counts().begun, 3);
}

#[get("/waits-for-ever", timeout = "200ms")]
fn waits_for_ever(State(gate): State<Gate>) {
    gate.note(|counts| counts.begun += 1);
    let _ended = gate.on_drop(|counts| counts.ended += 1);
    hybrid::block_on(std::future::pending())
}

/// A thread cannot be stopped; a wait of ours can.
#[test]
fn a_deadline_ends_a_wait_in_a_plain_handler() {
    let gate = Gate::default();
    let app = App::new()
        .state(gate.clone())
        .routes(routes![waits_for_ever]);
    let server = Server::start(app.config(Config::new().max_threads(1)));
    eventually("a handler begins, and is late", || {
        let late = server.get("/waits-for-ever");
        assert_eq!(late.status, 504, "{late:?}");
        gate.counts().begun > 0
    });
    gate.wait_for(|counts| counts.ended == counts.begun);
}

/// A permit in the extractor and another in the body, as many permits as are taken
/// in extractors: every handler waits for one that another holds.
#[derive(Clone)]
struct Permits(Arc<Semaphore>);

struct Permit(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

#[extractor]
async fn permit(State(Permits(permits)): State<Permits>) -> Result<Permit> {
    Ok(Permit(permits.acquire_owned().await?))
}

#[post("/two-permits", timeout = "400ms")]
fn two_permits(_first: Permit, State(Permits(permits)): State<Permits>) -> Result<&'static str> {
    let _second = hybrid::block_on(permits.acquire_owned())?;
    Ok("both")
}

#[test]
fn handlers_that_wait_for_each_others_permits_recover() {
    let permits = Permits(Arc::new(Semaphore::new(4)));
    let app = App::new()
        .state(permits.clone())
        .routes(routes![two_permits]);
    let server = Server::start(app.config(Config::new().max_threads(16)));
    let asked = Instant::now();
    let mut wires: Vec<_> = (0..12).map(|_| ask(&server, "POST /two-permits")).collect();
    for wire in &mut wires {
        let status = wire.read().status;
        assert!(matches!(status, 200 | 503 | 504), "{status}");
    }
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "a request waited"
    );
    eventually("all permits are back", || {
        permits.0.available_permits() == 4
    });
    assert_eq!(ask(&server, "POST /two-permits").read().status, 200);
}

/// Asks until a handler stands at the gate: on a busy machine the first may be
/// late before it has a thread.
fn late_until_begun(client: &TestClient, path: &str, gate: &Gate) {
    eventually("a handler begins", || {
        assert_eq!(client.get(path).send().status(), 504);
        gate.counts().begun == 1
    });
}

#[test]
fn a_deadline_that_passes_while_a_plain_handler_runs_frees_nothing() {
    let gate = Gate::default();
    let client = TestClient::new(app(&gate));
    let orphans = |count: usize| {
        let orphans = format!("orphans: {count} }}");
        eventually(&orphans, || format!("{client:?}").contains(&orphans));
    };
    late_until_begun(&client, "/in-time-alone", &gate);
    gate.wait_for(|counts| counts.cancelled == 1);
    orphans(1);
    // The only permit of the route is held by the job that runs on.
    let refused = client.get("/in-time-alone").send();
    assert_eq!(refused.status(), 504);
    assert_eq!((gate.counts().begun, gate.counts().ended), (1, 0));
    gate.open();
    gate.wait_for(|counts| counts.ended == 1);
    orphans(0);
    // Not at the first time where the machine is too busy to be in time.
    eventually("the permit is free", || {
        client.get("/in-time-alone").send().status() == 200
    });
    assert_eq!(gate.counts().most, 1);
}

/// What an async handler runs on the pool outlives it, and holds its permit.
#[test]
fn a_closure_that_outlives_its_handler_frees_nothing() {
    let gate = Gate::default();
    let client = TestClient::new(app(&gate));
    late_until_begun(&client, "/closure-alone", &gate);
    assert_eq!(client.get("/closure-alone").send().status(), 504);
    assert_eq!((gate.counts().begun, gate.counts().ended), (1, 0));
    gate.open();
    gate.wait_for(|counts| counts.ended == 1);
    eventually("the permit is free", || {
        client.get("/closure-alone").send().status() == 200
    });
    assert_eq!(gate.counts().most, 1);
}

/// The body takes longer than the handler may.
#[test]
fn the_time_of_a_handler_begins_with_the_complete_body() {
    let server = Server::start(app(&Gate::default()));
    for path in ["/slow-body", "/slow-body-plain"] {
        let mut wire = Wire::to(server.addr);
        let head = "HTTP/1.1\r\nhost: test\r\ncontent-length: 8\r\n\r\n";
        wire.write(format!("POST {path} {head}half"));
        std::thread::sleep(Duration::from_millis(1500));
        wire.write("half");
        let reply = wire.read();
        assert_eq!((reply.status, reply.text()), (200, "halfhalf"));
    }
}

#[test]
fn a_deadline_that_passes_drops_an_async_handler() {
    let gate = Gate::default();
    let client = TestClient::new(app(&gate));
    late_until_begun(&client, "/in-time-async", &gate);
    assert_eq!((gate.counts().begun, gate.counts().dropped), (1, 1));
    gate.open();
    // Not at the first time where the machine is too busy to be in time.
    eventually("it is in time", || {
        client.get("/in-time-async").send().text() == "through"
    });
}

/// What becomes of a running handler whose client leaves: it goes through once
/// the gate opens, or it was dropped or told before.
fn check(what: &str, cancelled: usize, dropped: usize) {
    for layered in [false, true] {
        let gate = Gate::default();
        let app = app(&gate);
        let app = if layered {
            app.middleware(gate.noting_who_leaves())
        } else {
            app
        };
        let server = Server::start(app);
        let client = ask(&server, what);
        gate.wait_for(|counts| counts.begun == 1);
        drop(client);
        if layered {
            gate.wait_for(|counts| counts.left == 1);
        }
        gate.wait_for(|counts| (counts.cancelled, counts.dropped) == (cancelled, dropped));
        gate.open();
        gate.wait_for(|counts| counts.ended == 1);
        // What was detached belongs to the server, which waits for it.
        server.stop().unwrap();
        let counts = gate.counts();
        assert_eq!(
            (counts.cancelled, counts.dropped),
            (cancelled, dropped),
            "{what} {layered}"
        );
    }
}

#[test]
fn reading_methods_are_cancelled_when_their_client_leaves() {
    check("GET /async", 0, 1);
    check("GET /plain", 1, 0);
    check("POST /async-cancelled", 0, 1);
    check("POST /plain-cancelled", 1, 0);
}

#[test]
fn other_methods_finish_when_their_client_leaves() {
    check("POST /async", 0, 0);
    check("POST /plain", 0, 0);
    check("GET /async-detached", 0, 0);
    check("GET /plain-detached", 0, 0);
}

/// Stopping waits for handlers that outlive their clients.
#[test]
fn a_server_that_stops_lets_detached_handlers_finish() {
    let gate = Gate::default();
    let app = app(&gate).middleware(gate.noting_who_leaves());
    let mut server = Server::start(app);
    let clients = [ask(&server, "POST /async"), ask(&server, "POST /plain")];
    gate.wait_for(|counts| counts.begun == 2);
    drop(clients);
    gate.wait_for(|counts| counts.left == 2);
    server.ask_to_stop();
    std::thread::spawn({
        let gate = gate.clone();
        move || {
            // Proves nothing by itself: it gives a server that would not wait
            // the time to end.
            std::thread::sleep(Duration::from_millis(300));
            gate.open();
        }
    });
    server.stop().unwrap();
    assert_eq!((gate.counts().ended, gate.counts().dropped), (2, 0));
}
