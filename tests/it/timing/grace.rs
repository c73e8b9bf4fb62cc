//! A stop whose grace ends: what waits is refused, what runs is cut, and the program ends
//! soon after.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::app::programs::THREADS;
use crate::harness::{Program, Wire, eventually};

/// The threads are taken, by handlers that go on beyond the grace: what waits for one is
/// told so, and the grace is no longer for them.
#[test]
fn what_waits_when_the_grace_ends_is_refused_and_not_dropped() {
    let grace = [("HYBRID_SHUTDOWN_GRACE", "3s")];
    let program = Program::start("app::programs::serving", Path::new("."), &grace);
    let addr = program.listens();
    let mut running: Vec<Wire> = (0..THREADS).map(|_| Wire::to(addr)).collect();
    for wire in &mut running {
        wire.ask("/sleep/60000");
    }
    let mut last = Wire::to(addr);
    eventually("every thread is taken", || {
        last.ask("/threads");
        let threads = last.read();
        threads.text().matches("hybrid-pool-").count() > THREADS
    });
    let mut waiting: Vec<Wire> = (0..5).map(|_| Wire::to(addr)).collect();
    for wire in &mut waiting {
        wire.ask("/sleep/1");
    }
    // Answered after they were read, on the same loops.
    last.ask("/sleep-async/100");
    assert_eq!(last.read().status, 200);
    drop(last);
    let asked = Instant::now();
    program.signal(Signal::TERM);
    for wire in &mut waiting {
        let reply = wire.read();
        assert_eq!(reply.status, 503);
        assert!(reply.text().contains("shutting_down"), "{}", reply.text());
        assert_eq!(reply.header("connection"), Some("close"));
        assert!(wire.is_closed());
    }
    assert!(running.iter_mut().all(|wire| wire.try_read().is_none()));
    let ended = program.ended();
    let took = asked.elapsed();
    assert!(took < Duration::from_millis(4500), "{took:?}");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    let waited = "requests that waited were refused requests=5";
    assert!(ended.log.contains(waited), "{}", ended.log);
    let cut = "`shutdown_grace`, was over before everything was finished: 8 connections were cut";
    assert!(ended.log.contains(cut), "{}", ended.log);
}

/// What is not finished within the grace is cut, and the log says so.
#[test]
fn a_grace_that_is_over_cuts_what_runs() {
    let grace = [("HYBRID_SHUTDOWN_GRACE", "2s")];
    let program = Program::start("app::programs::serving", Path::new("."), &grace);
    let addr = program.listens();
    let mut clients: Vec<Wire> = (0..2).map(|_| Wire::to(addr)).collect();
    clients[0].ask("/sleep/60000");
    clients[1].ask("/sleep-async/60000");
    let mut last = Wire::to(addr);
    last.ask("/sleep/1");
    assert_eq!(last.read().status, 200);
    drop(last);
    let asked = Instant::now();
    program.signal(Signal::TERM);
    assert!(clients.iter_mut().all(|client| client.try_read().is_none()));
    let ended = program.ended();
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        asked.elapsed()
    );
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("connections=2"), "{}", ended.log);
    assert!(ended.log.contains("the stop hook ran"), "{}", ended.log);
}
