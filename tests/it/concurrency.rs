//! Managed concurrency: as many sleep at once as want to, no route keeps another
//! from its turn, what cannot be answered in time is refused at once, and whatever
//! clients do the pool is empty afterwards.

use std::{thread, time::Duration};

use hybrid::prelude::*;

use crate::harness::{Gate, Server, at_once, eventually, join};

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[get("/short")]
fn short() -> &'static str {
    "short"
}

#[get("/sleep")]
fn sleep() -> &'static str {
    thread::sleep(Duration::from_millis(40));
    "slept"
}

fn start(gate: &Gate, config: Config) -> Server {
    let routes = routes![stand, short, sleep];
    Server::start(App::new().state(gate.clone()).config(config).routes(routes))
}

fn get(server: &Server, clients: usize, path: &'static str) -> Vec<thread::JoinHandle<u16>> {
    let addr = server.addr;
    at_once(clients, move |_| {
        let mut wire = crate::harness::Wire::to(addr);
        wire.write(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
        wire.read().status
    })
}

/// Nothing is known of the route, and nobody ends before all have begun: the pulse
/// alone finds that they sleep.
#[test]
fn as_many_sleep_at_once_as_want_to_from_a_cold_start() {
    let gate = Gate::default();
    let server = start(&gate, Config::new());
    let clients = get(&server, 64, "/stand");
    gate.wait_for(|counts| counts.begun == 64);
    gate.open();
    assert_eq!(join(clients), [200; 64]);
}

/// Every thread stands at the gate, and many more wait for one.
#[test]
fn a_route_that_takes_every_thread_does_not_hold_up_another() {
    let gate = Gate::default();
    let server = start(&gate, Config::new().max_threads(4));
    let clients = get(&server, 32, "/stand");
    gate.wait_for(|counts| counts.begun == 4);
    for _ in 0..20 {
        assert_eq!(server.get("/short").status, 200);
    }
    assert_eq!(gate.counts().begun, 4);
    gate.open();
    assert_eq!(join(clients), [200; 32]);
}

/// One thread, 40 ms each, half a second of patience: with twenty in the queue the
/// next would wait for 800 ms, which is known as soon as a few have run.
#[test]
fn what_would_wait_too_long_is_refused_at_once() {
    let gate = Gate::default();
    let wait = Duration::from_millis(500);
    let server = start(&gate, Config::new().max_threads(1).queue_wait(wait));
    let mut refused = None;
    eventually("one is refused for what is expected", || {
        let clients = get(&server, 20, "/sleep");
        thread::sleep(Duration::from_millis(130));
        refused = Some(server.get("/sleep")).filter(|reply| reply.status == 503);
        join(clients);
        refused.as_ref().is_some_and(|reply| {
            reply
                .text()
                .contains("no thread is expected to be free in time")
        })
    });
    let retry = refused.and_then(|reply| reply.header("retry-after").map(str::to_owned));
    assert_eq!(retry.as_deref(), Some("1"));
    // The estimate is of the queue: without one there is no refusal.
    assert_eq!(server.get("/sleep").status, 200);
}
