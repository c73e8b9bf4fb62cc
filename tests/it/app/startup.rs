//! Whatever is wrong with an application is one report, before it listens.

use std::{fs, io, path::Path, sync::mpsc};

use hybrid::prelude::*;

use super::programs::FIRST_LINE;
use crate::harness::{Program, Server, Wire, main_of};

/// Two routes that clash, a state that nobody gave (needed by a guard), a state
/// given twice, one that cannot be made, a prefix without `/`, and a
/// configuration with three mistakes in its file and one in the program.
#[test]
fn everything_that_is_wrong_is_one_report_and_exit_code_1() {
    let directory = std::env::temp_dir().join(format!("hybrid-it-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let file = "max_thread = 4\n# a comment\nqueue_wait = \"soon\"\nlog_format = \"xml\"\n";
    fs::write(directory.join("hybrid.toml"), file).unwrap();
    let ended = Program::start("app::programs::faulty", &directory, &[]).ended();
    fs::remove_dir_all(&directory).unwrap();

    let log = &ended.log;
    assert_eq!(ended.status.code(), Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(
        log.matches("the application could not start").count(),
        1,
        "{log}"
    );
    let here = "tests/it/app/programs.rs";
    let (first, second) = (FIRST_LINE, FIRST_LINE + 5);
    for expected in [
        "hybrid.toml:1: there is no key `max_thread`, did you mean `max_threads`?",
        "hybrid.toml:3: `queue_wait` must be",
        "hybrid.toml:4: `log_format` must be",
        "the program's `Config`: `max_threads` must be between `1` and `16384`, not `0`",
        "two routes answer GET /users/{",
        &format!("`first` at {here}:{first}"),
        &format!("`second` at {here}:{second}"),
        "`me` takes `State<it::app::programs::Database>`, which the app does not have",
        &format!("`me` at {here}:"),
        "two states of type `u16` in one group",
        "the state of type `u8` could not be made: no such file: app.db",
        "the prefix `api` must begin with `/`: write \"/api\"",
        &format!("group at {here}:"),
    ] {
        assert!(log.contains(expected), "`{expected}` is missing in\n{log}");
    }
    // One mistake, one message.
    assert!(
        log.contains("could not start, 10 things are wrong"),
        "{log}"
    );
}

#[test]
fn an_address_in_use_is_a_report_too() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let variables = [("HYBRID_ADDR", addr.as_str()), ("HYBRID_ADRR", "1")];
    let ended = Program::start("app::programs::serving", Path::new("."), &variables).ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(
        ended.log.contains(&format!("{addr} cannot be listened on")),
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

#[test]
fn the_start_logs_every_route_with_its_lane_and_place() {
    let program = Program::start(
        "app::programs::serving",
        Path::new("."),
        &[("HYBRID_ADRR", "1")],
    );
    let warning = program.says("the variable `HYBRID_ADRR` is ignored");
    assert!(warning.contains("did you mean `addr`?"), "{warning}");
    let check = |route: &str, lane: &str| {
        let line = program.says(&format!("  GET  {route} "));
        let columns: Vec<_> = line.split_whitespace().collect();
        assert_eq!(columns[0], lane, "{line}");
        assert!(columns[1].starts_with("it::app::programs::"), "{line}");
        assert!(
            columns[2].starts_with("tests/it/app/programs.rs:"),
            "{line}"
        );
    };
    check("/sleep/{ms}", "pool");
    check("/sleep-async/{ms}", "event");
    check("/in/span", "event");
    program.listens();
}

#[test]
fn the_span_of_a_request_goes_with_it_to_the_pool() {
    let program = Program::start("app::programs::serving", Path::new("."), &[]);
    let mut wire = Wire::to(program.listens());
    let mut check = |path: &str, expected: &str| {
        wire.ask(path);
        assert_eq!(wire.read().text(), expected);
    };
    check("/in/span", "of_this_request of_this_request");
    check("/in/span-plain", "of_this_request");
}

fn report(app: App) -> String {
    let error = TestClient::new(app)
        .check()
        .expect_err("the application is wrong");
    format!("{error:?}")
}

#[get("/plain")]
async fn plain() {}

#[get("/rest")]
async fn rest(#[path] tenant: String) -> String {
    tenant
}

#[test]
fn faults_of_groups_and_mounts() {
    let check = |app: App, expected: &str| {
        let report = report(app);
        assert!(report.contains(expected), "{report}");
        assert!(report.contains("tests/it/app/startup.rs:"), "{report}");
    };
    let mounted = || axum::Router::<()>::new();
    check(
        App::new().mount("/a", mounted()).mount("/a", mounted()),
        "something stands at /a already",
    );
    check(
        App::new().routes(routes![plain]).mount("/plain", mounted()),
        "/plain",
    );
    check(
        App::new().mount("a", mounted()),
        "the path `a` of a mount must begin with `/`",
    );
    check(
        App::new().mount("/", mounted()).mount("/", mounted()),
        "two services are mounted at `/`",
    );
    check(
        App::new().group("/{a}", |g| g.group("/{a}", |g| g.routes(routes![plain]))),
        "has the name `a` twice",
    );
    check(
        App::new().group("/{tenan}", |g| g.routes(routes![rest])),
        "`rest` reads `{tenant}`, which /{tenan}/rest does not have",
    );
}

#[get("/expressions")]
async fn expressions(#[query(ge = 10, default = 2 + 3)] n: u32) -> String {
    n.to_string()
}

#[test]
fn a_default_that_is_an_expression_is_judged_at_the_start() {
    let report = report(App::new().routes(routes![expressions]));
    assert!(
        report.contains("the default of `n` must be at least 10"),
        "{report}"
    );
}

// === Hooks ===

#[test]
fn hooks_run_in_order_around_the_serving() {
    let (say, hear) = mpsc::sync_channel::<&'static str>(16);
    let note = |text: &'static str| {
        let say = say.clone();
        move || say.send(text).map_err(io::Error::other)
    };
    let note_async = |text: &'static str| {
        let say = say.clone();
        move || async move {
            tokio::task::yield_now().await;
            say.send(text).map_err(io::Error::other)
        }
    };
    let make = {
        let note = note("state");
        move || note().map(|()| 7_u32)
    };
    let make_async = {
        let note = note_async("state async");
        move || async move { note().await.map(|()| 8_u64) }
    };
    let app = App::new()
        .on_stop(note("stop 1"))
        .on_start(note("start 1"))
        .on_start_async(note_async("start 2"))
        .state_with(make)
        .state_with_async(make_async)
        .on_stop_async(note_async("stop 2"))
        .on_start(note("start 3"))
        .routes(routes![made]);
    let server = Server::start(app);
    assert_eq!(server.get("/made").text(), "7 8");
    let before: Vec<_> = hear.try_iter().collect();
    assert_eq!(
        before,
        ["state", "state async", "start 1", "start 2", "start 3"]
    );
    server.stop().unwrap();
    assert_eq!(hear.try_iter().collect::<Vec<_>>(), ["stop 1", "stop 2"]);
}

#[get("/made")]
fn made(State(small): State<u32>, State(large): State<u64>) -> String {
    format!("{small} {large}")
}

#[test]
fn constructors_of_states_may_block_and_have_the_runtime() {
    let make = || {
        let spawned = tokio::spawn(async { 7_u32 });
        std::thread::sleep(std::time::Duration::from_millis(1));
        hybrid::block_on(spawned)
    };
    let make_async = || async {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        tokio::spawn(async { 8_u64 }).await
    };
    let app = || {
        App::new()
            .state_with(make)
            .state_with_async(make_async)
            .routes(routes![made])
    };
    assert_eq!(Server::start(app()).get("/made").text(), "7 8");
    assert_eq!(TestClient::new(app()).get("/made").send().text(), "7 8");
}

#[test]
fn a_start_hook_that_fails_ends_the_start() {
    let app = App::new()
        .on_start(|| Err("the disk is full"))
        .on_start(|| -> Result<(), &str> { unreachable!("the first has failed") });
    let report = report(app);
    assert!(
        report.contains("a start hook failed: the disk is full"),
        "{report}"
    );
    assert!(report.contains("tests/it/app/startup.rs:"), "{report}");
}

#[test]
fn what_fails_while_serving_starts_is_returned() {
    let server = Server::start(App::new().state_with(|| Err::<u8, _>("no database")));
    let error = server.stop().unwrap_err();
    assert!(
        format!("{error:?}").contains("could not be made: no database"),
        "{error:?}"
    );
    assert_eq!(error.count(), 1);
}

#[test]
fn requests_before_the_stop_are_answered_by_serve_too() {
    let mut server = Server::start(App::new().routes(routes![plain]));
    let mut wire = Wire::to(server.addr);
    wire.ask("/plain");
    assert_eq!(wire.read().status, 204);
    server.ask_to_stop();
    assert!(wire.is_closed());
    server.stop().unwrap();
}

const fn zero() -> u32 {
    0
}

#[model]
struct Limits {
    #[field(ge = 1, default_with = zero)]
    lowest: u32,
}

#[model]
struct Search {
    limits: Vec<Limits>,
}

#[post("/search")]
async fn search(Json(search): Json<Search>) -> String {
    search.limits[0].lowest.to_string()
}

#[post("/searches")]
async fn searches(Json(searches): Json<Vec<Search>>) -> String {
    searches.len().to_string()
}

/// A program, see `programs`.
#[test]
fn with_an_odd_default() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        let routes = routes![search, searches];
        App::new().config(config).routes(routes).run()
    });
}

#[test]
fn a_default_of_a_model_that_breaks_its_rule_is_a_warning_and_no_refusal() {
    let program = Program::start("app::startup::with_an_odd_default", Path::new("."), &[]);
    let warning =
        program.says("the default of the field `lowest` of `Limits` (tests/it/app/startup.rs:");
    assert!(warning.contains("must be at least 1"), "{warning}");
    let mut wire = Wire::to(program.listens());
    let mut post = |body: &str| {
        let head = "POST /search HTTP/1.1\r\nhost: test\r\ncontent-type: application/json";
        let length = body.len();
        wire.write(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}"));
        wire.read()
    };
    assert_eq!(post(r#"{"limits":[{}]}"#).text(), "0");
    assert_eq!(post(r#"{"limits":[{"lowest":0}]}"#).status, 422);
}
