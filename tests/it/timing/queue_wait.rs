//! How long a request waits for a thread where it waits for a permit of its route before.

use std::{
    thread,
    time::{Duration, Instant},
};

use hybrid::prelude::*;

use crate::harness::{Gate, Server, Wire};

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

/// A gate of its own.
#[derive(Clone, Default)]
struct Other(Gate);

#[get("/alone", max_concurrency = 1)]
fn alone(State(Other(gate)): State<Other>) -> &'static str {
    gate.stand();
    "through"
}

/// And another.
#[derive(Clone, Default)]
struct Third(Gate);

#[get("/third")]
fn third(State(Third(gate)): State<Third>) -> &'static str {
    gate.stand();
    "through"
}

/// One wait, not two: first for the route's permit, then for a thread. The permit
/// comes after 3 of 4 s, the thread never does: whoever counted anew would answer
/// after 7 s.
#[test]
fn waiting_for_a_permit_counts_as_waiting() {
    let (gate, other, kept) = (Gate::default(), Other::default(), Third::default());
    let app = App::new()
        .state(gate.clone())
        .state(other.clone())
        .state(kept.clone())
        .routes(routes![stand, alone, third]);
    let wait = Duration::from_secs(4);
    let server = Server::start(app.config(Config::new().max_threads(1).queue_wait(wait)));
    let ask = |path: &str| {
        let mut wire = Wire::to(server.addr);
        wire.ask(path);
        wire
    };
    let mut first = ask("/alone");
    other.0.wait_for(|counts| counts.begun == 1);
    // Takes the thread that is kept for routes that hold none.
    let mut reserve = ask("/third");
    kept.0.wait_for(|counts| counts.begun == 1);
    let mut second = ask("/stand");
    let asked = Instant::now();
    let mut third = ask("/alone");
    thread::sleep(Duration::from_secs(3));
    other.0.open();
    assert_eq!(first.read().status, 200);
    gate.wait_for(|counts| counts.begun == 1);
    let refused = third.read();
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("no thread was free in time"));
    let took = asked.elapsed();
    assert!(
        took >= wait && took < Duration::from_secs(6),
        "it took {took:?}"
    );
    gate.open();
    kept.0.open();
    assert_eq!((second.read().status, reserve.read().status), (200, 200));
    assert_eq!(other.0.counts().begun, 1);
}
