//! The very request that killed its worker twice is not tried a third time, and any
//! other is.

use std::time::Duration;

use hybrid::prelude::*;

use super::{Trial, ask, code};
use crate::harness::main_of;

// === The program ===

#[route("/picky", methods = [POST, PUT], lane = process, body_limit = "8MiB")]
fn picky(method: Method, uri: Uri, body: Bytes) -> &'static str {
    if method == Method::POST && uri.query().is_none() && body.starts_with(b"bad") {
        std::process::abort();
    }
    "well"
}

#[post("/hangs", lane = process, timeout = "50ms")]
fn hangs() {
    std::thread::sleep(crate::harness::PATIENCE);
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // On a machine that is busy a worker may take its time to start.
            .config(config.queue_wait(Duration::from_secs(30)))
            .routes(routes![picky, hangs])
            .run()
    });
}

// === The tests ===

#[test]
fn a_request_that_killed_twice_is_refused_and_others_are_not() {
    let trial = Trial::start("poison::serving", &[]);
    // In a message, and in shared memory.
    for bad in [b"bad".to_vec(), [b"bad".as_slice(), &[7; 2 << 20]].concat()] {
        for _ in 0..2 {
            let reply = trial.post("/picky", &bad);
            assert_eq!(
                (reply.status, code(&reply)),
                (500, "worker_crashed".to_owned())
            );
        }
        for _ in 0..3 {
            let reply = trial.post("/picky", &bad);
            assert_eq!((reply.status, code(&reply)), (503, "overloaded".to_owned()));
            let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
        }
        let mut good = bad.clone();
        good[0] = b'B';
        for (method, target, body) in [
            ("POST", "/picky", &good),
            ("POST", "/picky?again", &bad),
            ("PUT", "/picky", &bad),
        ] {
            let reply = ask(trial.addr, method, target, body);
            assert_eq!(
                (reply.status, reply.text()),
                (200, "well"),
                "{method} {target}"
            );
        }
    }
    assert_eq!(trial.ended("crashed"), 4);
    let page = trial.get("/_hybrid/metrics");
    let shed = page
        .text()
        .lines()
        .find(|line| line.contains("reason=\"poison\""));
    assert!(shed.unwrap().ends_with(" 6"), "{shed:?}");
}

/// A deadline says nothing of the request: it may have been the machine.
#[test]
fn deadlines_are_not_counted() {
    let trial = Trial::start("poison::serving", &[]);
    for _ in 0..4 {
        assert_eq!(trial.post("/hangs", b"").status, 504);
    }
}
