//! Starts of workers that go wrong by no fault of the application: its program was
//! replaced, the system refuses, another program answers, a signal stops them.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use super::{DIRECTORY, Trial, code, is_alive, kill, request, wait_for_file, within};
use crate::harness::{Program, Reply, eventually, main_of};

// === The programs ===

#[get("/well", lane = process)]
fn well() -> String {
    std::process::id().to_string()
}

#[get("/pool")]
fn on_pool() -> &'static str {
    "well"
}

#[get("/other", lane = process)]
fn other() {}

fn app() -> App {
    App::new()
        .admin_at("/_hybrid")
        .config(Config::new().addr("127.0.0.1:0"))
        .routes(routes![well, on_pool])
}

#[test]
fn serving() {
    main_of(|| app().run());
}

fn is_worker() -> bool {
    std::env::var_os("HYBRID_WORKER_OF").is_some()
}

/// Its workers are not ready before there is a file.
#[test]
fn slow() {
    main_of(|| {
        if is_worker() {
            wait_for_file("may-start");
        }
        app().run()
    });
}

/// Its workers have one more route.
#[test]
fn undecided() {
    main_of(|| match is_worker() {
        true => app().routes(routes![other]).run(),
        false => app().run(),
    });
}

// === The tests ===

fn check_refused(reply: &Reply) {
    assert_eq!((reply.status, code(reply)), (503, "overloaded".to_owned()));
    let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");
}

/// A deployment puts another file in the program's place, or removes it, while the
/// server runs: workers are what the server is.
#[test]
fn a_program_that_was_replaced_on_disk_goes_on_starting_workers() {
    let directory = tempfile::tempdir().unwrap();
    let binary = directory.path().join("program");
    let this = std::env::current_exe().unwrap();
    fs::hard_link(&this, &binary)
        .or_else(|_| fs::copy(&this, &binary).map(drop))
        .unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    let variables = [(DIRECTORY, path.as_str()), ("HYBRID_MAX_PROCESSES", "1")];
    let program = Program::start_binary(
        &binary,
        "processes::starts::serving",
        Path::new("."),
        &variables,
    );
    let addr = program.listens();
    let trial = Trial {
        program,
        addr,
        directory,
    };
    let mut before = trial.get("/well").text().parse().unwrap();
    let next = trial.file("next");
    fs::write(&next, "another program").unwrap();
    let steps: [&dyn Fn(); 2] = [&|| fs::rename(&next, &binary).unwrap(), &|| {
        fs::remove_file(&binary).unwrap()
    }];
    for step in steps {
        step();
        kill(before, Signal::KILL);
        eventually("it is gone", || !is_alive(before));
        let reply = trial.get("/well");
        assert_eq!(reply.status, 200);
        assert_ne!(reply.text(), before.to_string());
        before = reply.text().parse().unwrap();
    }
}

/// The server may open nothing more: no worker comes, what needs none is served, and
/// when it may again all is well.
#[test]
fn a_system_that_refuses_is_said_and_asked_again_later() {
    let trial = Trial::start("starts::serving", &[]);
    let mut wire = trial.wire();
    let mut get = |target| {
        wire.write(request("GET", target, b""));
        wire.read()
    };
    assert_eq!(get("/pool").text(), "well");
    let server = Pid::from_raw(trial.pid());
    let limit = |files| {
        let limits = Rlimit {
            current: files,
            maximum: getrlimit(Resource::Nofile).maximum,
        };
        prlimit(server, Resource::Nofile, limits).unwrap()
    };
    let files = fs::read_dir(format!("/proc/{}/fd", trial.pid())).unwrap();
    let before = limit(Some(files.count() as u64));

    check_refused(&get("/well"));
    let said = trial.program.says("a worker process cannot be started");
    assert!(
        said.contains("open files") && said.contains("pause="),
        "{said}"
    );
    let asked = Instant::now();
    check_refused(&get("/well"));
    assert!(asked.elapsed() < Duration::from_secs(5), "refused at once");
    assert_eq!(get("/pool").text(), "well");

    limit(before.current);
    eventually("a worker is there", || get("/well").status == 200);
    assert!(trial.ended("start_failed") >= 1);
}

/// One that is stopped before it is ready would say nothing for ever.
#[test]
fn a_worker_that_is_stopped_while_it_starts_is_replaced() {
    let trial = Trial::start("starts::slow", &[("HYBRID_MAX_PROCESSES", "1")]);
    let first = trial.begin("GET", "/well");
    eventually("a worker starts", || !trial.worker_pids().is_empty());
    let stopped = trial.worker_pids()[0];
    kill(stopped, Signal::STOP);
    fs::write(trial.file("may-start"), "").unwrap();
    let is_served = || trial.get("/well").status == 200;
    assert!(within(Duration::from_secs(10), is_served));
    assert!(!is_alive(stopped));
    assert!(matches!(first.join().unwrap().status, 200 | 503));
}

#[test]
fn workers_with_other_routes_are_of_no_use() {
    let trial = Trial::start("starts::undecided", &[]);
    check_refused(&trial.get("/well"));
    let said = trial.program.says("a worker is of no use");
    assert!(
        said.contains("its routes are others than the server's"),
        "{said}"
    );
    assert_eq!(trial.get("/pool").text(), "well");
}
