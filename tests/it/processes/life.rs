//! How workers live among their requests: what they are given, what they say, who
//! waits for them, whose client leaves, and when another takes their place.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write as _,
    path::Path,
    process::{Command, id},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::Signal;

use super::{Trial, ask, code, directory, is_alive, kill, request, tell, wait_for_file, within};
use crate::harness::{BOOM, PATIENCE, Program, Reply, Wire, at_once, eventually, join, main_of};

// === The program ===

/// Adds a line to a file of the program's directory.
fn note(name: &str, line: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory().join(name))
        .unwrap();
    // One call to the system each, as workers write at the same time.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[get("/pid", lane = process)]
fn pid() -> String {
    id().to_string()
}

#[get("/nap/{ms}", lane = process)]
fn nap(ms: u64) -> String {
    thread::sleep(Duration::from_millis(ms));
    id().to_string()
}

static GROWN: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A handler that leaks.
#[get("/grow/{mib}", lane = process)]
fn grow(mib: usize) -> String {
    GROWN.lock().unwrap().push(vec![1; mib << 20]);
    id().to_string()
}

/// Tells that it has begun, and goes on when it is told to.
#[get("/hold/{name}", lane = process, timeout = "60s", on_disconnect = detach)]
fn hold(name: String) -> String {
    tell(&name, &id().to_string());
    wait_for_file(&format!("{name}-go"));
    tell(&format!("{name}-done"), "");
    id().to_string()
}

#[get("/hold-alone/{name}", lane = process, timeout = "60s", max_concurrency = 1)]
fn hold_alone(name: String) {
    note("alone", "begins");
    tell(&name, &id().to_string());
    wait_for_file("alone-go");
    note("alone", "ends");
}

#[get("/heed/{name}", lane = process, timeout = "60s", on_disconnect = cancel)]
fn heed(name: String, cancel: Cancel) {
    tell(&name, &id().to_string());
    eventually("it is told", || cancel.is_cancelled());
    tell(&format!("{name}-heeded"), "");
}

#[get("/ignore/{name}", lane = process, timeout = "60s", on_disconnect = cancel)]
fn ignore(name: String) {
    tell(&name, &id().to_string());
    thread::sleep(PATIENCE);
}

#[get("/mark/{name}", lane = process)]
fn mark(name: String) {
    tell(&name, "it ran");
}

#[get("/mark-soon/{name}", lane = process, timeout = "300ms")]
fn mark_soon(name: String) {
    tell(&name, "it ran");
}

#[get("/variables", lane = process)]
fn variables() -> String {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    names.collect::<Vec<_>>().join(" ")
}

#[get("/say/{name}", lane = process, timeout = "60s")]
#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn say(name: String) {
    println!("printed to stdout");
    eprintln!("printed to stderr");
    tracing::trace!(target: "app", "traced");
    tracing::debug!(target: "app", "debugged");
    tracing::info!(target: "app", "informed");
    tracing::warn!(target: "app", "warned");
    tracing::error!(target: "app", "failed");
    wait_for_file(&name);
}

#[get("/flood/{lines}", lane = process)]
fn flood(lines: usize) {
    for line in 0..lines {
        eprintln!("flood {line}");
    }
}

#[get("/child/{name}", lane = process, timeout = "60s")]
fn child(name: String) {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    tell(&name, &format!("{} {}", id(), child.id()));
    child.wait().unwrap();
}

/// Starts the same program with what it has inherited.
#[get("/again", lane = process)]
fn again() -> String {
    let program = Program::start("processes::life::serving", Path::new("."), &[]);
    let addr = program.listens();
    let here = ask(addr, "GET", "/here", b"");
    let there = ask(addr, "GET", "/pid", b"");
    format!("{} {} {}", program.pid(), here.text(), there.text())
}

/// Where the server is.
#[get("/here")]
async fn here() -> String {
    id().to_string()
}

#[get("/inside", lane = process)]
fn inside() -> Result<String> {
    let (nested, spawned) = hybrid::block_on(async {
        let nested = hybrid::run_on_pool(|| hybrid::block_on(async { id() })).await;
        (nested, tokio::spawn(async { id() }).await)
    });
    Ok(format!("{} {} {}", id(), nested?, spawned.unwrap()))
}

// --- states ---

#[derive(Clone)]
struct Made(u32);

#[derive(Clone)]
struct Late;

#[get("/made", lane = process)]
fn made(State(Made(pid)): State<Made>) -> String {
    pid.to_string()
}

#[get("/late", lane = process)]
fn late(State(Late): State<Late>) -> String {
    id().to_string()
}

