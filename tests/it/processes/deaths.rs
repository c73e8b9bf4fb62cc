//! Workers that die of their handlers, and workers that are killed: the request
//! concerned fails, and nothing else, and nothing is left of it.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::{Signal, getpid, kill_process};

use super::{Trial, ask, code, kill, tell, within};
use crate::harness::{PATIENCE, at_once, eventually, join, main_of};

// === The program ===

#[post("/die/{how}", lane = process, timeout = "200ms")]
fn die(how: String) -> String {
    die_so(&how)
}

/// The same with all the time of the world.
#[post("/die-slowly/{how}", lane = process, timeout = "60s", worker_cpu = "1s", worker_memory = "512MiB")]
fn die_slowly(how: String) -> String {
    die_so(&how)
}

fn die_so(how: &str) -> String {
    let kill_self = |signal| kill_process(getpid(), signal).unwrap();
    match how {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "overflow" => return deeper(1).to_string(),
        "memory" => return black_box(vec![1_u8; black_box(10 << 30)]).len().to_string(),
        "spin" => loop {
            std::hint::spin_loop();
        },
        // The standard library lets the first one pass, which may be a mistake.
        "segv" => loop {
            kill_self(Signal::SEGV);
        },
        "kill" => kill_self(Signal::KILL),
        "stop" => kill_self(Signal::STOP),
        "hang" => {}
        other => return format!("no way to die: {other}"),
    }
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

/// Calls itself until there is no stack any more.
#[allow(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth) + 1)) + depth
}

#[get("/well", lane = process)]
fn well() -> &'static str {
    "well"
}

/// Tells that it has begun, and where.
#[get("/hold/{name}", lane = process, timeout = "60s")]
fn hold(name: String) {
    tell(&name, &std::process::id().to_string());
    thread::sleep(PATIENCE);
}

#[get("/pool")]
fn on_pool() -> &'static str {
    "well"
}

#[get("/event")]
async fn on_event() -> &'static str {
    "well"
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // On a machine that is busy a worker may take its time to start.
            .config(config.queue_wait(Duration::from_secs(30)))
            .routes(routes![die, die_slowly, well, hold, on_pool, on_event])
            .run()
    });
}

// === Who asks meanwhile ===

