//! What is said of an application that cannot have workers, and what is served while
//! none can be started.

use std::{
    env, fs,
    path::Path,
    process::{abort, exit, id},
    time::Duration,
};

use hybrid::prelude::*;
use tokio::net::TcpListener;

use super::{Trial, code, directory, tell, within};
use crate::harness::{PATIENCE, Program, Reply, eventually, main_of};

// === The programs ===

#[get("/pid", lane = process)]
fn pid() -> String {
    id().to_string()
}

#[get("/abort", lane = process)]
fn end() {
    abort()
}

#[get("/pool")]
fn on_pool() -> String {
    id().to_string()
}

#[get("/event")]
async fn on_event() -> String {
    id().to_string()
}

fn app() -> App {
    let config = Config::new().addr("127.0.0.1:0");
    App::new()
        .admin_at("/_hybrid")
        // On a machine that is busy a worker may take its time to start.
        .config(config.queue_wait(Duration::from_secs(30)))
        .routes(routes![pid, end, on_pool, on_event])
}

#[test]
fn running() {
    main_of(|| app().run());
}

/// A `main` that leaves its workers to themselves, for as long as there is no file.
#[test]
fn exiting() {
    main_of(|| {
        let is_worker = env::var_os("HYBRID_WORKER_OF").is_some();
        if is_worker && !directory().join("cause-is-gone").exists() {
            exit(3);
        }
        app().run()
    });
}

/// A `main` with a runtime of its own.
fn served(prepare: fn()) -> hybrid::Result<()> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        prepare();
        tell(&format!("listener-of-{}", id()), "");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!("listening on http://{}", listener.local_addr().unwrap());
        app().serve(listener).await
    })
}

#[test]
fn prepared() {
    main_of(|| served(|| hybrid::enter_worker(app)));
}

#[test]
fn unprepared() {
    main_of(|| served(|| ()));
}

// === The tests ===

#[track_caller]
fn is_overloaded(status: u16, retry_after: Option<&str>, what: &str) {
    assert_eq!(status, 503, "{what}");
    let wait: u64 = retry_after.unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

/// The log of that program, which does not start.
fn report(name: &str, variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut all = vec![(super::DIRECTORY, directory.path().to_str().unwrap())];
    all.extend(variables);
    let name = format!("processes::faults::{name}");
    let ended = Program::start(&name, Path::new("."), &all).ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
    ended.log
}

#[track_caller]
fn check(report: &str, expected: &[&str]) {
    for text in expected {
        assert!(report.contains(text), "`{text}` is missing in\n{report}");
    }
}

const STATEFUL_LINE: u32 = line!() + 3;

#[get("/stateful", lane = process)]
fn stateful(State(n): State<u32>) -> String {
    n.to_string()
}

#[test]
fn a_value_that_a_worker_cannot_have_is_reported_with_both_places() {
    let given_line = line!() + 1;
    let app = App::new().state(7_u32).routes(routes![stateful]);
    let client = TestClient::new(app).worker_binary("/does/not/exist");
    let report = format!("{:?}", client.check().unwrap_err());
    check(
        &report,
        &[
            "`stateful` runs in a worker process, which cannot have the value of `State<u32>`",
            "write `.state_with(|| ..)`",
            &format!("`stateful` at tests/it/processes/faults.rs:{STATEFUL_LINE}"),
            &format!("given at tests/it/processes/faults.rs:{given_line}"),
        ],
    );
    // On the pool there is nothing wrong with it.
    let app = App::new().state(7_u32).routes(routes![stateful]);
    assert_eq!(TestClient::new(app).get("/stateful").send().text(), "7");
}

#[test]
fn a_main_that_workers_would_go_through_is_reported_with_its_routes() {
    let log = report("unprepared", &[]);
    let expected = [
        "`pid` at tests/it/processes/faults.rs:",
        "`end` at tests/it/processes/faults.rs:",
        "call `hybrid::enter_worker(app)` as the first statement of `main`",
    ];
    check(&log, &expected);
    assert!(!log.contains("`on_pool`"), "{log}");
}

#[cfg(not(feature = "sandbox"))]
#[test]
fn a_sandbox_without_its_feature_is_reported() {
    let log = report("running", &[("HYBRID_SANDBOX", "true")]);
    check(
        &log,
        &[
            "`sandbox` needs the feature `sandbox` of hybrid",
            "features = [\"sandbox\"]",
        ],
    );
}

#[test]
fn a_main_with_a_runtime_of_its_own_has_workers() {
    let trial = Trial::start("faults::prepared", &[]);
    let worker: i32 = trial.get("/pid").text().parse().unwrap();
    assert!(trial.children().contains(&worker));
    let crashed = trial.get("/abort");
    assert_eq!(
        (crashed.status, code(&crashed)),
        (500, "worker_crashed".to_owned())
    );
    let next: i32 = trial.get("/pid").text().parse().unwrap();
    assert!(next != worker && trial.children().contains(&next));
    for target in ["/pool", "/event"] {
        assert_eq!(trial.get(target).text(), trial.pid().to_string());
    }
    // No worker went on to where a server binds its listener.
    let names = fs::read_dir(trial.directory.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [&*format!("listener-of-{}", trial.pid())]);
}

#[test]
fn while_no_worker_can_be_started_all_else_is_served() {
    let trial = Trial::start("faults::exiting", &[]);
    let check = |reply: &Reply| {
        is_overloaded(reply.status, reply.header("retry-after"), reply.text());
        assert_eq!(code(reply), "overloaded");
    };
    for _ in 0..3 {
        check(&trial.get("/pid"));
        for target in ["/pool", "/event"] {
            assert_eq!(trial.get(target).text(), trial.pid().to_string());
        }
    }
    let said = trial.program.says("a worker ended before it was ready");
    assert!(said.contains("exit code 3"), "{said}");
    fs::write(trial.file("cause-is-gone"), "").unwrap();
    let mut last = 0;
    let is_back = within(PATIENCE, || {
        let reply = trial.get("/pid");
        last = reply.status;
        if last != 200 {
            check(&reply);
        }
        last == 200
    });
    assert!(is_back, "{last}");
    eventually("no request is left out", || {
        let workers = trial.workers();
        workers.iter().all(|worker| worker.state == "idle")
    });
}

#[test]
fn a_test_s_workers_whose_program_is_not_there_are_refused() {
    let client = TestClient::new(app()).worker_binary("/does/not/exist");
    for _ in 0..3 {
        let reply = client.get("/pid").send();
        is_overloaded(
            reply.status().as_u16(),
            reply.header("retry-after"),
            reply.text(),
        );
        assert!(reply.text().contains("\"overloaded\""), "{}", reply.text());
    }
    assert_eq!(client.get("/pool").send().status(), 200);
}
