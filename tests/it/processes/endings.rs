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

use super::{Trial, is_alive, kill, request, within};
use crate::{
    harness::{PATIENCE, Wire, at_once, eventually, join},
    programs::main_of,
};

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

#[get("/sleep/{ms}", lane = process)]
fn sleep(ms: u64) -> String {
    thread::sleep(Duration::from_millis(ms));
    std::process::id().to_string()
}

#[get("/sleep-on-pool/{ms}")]
fn sleep_on_pool(ms: u64) -> &'static str {
    thread::sleep(Duration::from_millis(ms));
    "slept"
}

#[test]
fn serving() {
    main_of(|| {
        App::new()
            .admin_at("/_hybrid")
            .config(Config::new().addr("127.0.0.1:0"))
            .on_stop(|| {
                eprintln!("the stop hook ran");
                Ok::<_, std::io::Error>(())
            })
            .routes(routes![hold, spin, sleep, sleep_on_pool])
            .run()
    });
}

// === The tests ===

fn names_in(directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// Nobody could clean up: the system does. Idle workers, one that sleeps in its
/// handler with shared memory, one that computes.
#[test]
fn a_server_that_is_killed_takes_its_workers_along() {
    let shared_memory = names_in("/dev/shm");
    let directory = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let variables = [
        ("HYBRID_MAX_PROCESSES", "3"),
        ("TMPDIR", temporary.path().to_str().unwrap()),
    ];
    let trial = Trial::start_in(directory, "endings::serving", &variables);
    let sleepers: Vec<_> = (0..3).map(|_| trial.begin("GET", "/sleep/300")).collect();
    let pids: BTreeSet<String> = join(sleepers)
        .iter()
        .map(|reply| reply.text().to_owned())
        .collect();
    assert_eq!(pids.len(), 3);
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
    assert!(within(Duration::from_secs(2), are_gone), "{children:?}");
    assert!(held.is_closed() && spun.is_closed());
    assert_eq!(names_in("/dev/shm").difference(&shared_memory).next(), None);
    assert_eq!(
        names_in(temporary.path().to_str().unwrap()),
        BTreeSet::new()
    );

    let addr = trial.addr.to_string();
    let next = Trial::start("endings::serving", &[("HYBRID_ADDR", &addr)]);
    assert_eq!(next.addr, trial.addr);
    assert_eq!(next.get("/sleep/0").status, 200);
}

/// A service manager signals all processes of a service at once, a terminal all
/// that belong to its foreground: what was sent before is answered all the same.
fn check_stop(signal: Signal) {
    let trial = Trial::start("endings::serving", &[]);
    trial.begin("GET", "/sleep/100").join().unwrap();
    let addr = trial.addr;
    let (say, hear) = mpsc::channel();
    let clients = at_once(24, move |number| {
        let target = ["/sleep/100", "/sleep-on-pool/100"][number % 2];
        let mut wire = Wire::to(addr);
        wire.write(request("GET", target, b""));
        say.send(()).unwrap();
        wire.read().status
    });
    assert_eq!(hear.iter().take(24).count(), 24);
    // Both workers are ready: one that only starts has nothing to finish.
    eventually("both workers are at work", || {
        let workers = trial.workers();
        workers.len() == 2 && workers.iter().all(|worker| worker.state == "busy")
    });
    let children = trial.children();
    let asked = Instant::now();
    children.iter().for_each(|pid| kill(*pid, signal));
    trial.program.signal(signal);
    children.iter().for_each(|pid| kill(*pid, signal));
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
        let target = ["/sleep/50", "/sleep-on-pool/300"][number % 2];
        super::ask(addr, "GET", target, b"").status
    });
    eventually("the pool has grown", || threads() > 15);
    assert_eq!(join(clients), [200; 40]);
    trial.calm();
    let pids = trial.worker_pids();
    eventually("the pool has shrunk", || threads() < 5);
    for _ in 0..4 {
        let pid = trial.get("/sleep/0").text().parse().unwrap();
        assert!(pids.contains(&pid));
    }
    assert_eq!(trial.worker_pids(), pids);
    assert!(trial.workers().iter().all(|worker| worker.restarts == 0));
}
