//! How a server with workers ends, well or not, and what must not end them.

use std::{
    collections::BTreeSet,
    fs,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::Signal;

use super::{Trial, is_alive, kill, request, wait_for_file, within};
use crate::harness::{PATIENCE, Wire, at_once, eventually, join, main_of};

// === The program ===

#[post("/hold", lane = process, timeout = "60s", body_limit = "8MiB")]
fn hold(body: Bytes) -> Bytes {
    thread::sleep(PATIENCE);
    body
}

#[post("/spin", lane = process, timeout = "60s")]
fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

#[get("/pid", lane = process)]
fn pid() -> String {
    std::process::id().to_string()
}

/// Goes on when it is told to.
#[get("/stand", lane = process, timeout = "60s")]
fn stand() -> String {
    wait_for_file("go");
    std::process::id().to_string()
}

#[get("/stand-on-pool", timeout = "60s")]
fn stand_on_pool() -> String {
    wait_for_file("go");
    std::process::id().to_string()
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // On a machine that is busy a worker may take its time to start.
            .config(config.queue_wait(Duration::from_secs(30)))
            .on_stop(|| {
                eprintln!("the stop hook ran");
                Ok::<_, std::io::Error>(())
            })
            .routes(routes![hold, spin, pid, stand, stand_on_pool])
            .run()
    });
}

// === The tests ===

impl Trial {
    /// So many workers are in their handlers.
    fn are_busy(&self, count: usize) {
        eventually("all workers are at work", || {
            let workers = self.workers();
            workers.len() == count && workers.iter().all(|worker| worker.state == "busy")
        });
    }
}

fn names_in(directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// The server could not clean up: the system does. Idle workers, one that sleeps in its
/// handler with shared memory, one that computes.
#[test]
fn a_server_that_is_killed_takes_its_workers_along() {
    let shared_memory = names_in("/dev/shm");
    let directory = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let variables = [
        // No other test picks its ports there: the next server is to have the same.
        ("HYBRID_ADDR", "127.0.0.2:0"),
        ("HYBRID_MAX_PROCESSES", "3"),
        ("TMPDIR", temporary.path().to_str().unwrap()),
    ];
    let trial = Trial::start_in(directory, "endings::serving", &variables);
    // Each stands in a worker of its own.
    let standing: Vec<_> = (0..3).map(|_| trial.begin("GET", "/stand")).collect();
    trial.are_busy(3);
    trial.go("go");
    assert!(join(standing).iter().all(|reply| reply.status == 200));
    let mut held = trial.wire();
    held.write(request("POST", "/hold", &vec![7; 4 << 20]));
    let mut spun = trial.wire();
    spun.write(request("POST", "/spin", b""));
    trial.busy_pid("/hold");
    trial.busy_pid("/spin");
    let children = trial.children();
    assert_eq!(children.len(), 3);

    trial.program.signal(Signal::KILL);
    let are_gone = || !children.iter().any(|pid| is_alive(*pid));
    assert!(within(Duration::from_secs(10), are_gone), "{children:?}");
    assert!(held.is_closed() && spun.is_closed());
    assert_eq!(names_in("/dev/shm").difference(&shared_memory).next(), None);
    assert_eq!(
        names_in(temporary.path().to_str().unwrap()),
        BTreeSet::new()
    );

    let Trial { program, addr, .. } = trial;
    // Its last thread closes its listener.
    program.ended();
    let next = Trial::start("endings::serving", &[("HYBRID_ADDR", &addr.to_string())]);
    assert_eq!(next.addr, addr);
    assert_eq!(next.get("/pid").status, 200);
}

/// A service manager signals all processes of a service at once, a terminal all
/// that belong to its foreground: what was sent before is answered all the same.
fn check_stop(signal: Signal) {
    let trial = Trial::start("endings::serving", &[]);
    let addr = trial.addr;
    let (say, hear) = mpsc::channel();
    let clients = at_once(24, move |number| {
        let target = ["/stand", "/stand-on-pool"][number % 2];
        let mut wire = Wire::to(addr);
        wire.write(request("GET", target, b""));
        say.send(()).unwrap();
        wire.read().status
    });
    assert_eq!(hear.iter().take(24).count(), 24);
    // One that only starts has nothing to finish.
    trial.are_busy(2);
    let children = trial.children();
    let asked = Instant::now();
    children.iter().for_each(|pid| kill(*pid, signal));
    trial.program.signal(signal);
    children.iter().for_each(|pid| kill(*pid, signal));
    trial.go("go");
    assert_eq!(join(clients), [200; 24]);
    let Trial { program, .. } = trial;
    let ended = program.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(ended.log.contains("the stop hook ran"), "{}", ended.log);
    assert!(!ended.log.contains("crashed"), "{}", ended.log);
    assert!(asked.elapsed() < Duration::from_secs(25));
    assert!(
        !children.iter().any(|pid| is_alive(*pid)),
        "no worker outlives it"
    );
}

#[test]
fn sigterm_to_all_processes_loses_no_request() {
    check_stop(Signal::TERM);
}

#[test]
fn ctrl_c_loses_no_request() {
    check_stop(Signal::INT);
}

/// The system kills a worker when the thread ends that started it: threads of the
/// pool come and go, and start none.
#[test]
fn workers_outlive_the_threads_of_the_pool() {
    let trial = Trial::start("endings::serving", &[]);
    let addr = trial.addr;
    let threads = || trial.holdings().pool_threads;
    let clients = at_once(40, move |number| {
        let target = ["/stand", "/stand-on-pool"][number % 2];
        super::ask(addr, "GET", target, b"").status
    });
    eventually("the pool has grown", || threads() > 15);
    trial.are_busy(2);
    trial.go("go");
    assert_eq!(join(clients), [200; 40]);
    trial.calm();
    let pids = trial.worker_pids();
    eventually("the pool has shrunk", || threads() < 5);
    for _ in 0..4 {
        let pid = trial.get("/pid").text().parse().unwrap();
        assert!(pids.contains(&pid));
    }
    assert_eq!(trial.worker_pids(), pids);
    assert!(trial.workers().iter().all(|worker| worker.restarts == 0));
}
