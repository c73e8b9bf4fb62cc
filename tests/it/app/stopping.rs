//! SIGTERM to a process under load: every request that was sent before gets its
//! answer, and the process ends well.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::programs::THREADS;
use crate::harness::{Program, Wire, at_once, join};

fn start() -> Program {
    Program::start("app::programs::serving", Path::new("."), &[])
}

/// All requests are written, none is answered yet: some run, some wait for a
/// thread, some have not been accepted.
#[test]
fn every_request_that_was_sent_before_sigterm_is_answered() {
    let program = start();
    let addr = program.listens();
    let (say, hear) = mpsc::channel();
    let clients = at_once(64, move |number| {
        let path = if number % 2 == 0 {
            "/sleep/300"
        } else {
            "/sleep-async/300"
        };
        let mut wire = Wire::to(addr);
        wire.ask(path);
        say.send(()).unwrap();
        let reply = wire.read();
        (reply.status, reply.text().to_owned())
    });
    assert_eq!(hear.iter().take(64).count(), 64);
    let asked = Instant::now();
    program.signal(Signal::TERM);
    assert!(
        join(clients)
            .iter()
            .all(|reply| *reply == (200, "slept".to_owned()))
    );
    let ended = program.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "it took {:?}",
        asked.elapsed()
    );
    assert!(ended.log.contains("the stop hook ran"), "{}", ended.log);
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

/// Clients that never pause, on connections that they keep. A request that was
/// written before the signal is answered; one that was written later may find
/// the connection closed.
#[test]
fn connections_in_use_lose_no_request_to_sigterm() {
    let program = start();
    let addr = program.listens();
    let signalled = Arc::new(AtomicBool::new(false));
    let (say, hear) = mpsc::channel();
    let clients = at_once(16, {
        let signalled = Arc::clone(&signalled);
        move |number| {
            let path = if number % 2 == 0 {
                "/sleep/5"
            } else {
                "/sleep-async/5"
            };
            let mut wire = Wire::to(addr);
            let mut answers = 0;
            loop {
                let written = wire.try_write(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
                let before = !signalled.load(Ordering::SeqCst);
                match wire.try_read().map(|reply| reply.status) {
                    Some(200) => answers += 1,
                    None if !(written && before) => return answers,
                    other => panic!("{other:?} for a request that was sent before"),
                }
                if answers == 20 {
                    say.send(()).unwrap();
                }
            }
        }
    });
    assert_eq!(hear.iter().take(16).count(), 16);
    signalled.store(true, Ordering::SeqCst);
    program.signal(Signal::TERM);
    assert!(join(clients).into_iter().all(|answers| answers >= 20));
    let ended = program.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
}

/// The handlers would run for a minute, the grace is 25 s: a second signal does
/// not wait for either.
#[test]
fn a_second_signal_stops_at_once() {
    let program = start();
    let addr = program.listens();
    let mut clients: Vec<Wire> = (0..2).map(|_| Wire::to(addr)).collect();
    clients[0].ask("/sleep/60000");
    clients[1].ask("/sleep-async/60000");
    // Answered last: the two before it have begun.
    let mut last = Wire::to(addr);
    last.ask("/sleep/1");
    assert_eq!(last.read().status, 200);
    program.signal(Signal::TERM);
    program.says("stopping");
    let asked = Instant::now();
    program.signal(Signal::TERM);
    let ended = program.ended();
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        asked.elapsed()
    );
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    let said = "stopped at once by a second signal, before everything was finished: 2 \
                connections were cut";
    assert!(ended.log.contains(said), "{}", ended.log);
    assert!(!ended.log.contains("Pool {"), "{}", ended.log);
    assert!(!ended.log.contains("could not start"), "{}", ended.log);
}

/// Counted by the system: no thread after the panics that was not there before.
/// Some of the pool's may have left, since they had nothing to do.
#[test]
fn panics_cost_no_thread() {
    let program = start();
    let addr = program.listens();
    let mut wire = Wire::to(addr);
    let mut ask = |path: &str| {
        wire.ask(path);
        wire.read()
    };
    let warmed = at_once(THREADS, move |_| {
        let mut wire = Wire::to(addr);
        wire.ask("/all-at-once");
        wire.read().status
    });
    assert_eq!(join(warmed), [204; THREADS]);
    let before = ask("/threads");
    assert_eq!(
        before.text().matches("hybrid-pool-").count() - 1,
        THREADS,
        "{}",
        before.text()
    );
    for _ in 0..1000 {
        assert_eq!(ask("/panic/on-the-loop").status, 500);
        assert_eq!(ask("/panic-plain").status, 500);
    }
    let after = ask("/threads");
    let new = after
        .text()
        .lines()
        .find(|thread| !before.text().lines().any(|old| old == *thread));
    assert_eq!(new, None, "{} then {}", before.text(), after.text());
    program.signal(Signal::INT);
    let ended = program.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    // Not on the wire, but in the log.
    let error = |text: &str| ended.log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(error("`panic_on_event` panicked: on-the-loop"), 1000);
    assert_eq!(error("`panic_on_pool` panicked: plain"), 1000);
}
