//! What is measured of a run is right, also where the machine is full: a thread
//! that waits for a processor is not blocked.

use std::{
    process::{Child, Command},
    thread,
    time::Duration,
};

use hybrid::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::harness::eventually;

const LONG: Duration = Duration::from_millis(6);

/// Computes for that long, by the thread's own clock.
fn spin(time: Duration) {
    let used = || {
        let used = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
    };
    let until = used() + time;
    while used() < until {}
}

#[get("/spins")]
fn spins() {
    spin(LONG);
}

#[get("/sleeps")]
fn sleeps() {
    thread::sleep(LONG);
}

#[get("/both")]
fn both() {
    spin(LONG);
    thread::sleep(LONG);
}

/// Processes that take every processor.
struct Spinners(Vec<Child>);

impl Spinners {
    fn start(count: usize) -> Self {
        let spinner = |_| {
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]);
            command.spawn().expect("a shell")
        };
        Self((0..count).map(spinner).collect())
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn route<'a>(routes: &'a Value, path: &str) -> &'a Value {
    let mut all = routes.as_array().expect("an array").iter();
    all.find(|route| route["path"] == path)
        .expect("it is listed")
}

/// Within 0.3 ms at the median, and what a bucket and a timer's slack add.
fn assert_median(route: &Value, of: &str, expected: Duration) {
    let median = route[of]["p50"].as_f64().expect("it was measured");
    let off = median - expected.as_secs_f64() * 1000.0;
    assert!((-0.3..0.5).contains(&off), "{of}: {median} ms in {route}");
}

#[test]
fn computing_sleeping_and_waiting_for_a_processor_are_told_apart() {
    // Not lower than the spinners', or it would hardly come to its turn.
    let config = Config::new().pool_nice(0);
    let routes = routes![spins, sleeps, both];
    let client = TestClient::new(
        App::new()
            .config(config)
            .admin_at("/_hybrid")
            .routes(routes),
    );
    let _spinners = Spinners::start(3);
    for _ in 0..30 {
        for path in ["/spins", "/sleeps", "/both"] {
            assert_eq!(client.get(path).send().status(), 204);
        }
    }
    let mut seen = Value::Null;
    eventually("all three have a label", || {
        seen = client.get("/_hybrid/routes").send().json();
        let routes = seen.as_array().expect("an array");
        routes.iter().all(|route| route["label"] != "unknown")
    });
    let labels = ["/spins", "/sleeps", "/both"].map(|path| &route(&seen, path)["label"]);
    assert_eq!(labels, ["cpu", "io", "mixed"], "{seen}");
    assert_median(route(&seen, "/spins"), "cpu_ms", LONG);
    assert_median(route(&seen, "/spins"), "blocked_ms", Duration::ZERO);
    assert_median(route(&seen, "/sleeps"), "cpu_ms", Duration::ZERO);
    assert_median(route(&seen, "/sleeps"), "blocked_ms", LONG);
    assert_median(route(&seen, "/both"), "cpu_ms", LONG);
    assert_median(route(&seen, "/both"), "blocked_ms", LONG);
}