// --- panics ---

struct Guard;

#[extractor]
async fn guard() -> Guard {
    panic!("{BOOM}")
}

fn judge(_: &u32) -> std::result::Result<(), String> {
    panic!("{BOOM}")
}

#[model]
struct Judged {
    #[field(custom = judge)]
    n: u32,
}

struct DropsBadly;

impl Drop for DropsBadly {
    fn drop(&mut self) {
        panic!("{BOOM}");
    }
}

#[extractor]
fn drops_badly() -> DropsBadly {
    DropsBadly
}

#[post("/panic", lane = process)]
fn panic_in_handler() {
    panic!("{BOOM}")
}

#[post("/panic-in-guard", lane = process)]
fn panic_in_guard(_guard: Guard) {}

#[post("/panic-in-rule", lane = process)]
fn panic_in_rule(judged: Json<Judged>) -> String {
    judged.n.to_string()
}

#[post("/panic-in-drop", lane = process)]
fn panic_in_drop(_value: DropsBadly) {}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // On a machine that is busy a worker may take its time to start.
            .config(config.queue_wait(Duration::from_secs(30)))
            .state_with(|| {
                note("made", &id().to_string());
                Ok::<_, std::io::Error>(Made(id()))
            })
            .state_with(|| {
                let is_there = directory().join("cupboard").exists();
                is_there.then_some(Late).ok_or("the cupboard is bare")
            })
            .routes(routes![
                pid, nap, grow, hold, hold_alone, heed, ignore, mark, mark_soon, variables, say,
                flood, child, again, here, inside, made, late
            ])
            .routes(routes![
                panic_in_handler,
                panic_in_guard,
                panic_in_rule,
                panic_in_drop
            ])
            .run()
    });
}

// === The tests ===

const ONE: (&str, &str) = ("HYBRID_MAX_PROCESSES", "1");

impl Trial {
    /// The number of the worker that answers.
    fn answering(&self) -> i32 {
        number(&self.get("/pid"))
    }

    fn told_pid(&self, name: &str) -> i32 {
        self.told(name).parse().unwrap()
    }

    fn waits(&self, calls: u64) {
        eventually("so many wait", || self.lane()["queue_depth"] == calls);
    }

    /// A request whose response no test reads yet.
    fn sent(&self, target: &str) -> Wire {
        let mut wire = self.wire();
        wire.write(request("GET", target, b""));
        wire
    }
}

fn number(reply: &Reply) -> i32 {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text().parse().unwrap()
}

