//! Bounds: what is refused when the pool, its queue or a route is full, how long
//! is waited, and that no other request notices.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use hybrid::prelude::*;

use crate::harness::{Gate, Reply, Server, Wire, at_once, join};

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[get("/two-at-once", max_concurrency = 2)]
fn two_at_once(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[get("/two-at-once-async", max_concurrency = 2)]
async fn two_at_once_async(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

#[get("/closure")]
async fn closure(State(gate): State<Gate>) -> Result<&'static str> {
    Ok(
        hybrid::run_on_pool(move || gate.note(|counts| counts.guarded += 1))
            .await
            .map(|()| "ran")?,
    )
}

#[get("/hello")]
async fn hello() -> &'static str {
    "hello"
}

fn start(gate: &Gate, config: Config) -> Server {
    let routes = routes![stand, two_at_once, two_at_once_async, closure, hello];
    Server::start(App::new().state(gate.clone()).config(config).routes(routes))
}

fn assert_overloaded(reply: &Reply, detail: &str) {
    let seconds = reply
        .header("retry-after")
        .and_then(|value| value.parse().ok());
    assert!(
        seconds.is_some_and(|seconds: u32| seconds >= 1),
        "{reply:?}"
    );
    let expected = format!(
        r#"{{"type":"urn:hybrid:overloaded","title":"Overloaded","status":503,"code":"overloaded","detail":"{detail}"}}"#
    );
    assert_eq!((reply.status, reply.text()), (503, &*expected));
}

/// The handlers stand at a gate instead of sleeping for a second, so "at once"
/// needs no clock: the refusals are read while nothing has been answered. 20 find
/// a place; a few fewer where the pool's threads have not begun yet.
#[test]
fn a_full_queue_refuses_at_once_and_counts_add_up() {
    let gate = Gate::default();
    let config = Config::new()
        .max_threads(4)
        .queue_depth(16)
        .queue_wait(Duration::from_secs(60));
    let config = config
        .request_timeout(Duration::from_secs(60))
        .expose_lane(true);
    let server = start(&gate, config);
    let (say, hear) = mpsc::channel();
    let addr = server.addr;
    let clients = at_once(200, move |_| {
        let mut wire = Wire::to(addr);
        wire.ask("/stand");
        say.send(wire.read()).unwrap();
    });
    let at_the_gate: Vec<Reply> = hear.iter().take(180).collect();
    for refused in &at_the_gate {
        assert_overloaded(refused, "the queue for a thread is full");
        assert_eq!(refused.header("x-hybrid-lane"), Some("pool"));
    }
    for _ in 0..50 {
        let answer = server.get("/hello");
        assert_eq!((answer.status, answer.text()), (200, "hello"));
    }
    assert_eq!(gate.counts().ended, 0);
    gate.open();
    let (served, refused): (Vec<Reply>, Vec<Reply>) =
        hear.iter().partition(|reply| reply.status == 200);
    for refused in &refused {
        assert_overloaded(refused, "the queue for a thread is full");
    }
    assert!(
        (16..=20).contains(&served.len()),
        "{} were served",
        served.len()
    );
    assert_eq!(at_the_gate.len() + served.len() + refused.len(), 200);
    assert_eq!(gate.counts().begun, served.len());
    assert!(gate.counts().most <= 4);
    join(clients);
    server.stop().unwrap();
}

#[test]
fn a_ticket_waits_no_longer_than_queue_wait_and_never_runs_then() {
    let gate = Gate::default();
    let wait = Duration::from_secs(2);
    let server = start(&gate, Config::new().max_threads(1).queue_wait(wait));
    let mut first = Wire::to(server.addr);
    first.ask("/stand");
    gate.wait_for(|counts| counts.begun == 1);
    // Takes the thread that is kept for routes that hold none.
    let mut other = Wire::to(server.addr);
    other.ask("/two-at-once");
    gate.wait_for(|counts| counts.begun == 2);
    let asked = Instant::now();
    assert_overloaded(&server.get("/stand"), "no thread was free in time");
    assert_overloaded(&server.get("/closure"), "no thread was free in time");
    assert!(asked.elapsed() >= 2 * wait);
    gate.open();
    assert_eq!((first.read().status, other.read().status), (200, 200));
    // First come, first served: what was given up would have run by now.
    assert_eq!(server.get("/stand").status, 200);
    let counts = gate.counts();
    assert_eq!((counts.begun, counts.guarded), (3, 0));
}

fn check_limit_of_a_route(path: &'static str) {
    let gate = Gate::default();
    let server = start(&gate, Config::new().max_threads(8));
    let addr = server.addr;
    let clients = at_once(6, move |_| {
        let mut wire = Wire::to(addr);
        wire.ask(path);
        wire.read().status
    });
    gate.wait_for(|counts| counts.begun == 2);
    // The others wait outside of the pool, which has room for this.
    assert_eq!(server.get("/closure").status, 200);
    assert_eq!(gate.counts().begun, 2);
    gate.open();
    assert_eq!(join(clients), [200; 6]);
    assert_eq!((gate.counts().begun, gate.counts().most), (6, 2));
}

#[test]
fn a_route_runs_no_more_than_its_max_concurrency() {
    check_limit_of_a_route("/two-at-once");
    check_limit_of_a_route("/two-at-once-async");
}

#[test]
fn a_group_limits_each_of_its_routes() {
    let gate = Gate::default();
    let group = |group: Group| group.max_concurrency(1).routes(routes![stand, two_at_once]);
    let app = App::new().state(gate.clone()).group("/g", group);
    let server = Server::start(app.config(Config::new().queue_wait(Duration::from_secs(2))));
    let mut running: Vec<Wire> = (0..3).map(|_| Wire::to(server.addr)).collect();
    // The route's own limit outranks the group's.
    for (wire, path) in running
        .iter_mut()
        .zip(["stand", "two-at-once", "two-at-once"])
    {
        wire.ask(format!("/g/{path}"));
    }
    gate.wait_for(|counts| counts.begun == 3);
    for path in ["/g/stand", "/g/two-at-once"] {
        assert_overloaded(
            &server.get(path),
            "too many requests of this route run already",
        );
    }
    gate.open();
    assert!(running.iter_mut().all(|wire| wire.read().status == 200));
}

#[test]
fn a_route_at_its_max_concurrency_waits_no_longer_than_queue_wait() {
    let check = |path: &str| {
        let gate = Gate::default();
        let wait = Duration::from_secs(2);
        let server = start(&gate, Config::new().max_threads(8).queue_wait(wait));
        let mut running: Vec<Wire> = (0..2).map(|_| Wire::to(server.addr)).collect();
        for wire in &mut running {
            wire.ask(path);
        }
        gate.wait_for(|counts| counts.begun == 2);
        let asked = Instant::now();
        assert_overloaded(
            &server.get(path),
            "too many requests of this route run already",
        );
        assert!(asked.elapsed() >= wait);
        gate.open();
        assert!(running.iter_mut().all(|wire| wire.read().status == 200));
        assert_eq!(gate.counts().begun, 2);
    };
    check("/two-at-once");
    check("/two-at-once-async");
}