/// Clients that ask for what has nothing to do with it, until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(trial: &Trial, targets: &'static [&'static str]) -> Self {
        let (stop, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (addr, is_over, count) = (trial.addr, Arc::clone(&stop), Arc::clone(&served));
        let clients = at_once(targets.len(), move |number| {
            while !is_over.load(Ordering::Relaxed) {
                let reply = ask(addr, "GET", targets[number], b"");
                assert_eq!(
                    (reply.status, reply.text()),
                    (200, "well"),
                    "{}",
                    targets[number]
                );
                count.fetch_add(1, Ordering::Relaxed);
                // They are to notice, not to take the processors.
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self {
            stop,
            served,
            clients,
        }
    }

    /// Each of them was served, and all were served well.
    fn stop(self) {
        let so_far = self.served.load(Ordering::Relaxed);
        let more = so_far + self.clients.len();
        eventually("they are served", || {
            self.served.load(Ordering::Relaxed) > more
        });
        self.stop.store(true, Ordering::Relaxed);
        join(self.clients);
    }
}

const ALL: &[&str] = &["/pool", "/event", "/well"];
const OTHERS: &[&str] = &["/pool", "/event"];

/// All workers are there again, and idle or at work: within a second as a rule.
fn back(trial: &Trial) {
    let are_back = || {
        let workers = trial.workers();
        let is_well = |state: &str| matches!(state, "idle" | "busy");
        workers.len() == 2 && workers.iter().all(|worker| is_well(&worker.state))
    };
    assert!(
        within(Duration::from_secs(5), are_back),
        "{:?}",
        trial.workers()
    );
}

/// Starts both workers.
fn both(trial: &Trial) {
    let pair = [
        trial.begin("POST", "/die/hang?1"),
        trial.begin("POST", "/die/hang?2"),
    ];
    assert!(join(pair.into()).iter().all(|reply| reply.status == 504));
    back(trial);
}

// === The tests ===

/// Whatever a handler does to its process: a 500 at once, or a 504 at the deadline.
#[test]
fn a_handler_that_ends_its_process_fails_its_own_request_alone() {
    let trial = Trial::start("deaths::serving", &[]);
    both(&trial);
    let load = Load::on(&trial, ALL);
    let crashed = (500, "worker_crashed");
    for (target, expected) in [
        ("/die-slowly/abort", crashed),
        ("/die-slowly/segv", crashed),
        ("/die-slowly/overflow", crashed),
        ("/die-slowly/exit", crashed),
        ("/die-slowly/kill", crashed),
        ("/die-slowly/memory", crashed),
        ("/die-slowly/stop", crashed),
        ("/die/hang", (504, "handler_timeout")),
        ("/die/spin", (504, "handler_timeout")),
        ("/die-slowly/spin", crashed),
    ] {
        let asked = Instant::now();
        let reply = trial.post(target, b"");
        assert_eq!((reply.status, code(&reply).as_str()), expected, "{target}");
        assert!(
            !reply.text().contains("worker 1"),
            "the log says which: {}",
            reply.text()
        );
        let took = asked.elapsed();
        // A second of processor time is as long as the machine lets it be.
        let is_at_once = took < Duration::from_secs(20) || target == "/die-slowly/spin";
        assert!(is_at_once, "{target} took {took:?}");
        back(&trial);
    }
    load.stop();
    assert_eq!(trial.workers().len(), 2);
}

/// A busy worker is killed, or stopped: its request fails, and no other.
#[test]
fn a_busy_worker_that_is_ended_from_outside_fails_its_own_request_alone() {
    let trial = Trial::start("deaths::serving", &[]);
    both(&trial);
    let load = Load::on(&trial, ALL);
    for signal in [Signal::KILL, Signal::STOP, Signal::ABORT] {
        // No two requests are the same: who kills twice is refused.
        let name = format!("held-{}", signal.as_raw());
        let held = trial.begin("GET", &format!("/hold/{name}"));
        // It has begun: one that has not would go to another worker.
        let pid = trial.told(&name).parse().unwrap();
        let ended = Instant::now();
        kill(pid, signal);
        let reply = held.join().unwrap();
        assert_eq!(
            (reply.status, code(&reply)),
            (500, "worker_crashed".to_owned())
        );
        let took = ended.elapsed();
        assert!(
            took < Duration::from_secs(5),
            "{signal:?} was seen after {took:?}"
        );
        back(&trial);
        assert!(!trial.worker_pids().contains(&pid));
    }
    load.stop();
}

/// Waits until every thread of a worker is stopped, or the worker is gone. The system
/// stops a process thread by thread, on a busy machine milliseconds after the signal:
/// until then the one that takes calls may begin one, which is never tried again.
fn until_stopped(pid: i32) {
    let runs = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = task.and_then(|task| std::fs::read_to_string(task.path().join("stat")));
        let stat = stat.unwrap_or_default();
        let state = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        state.starts_with(['R', 'S', 'D'])
    };
    let began = Instant::now();
    while std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|mut tasks| tasks.any(runs)) {
        assert!(began.elapsed() < Duration::from_secs(20), "it runs on");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An idle worker is killed, or stopped, and everybody asks at that moment: a call
/// that no worker has begun goes to another worker.
#[test]
fn an_idle_worker_that_is_ended_from_outside_fails_no_request() {
    let trial = Trial::start("deaths::serving", &[]);
    both(&trial);
    let load = Load::on(&trial, OTHERS);
    let addr = trial.addr;
    for turn in 0..12 {
        let signal = [Signal::KILL, Signal::STOP][turn % 2];
        trial.calm();
        let pids = trial.worker_pids();
        // One of them, or both.
        for pid in &pids[turn / 2 % 2..] {
            kill(*pid, signal);
            if signal == Signal::STOP {
                until_stopped(*pid);
            }
        }
        let clients = at_once(6, move |_| ask(addr, "GET", "/well", b"").status);
        assert_eq!(join(clients), [200; 6], "{signal:?} {turn}");
        back(&trial);
    }
    load.stop();
}

/// What there was before is what there is after a thousand of them, of all kinds,
/// from several clients.
#[test]
fn a_thousand_deaths_leave_nothing_behind() {
    const DEATHS: usize = 1000;
    const CLIENTS: usize = 4;
    let trial = Trial::start("deaths::serving", &[]);
    both(&trial);
    let addr = trial.addr;
    let die = move |clients: usize, times: usize| {
        let client = move |client: usize| {
            for turn in 0..times {
                let hows = [
                    "abort", "exit", "kill", "segv", "overflow", "memory", "stop",
                ];
                let number = turn * clients + client;
                // A deadline and a large body now and then. No two requests are the
                // same: who kills twice is refused.
                let (how, bytes) = match number % 50 {
                    0 => ("hang", 200_000),
                    25 => ("abort", 200_000),
                    _ => (hows[number % hows.len()], number % 10),
                };
                let large = vec![b'x'; bytes];
                let (route, expected) = match how {
                    "hang" => ("die", 504),
                    _ => ("die-slowly", 500),
                };
                let reply = ask(addr, "POST", &format!("/{route}/{how}?{number}"), &large);
                assert!(
                    reply.status == expected,
                    "{how} {} {}",
                    reply.status,
                    reply.text()
                );
            }
        };
        join(at_once(clients, client));
    };
    die(CLIENTS, 15);
    back(&trial);
    let before = trial.holdings();
    let load = Load::on(&trial, OTHERS);

    die(CLIENTS, DEATHS / CLIENTS);

    load.stop();
    back(&trial);
    assert_eq!(trial.get("/well").text(), "well");
    eventually("its children are its workers", || {
        let mut pids = trial.worker_pids();
        pids.sort_unstable();
        trial.children().into_iter().eq(pids)
    });
    // A connection of this very moment, or of the one before, may be open.
    let is_as_before = || {
        let after = trial.holdings();
        after.files <= before.files + 3 && after.threads == before.threads
    };
    let are_gone = within(PATIENCE, is_as_before);
    assert!(are_gone, "{before:?} became {:?}", trial.holdings());
    let (memory, after) = (before.resident_bytes, trial.holdings().resident_bytes);
    assert!(
        after <= memory + (30 << 20),
        "from {memory} to {after} bytes"
    );
    assert!(trial.segment_bytes() <= 34 << 20);
}