#[track_caller]
fn is_overloaded(reply: &Reply) {
    assert_eq!((reply.status, code(reply)), (503, "overloaded".to_owned()));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

// --- recycling ---

#[test]
fn a_worker_is_replaced_after_so_many_requests_and_none_is_lost() {
    let trial = Trial::start("life::serving", &[("HYBRID_WORKER_RECYCLE_REQUESTS", "10")]);
    let addr = trial.addr;
    let clients = at_once(4, move |_| {
        let ask = |_| number(&ask(addr, "GET", "/nap/1", b""));
        (0..50).map(ask).collect::<Vec<_>>()
    });
    let mut pids = join(clients).concat();
    pids.sort_unstable();
    let shares: Vec<_> = pids.chunk_by(i32::eq).map(<[i32]>::len).collect();
    assert!(shares.iter().all(|share| *share <= 10), "{shares:?}");
    assert!(shares.len() >= 20, "{shares:?}");
    eventually("they are counted", || trial.ended("recycled") >= 18);
    assert_eq!(trial.ended("crashed"), 0);
}

#[test]
fn a_worker_that_has_become_large_is_replaced_and_no_request_is_lost() {
    let limit = [("HYBRID_WORKER_RECYCLE_MEMORY", "200MiB"), ONE];
    let trial = Trial::start("life::serving", &limit);
    let small = trial.answering();
    assert_eq!(number(&trial.get("/grow/1")), small);
    let addr = trial.addr;
    let clients = at_once(3, move |_| {
        let start = Instant::now();
        let mut pids = BTreeSet::new();
        while pids.len() < 3 && start.elapsed() < PATIENCE {
            pids.insert(number(&ask(addr, "GET", "/grow/4", b"")));
            thread::sleep(Duration::from_millis(5));
        }
        pids.len()
    });
    assert!(join(clients).iter().all(|pids| *pids >= 3));
    eventually("it is gone", || !is_alive(small));
    assert!(trial.ended("recycled") >= 2);
    assert_eq!(trial.ended("crashed"), 0);
}

// --- states ---

#[test]
fn a_state_is_made_once_in_each_worker_when_it_is_first_taken() {
    let trial = Trial::start("life::serving", &[]);
    trial.answering();
    assert!(!trial.file("made").exists(), "no request has taken it");
    let addr = trial.addr;
    // Until both workers have.
    let both = || {
        let clients = at_once(8, move |_| {
            let made = number(&ask(addr, "GET", "/made", b""));
            ask(addr, "GET", "/nap/20", b"");
            made
        });
        join(clients).into_iter().collect::<BTreeSet<_>>()
    };
    let mut made = BTreeSet::new();
    eventually("both workers were asked", || {
        made.extend(both());
        made.len() == 2
    });
    assert!(!made.contains(&trial.pid()), "the server takes it not");
    both();
    let noted = trial.told("made");
    let noted: Vec<i32> = noted.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert_eq!(noted.into_iter().collect::<BTreeSet<_>>(), made);
}

#[test]
fn a_state_that_cannot_be_made_is_tried_again_in_another_worker() {
    let trial = Trial::start("life::serving", &[ONE]);
    let mut last = trial.answering();
    for _ in 0..3 {
        let failed = trial.get("/late");
        assert_eq!(
            (failed.status, code(&failed)),
            (500, "internal_error".to_owned())
        );
        assert!(!failed.text().contains("cupboard"), "{}", failed.text());
        trial.program.says("the cupboard is bare");
        let next = trial.answering();
        assert_ne!(next, last, "another worker");
        last = next;
    }
    trial.go("cupboard");
    assert_eq!(number(&trial.get("/late")), last);
    assert_eq!(trial.answering(), last);
}

// --- clients that leave ---

#[test]
fn a_handler_that_heeds_its_client_s_leave_keeps_its_worker() {
    let trial = Trial::start("life::serving", &[ONE]);
    for name in ["one", "two", "three"] {
        let wire = trial.sent(&format!("/heed/{name}"));
        let worker = trial.told_pid(name);
        drop(wire);
        trial.told(&format!("{name}-heeded"));
        trial.calm();
        assert_eq!(trial.answering(), worker);
    }
}

#[test]
fn a_handler_that_ignores_its_client_s_leave_is_killed_soon() {
    let trial = Trial::start("life::serving", &[ONE]);
    let wire = trial.sent("/ignore/it");
    let worker = trial.told_pid("it");
    drop(wire);
    let is_gone = || !is_alive(worker);
    assert!(within(Duration::from_secs(10), is_gone));
    let said = trial.program.says("a worker was killed");
    assert!(said.contains("why=\"client_left\""), "{said}");
    assert_ne!(trial.answering(), worker);
    assert_eq!(trial.ended("client_left"), 1);
}

#[test]
fn a_detached_handler_goes_on_when_its_client_has_left() {
    let trial = Trial::start("life::serving", &[ONE]);
    let wire = trial.sent("/hold/it");
    let worker = trial.told_pid("it");
    drop(wire);
    // Longer than a handler has that is to be cancelled.
    let is_gone = || !is_alive(worker);
    assert!(!within(Duration::from_secs(1), is_gone), "it goes on");
    assert_eq!(trial.busy_pid("/hold/{name}"), worker);
    trial.go("it-go");
    trial.told("it-done");
    assert_eq!(trial.answering(), worker);
}

// --- the queue ---

#[test]
fn who_leaves_the_queue_or_waits_beyond_the_deadline_never_runs() {
    let trial = Trial::start("life::serving", &[ONE]);
    let mut held = trial.sent("/hold/it");
    trial.told("it");
    let left = trial.sent("/mark/left");
    trial.waits(1);
    drop(left);
    trial.waits(0);
    let late = trial.get("/mark-soon/late");
    assert_eq!(
        (late.status, code(&late)),
        (504, "handler_timeout".to_owned())
    );
    trial.go("it-go");
    assert_eq!(held.read().status, 200);
    // One worker: the request before it has run by then.
    trial.answering();
    assert!(!trial.file("left").exists() && !trial.file("late").exists());
}

#[test]
fn a_full_queue_refuses_and_serves_whoever_is_in_it() {
    let trial = Trial::start("life::serving", &[ONE, ("HYBRID_QUEUE_DEPTH", "2")]);
    let mut held = trial.sent("/hold/it");
    trial.told("it");
    let mut waiting = [trial.sent("/mark/one"), trial.sent("/mark/two")];
    trial.waits(2);
    for _ in 0..3 {
        is_overloaded(&trial.get("/mark/three"));
    }
    trial.go("it-go");
    assert_eq!(held.read().status, 200);
    assert!(waiting.iter_mut().all(|wire| wire.read().status == 204));
    assert!(trial.file("one").exists() && trial.file("two").exists());
    assert!(!trial.file("three").exists());
}

#[test]
fn a_call_waits_for_a_worker_no_longer_than_queue_wait() {
    let trial = Trial::start("life::serving", &[ONE, ("HYBRID_QUEUE_WAIT", "1s")]);
    // The first ones may wait in vain for the worker to start.
    eventually("there is a worker", || trial.get("/pid").status == 200);
    let mut held = trial.sent("/hold/it");
    trial.told("it");
    let asked = Instant::now();
    is_overloaded(&trial.get("/mark/one"));
    let took = asked.elapsed();
    let wanted = Duration::from_secs(1)..Duration::from_secs(10);
    assert!(wanted.contains(&took), "{took:?}");
    trial.go("it-go");
    assert_eq!(held.read().status, 200);
    trial.answering();
    assert!(!trial.file("one").exists());
}

#[test]
fn no_more_than_max_concurrency_run_and_the_other_workers_are_free() {
    let trial = Trial::start("life::serving", &[]);
    let names = ["a", "b", "c", "d"];
    let mut wires = names.map(|name| trial.sent(&format!("/hold-alone/{name}")));
    let holds = || names.into_iter().find(|name| trial.file(name).exists());
    eventually("one has begun", || holds().is_some());
    let worker = trial.told_pid(holds().unwrap());
    // Those that wait for their turn hold no worker meanwhile.
    for _ in 0..5 {
        assert_ne!(trial.answering(), worker);
    }
    trial.go("alone-go");
    assert!(wires.iter_mut().all(|wire| wire.read().status == 204));
    assert_eq!(trial.told("alone"), "begins\nends\n".repeat(4));
}

#[test]
fn a_hundred_at_once_are_answered_by_two_workers() {
    let trial = Trial::start("life::serving", &[]);
    let addr = trial.addr;
    let clients = at_once(100, move |_| number(&ask(addr, "GET", "/nap/10", b"")));
    let pids: BTreeSet<_> = join(clients).into_iter().collect();
    assert_eq!(pids.len(), 2);
    assert_eq!(trial.children(), pids);
}

// --- what is around a worker ---

#[test]
fn a_worker_has_the_variables_that_are_named_and_ours() {
    let narrow = ("HYBRID_WORKER_ENV", "IT_PROGRAM,IT_DIRECTORY,KEPT");
    let given = [narrow, ("KEPT", "1"), ("KEPT_NOT", "1")];
    let all = Trial::start("life::serving", &given[1..]);
    let all = all.get("/variables");
    assert!(all.text().contains("KEPT_NOT") && all.text().contains("PATH"));

    let trial = Trial::start("life::serving", &given);
    let reply = trial.get("/variables");
    let is_ours = |name: &&str| name.starts_with("HYBRID_") || name.starts_with("MIMALLOC_");
    let (ours, others): (BTreeSet<_>, BTreeSet<_>) = reply.text().split(' ').partition(is_ours);
    assert_eq!(others, ["IT_DIRECTORY", "IT_PROGRAM", "KEPT"].into());
    let passed = [
        "HYBRID_MAX_PROCESSES",
        "HYBRID_WORKER_ENV",
        "HYBRID_WORKER_OF",
    ];
    assert!(ours.is_superset(&passed.into()), "{ours:?}");
}

/// Whatever it is, it is a line of the server's log with who said it.
#[test]
fn what_a_handler_says_is_in_the_server_s_log() {
    let log = ("HYBRID_LOG", "info,app=trace,hybrid::worker=trace");
    let trial = Trial::start("life::serving", &[ONE, log]);
    let mut wire = trial.sent("/say/enough");
    let worker = trial.busy_pid("/say/{name}");
    // The two streams may come in any order.
    let mut wanted = vec![
        ("INFO", "printed to stdout", "stdout"),
        ("INFO", "printed to stderr", "stderr"),
        ("TRACE", "app: traced", "stderr"),
        ("DEBUG", "app: debugged", "stderr"),
        ("INFO", "app: informed", "stderr"),
        ("WARN", "app: warned", "stderr"),
        ("ERROR", "app: failed", "stderr"),
    ];
    while !wanted.is_empty() {
        let line = trial.program.says("");
        wanted.retain(|(level, text, stream)| {
            let who = format!("pid={worker} route=\"/say/{{name}}\" stream=\"{stream}\"");
            !line.contains(&format!("{level} hybrid::worker: {text} {who}"))
        });
    }
    trial.go("enough");
    assert_eq!(wire.read().status, 204);
}

/// A worker takes its next call only after the server has read what it wrote, so a line
/// never carries the route of the next call. Both requests lie in the socket, so the
/// second call comes as soon as the worker may have it.
#[test]
fn a_line_carries_the_route_that_wrote_it() {
    // Fewer than a stream may write in a second.
    const CALLS: usize = 80;
    let trial = Trial::start("life::serving", &[ONE]);
    let worker = trial.answering();
    let who = format!("pid={worker} route=\"/flood/{{lines}}\" stream=\"stderr\"");
    let mut wire = trial.wire();
    let both = [request("GET", "/flood/1", b""), request("GET", "/pid", b"")].concat();
    for _ in 0..CALLS {
        wire.write(&both);
        assert_eq!(wire.read().status, 204);
        assert_eq!(number(&wire.read()), worker);
        let line = trial.program.says("flood 0");
        assert!(line.ends_with(&who), "{line}");
    }
}

/// It is not held up, and every line is either there or counted.
#[test]
fn a_handler_that_floods_its_output_is_answered_and_its_lines_are_counted() {
    const LINES: usize = 10_000;
    let trial = Trial::start("life::serving", &[ONE]);
    let worker = trial.answering();
    let who = format!("pid={worker} route=\"/flood/{{lines}}\" stream=\"stderr\"");
    let asked = Instant::now();
    assert_eq!(trial.get(&format!("/flood/{LINES}")).status, 204);
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let (mut said, mut dropped) = (0, 0);
    while said + dropped < LINES {
        let line = trial.program.says("hybrid::worker: ");
        if line.starts_with("flood ") {
            said += 1;
        } else if let Some((lines, _)) = line.split_once(" lines dropped") {
            dropped += lines.parse::<usize>().unwrap();
        } else {
            continue;
        }
        assert!(line.ends_with(&who), "{line}");
    }
    assert_eq!(said + dropped, LINES);
    assert!(said >= 100 && dropped > LINES / 2, "{said} {dropped}");
    assert_eq!(trial.answering(), worker);
}

#[test]
fn what_a_handler_has_started_dies_with_its_worker() {
    let trial = Trial::start("life::serving", &[ONE]);
    let mut wire = trial.sent("/child/it");
    let told = trial.told("it");
    let (worker, child) = told.split_once(' ').unwrap();
    let (worker, child) = (worker.parse().unwrap(), child.parse().unwrap());
    assert!(is_alive(child));
    kill(worker, Signal::KILL);
    assert_eq!(code(&wire.read()), "worker_crashed");
    eventually("it is gone", || !is_alive(child));
}

/// The variable that makes a worker is inherited, and makes none of it.
#[test]
fn the_same_program_started_by_a_handler_is_a_server() {
    let trial = Trial::start("life::serving", &[ONE]);
    let reply = trial.get("/again");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let pids: Vec<i32> = reply
        .text()
        .split(' ')
        .map(|pid| pid.parse().unwrap())
        .collect();
    let worker = trial.answering();
    assert_eq!(pids[0], pids[1], "it serves itself");
    let all: BTreeSet<_> = [trial.pid(), worker, pids[0], pids[2]].into();
    assert_eq!(all.len(), 4, "it has a worker of its own");
    eventually("they are gone", || !is_alive(pids[0]) && !is_alive(pids[2]));
}

#[test]
fn a_handler_may_block_on_futures_and_use_the_pool_of_its_worker() {
    let trial = Trial::start("life::serving", &[ONE]);
    let worker = trial.answering();
    for _ in 0..3 {
        let reply = trial.get("/inside");
        assert_eq!(reply.text(), format!("{worker} {worker} {worker}"));
    }
}

#[test]
fn a_panic_costs_its_request_and_not_the_worker() {
    let trial = Trial::start("life::serving", &[ONE]);
    let worker = trial.answering();
    for target in [
        "/panic",
        "/panic-in-guard",
        "/panic-in-rule",
        "/panic-in-drop",
    ] {
        for _ in 0..10 {
            let mut wire = trial.wire();
            wire.write(format!(
                "POST {target} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                 content-length: 7\r\n\r\n{{\"n\":1}}"
            ));
            let reply = wire.read();
            assert_eq!(
                (reply.status, code(&reply)),
                (500, "internal_error".to_owned()),
                "{target}"
            );
            assert!(!reply.text().contains(BOOM), "{}", reply.text());
        }
        assert_eq!(trial.answering(), worker, "{target}");
    }
}
