//! The log of a program that `run` owns: through real pipes, full disks and closed
//! ends, none of which may harm a request; and what its lines say.

use std::{
    fs::File,
    io::{PipeReader, Read as _, pipe},
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Ended, Program, Reply, Wire, at_once, eventually, join, main_of};

// === The programs ===

#[get("/panic")]
fn panics() {
    panic!("as the test wants it")
}

#[get("/panic-async")]
async fn panics_async() {
    panic!("as the test wants it")
}

#[get("/hello")]
async fn hello() -> &'static str {
    "hello"
}

/// Holds its loop for long enough that the balancer says so.
#[get("/stall")]
async fn stall() {
    thread::sleep(Duration::from_millis(300));
}

/// Its deadline is far when it begins to wait.
#[get("/late", timeout = "2500ms")]
async fn late() {
    std::future::pending::<()>().await;
}

#[get("/pending")]
async fn pending() {
    std::future::pending::<()>().await;
}

#[get("/abort", lane = process)]
fn abort() {
    std::process::abort()
}

#[get("/apart", lane = process)]
fn apart() -> String {
    format!("{} {}", std::process::id(), oom_score())
}

#[get("/fails-apart", lane = process)]
fn fails_apart() -> Result<()> {
    Err(Problem::internal("the worker's disk is gone"))
}

#[get("/score")]
async fn score() -> String {
    oom_score().to_string()
}

fn oom_score() -> i32 {
    let text = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    text.trim().parse().unwrap()
}

#[get("/gateway")]
async fn gateway() -> StatusCode {
    StatusCode::BAD_GATEWAY
}

#[get("/slow/{id}", timeout = "50ms")]
fn slow(id: u32) {
    thread::sleep(Duration::from_millis(400 + u64::from(id)));
}

#[get("/speaks")]
fn speaks() {
    tracing::info!("the handler speaks");
}

mod other {
    use super::*;

    #[get("/other/gateway")]
    pub(super) fn gateway() -> StatusCode {
        StatusCode::GATEWAY_TIMEOUT
    }
}

#[middleware]
async fn closed(_request: Request, _next: Next) -> Response {
    StatusCode::INSUFFICIENT_STORAGE.into_response()
}

#[middleware]
async fn broken(_request: Request, _next: Next) -> Response {
    panic!("the middleware is broken")
}

fn app() -> App {
    let config = Config::new()
        .addr("127.0.0.1:0")
        .event_loops(2)
        .max_processes(1)
        .queue_wait(Duration::from_secs(60));
    App::new()
        .config(config)
        .admin_at("/_hybrid")
        .routes(routes![
            panics,
            panics_async,
            hello,
            stall,
            late,
            pending,
            abort,
            apart,
            fails_apart,
            score,
            gateway,
            slow,
            speaks,
            other::gateway
        ])
        .group("/closed", |group| {
            group.middleware(closed).routes(routes![hello])
        })
        .group("/broken", |group| {
            group.middleware(broken).routes(routes![hello])
        })
}

#[test]
fn logging() {
    main_of(|| app().run());
}

#[test]
fn inside_a_runtime() {
    main_of(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { app().run() })
    });
}

fn start(variables: &[(&str, &str)]) -> Program {
    Program::start("admin::log::logging", Path::new("."), variables)
}

fn ask(wire: &mut Wire, path: &str) -> Reply {
    wire.ask(path);
    wire.read()
}

fn stop(program: Program) -> Ended {
    program.signal(Signal::TERM);
    program.ended()
}

// === Where standard error takes nothing ===

/// A program whose standard error is a pipe; the end that reads it.
fn into_pipe(variables: &[(&str, &str)]) -> (Program, PipeReader) {
    let (read, write) = pipe().unwrap();
    let program = Program::start_unread("admin::log::logging", Stdio::from(write), variables);
    (program, read)
}

#[test]
fn a_pipe_that_nothing_reads_costs_no_request_and_no_stop() {
    let (program, unread) = into_pipe(&[]);
    let addr = program.found();
    let statuses = at_once(6, move |number| {
        let mut wire = Wire::to(addr);
        let path = if number % 2 == 0 {
            "/panic"
        } else {
            "/panic-async"
        };
        (0..100)
            .map(|_| ask(&mut wire, path).status)
            .collect::<Vec<_>>()
    });
    assert_eq!(join(statuses).concat(), [500; 600]);
    let mut wire = Wire::to(addr);
    assert_eq!(ask(&mut wire, "/_hybrid/health/live").status, 200);
    drop(wire);
    let asked = Instant::now();
    let ended = stop(program);
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
    drop(unread);
}

#[test]
fn lines_that_found_no_room_are_counted_and_reported() {
    let (mut program, unread) = into_pipe(&[("HYBRID_LOG_REQUESTS", "all")]);
    let addr = program.found();
    // More than the channel and the pipe hold.
    let asked = at_once(4, move |_| {
        let mut wire = Wire::to(addr);
        let request = "GET /hello HTTP/1.1\r\nhost: test\r\n\r\n".repeat(50);
        for _ in 0..70 {
            wire.write(&request);
            assert!((0..50).all(|_| wire.read().status == 200));
        }
    });
    join(asked);
    let mut wire = Wire::to(addr);
    let dropped = |wire: &mut Wire| {
        let metrics = ask(wire, "/_hybrid/metrics");
        let line = metrics
            .text()
            .lines()
            .find_map(|line| line.strip_prefix("hybrid_log_dropped_total "));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert!(dropped(&mut wire) > 0.0);
    program.read(unread);
    program.says("log lines were dropped dropped=");
    drop(wire);
    assert_eq!(stop(program).status.code(), Some(0));
}

/// Every way in which a log line was fatal before.
fn survives(stderr: Stdio) {
    let program = Program::start_unread("admin::log::logging", stderr, &[]);
    let mut wire = Wire::to(program.found());
    for path in ["/panic", "/panic-async", "/abort", "/fails-apart"] {
        assert_eq!(ask(&mut wire, path).status, 500, "{path}");
    }
    eventually("there is another worker", || {
        ask(&mut wire, "/apart").status == 200
    });
    // A stall is a line of the balancer's, whose thread rings for far deadlines.
    assert_eq!(ask(&mut wire, "/stall").status, 204);
    assert_eq!(ask(&mut wire, "/late").status, 504);
    assert_eq!(ask(&mut wire, "/_hybrid/health/ready").status, 200);
    drop(wire);
    assert_eq!(stop(program).status.code(), Some(0));
}

#[test]
fn a_closed_pipe_harms_nothing() {
    let (read, write) = pipe().unwrap();
    drop(read);
    survives(Stdio::from(write));
}

#[test]
fn a_full_disk_harms_nothing() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    survives(Stdio::from(full));
}

#[test]
fn a_start_that_fails_says_so_by_its_code_alone_where_nothing_can_be_written() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = Program::start_unread("app::programs::faulty", Stdio::from(full), &[]).ended();
    assert_eq!(ended.status.code(), Some(1));
}

/// The report of the end would wait for a reader for ever.
#[test]
fn a_forced_stop_ends_although_nothing_reads_its_report() {
    let (mut program, unread) = into_pipe(&[]);
    let addr = program.found();
    let statuses = at_once(4, move |_| {
        let mut wire = Wire::to(addr);
        (0..100)
            .map(|_| ask(&mut wire, "/panic").status)
            .collect::<Vec<_>>()
    });
    assert_eq!(join(statuses).concat(), [500; 400]);
    let mut wire = Wire::to(addr);
    wire.ask("/pending");
    let mut other = Wire::to(addr);
    assert_eq!(ask(&mut other, "/hello").status, 200);
    drop(other);
    // Two that come at once are one.
    eventually("it stops", || {
        program.signal(Signal::TERM);
        program.has_ended()
    });
    assert_eq!(program.ended().status.code(), Some(1));
    drop(unread);
}

// === What lines say ===

/// The lines of requests, each with its fields.
fn requests(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "hybrid::request")
        .map(|line| line["fields"].clone())
        .collect()
}

fn json(variables: &[(&str, &str)]) -> Program {
    let mut all = vec![("HYBRID_LOG_FORMAT", "json")];
    all.extend(variables);
    start(&all)
}

#[test]
fn each_failure_has_one_line_with_all_that_an_operator_asks() {
    let program = json(&[]);
    let addr = addr_of(&program);
    let mut wire = Wire::to(addr);
    let named = |path: &str, id: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: test\r\nx-request-id: {id}\r\n\r\n")
    };
    let asked = [
        ("/gateway", "a-1", 502),
        ("/other/gateway", "a-2", 504),
        ("/slow/7", "a-3", 504),
        ("/panic", "a-4", 500),
        ("/panic-async", "a-5", 500),
        ("/fails-apart", "a-6", 500),
        ("/closed/hello", "a-7", 507),
        ("/broken/hello", "a-8", 500),
    ];
    for (path, id, status) in asked {
        wire.write(named(path, id));
        let reply = wire.read();
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.header("x-request-id"), Some(id), "{path}");
        // No line for what goes well, and no name for it.
        assert_eq!(ask(&mut wire, "/hello").header("x-request-id"), None);
    }
    assert_eq!(ask(&mut wire, "/_hybrid/nothing").status, 404);
    drop(wire);
    let log = stop(program).log;
    let lines = requests(&log);
    assert_eq!(lines.len(), asked.len(), "{log}");
    for (line, (path, id, status)) in lines.iter().zip(asked) {
        assert_eq!(line["request_id"], id, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["method"], "GET", "{line}");
        let template = if path == "/slow/7" {
            "/slow/{id}"
        } else {
            path
        };
        assert_eq!(line["path"], template, "{line}");
        assert!(
            line["place"]
                .as_str()
                .unwrap()
                .starts_with("tests/it/admin/log.rs:"),
            "{line}"
        );
    }
    let field = |line: usize, name: &str| lines[line][name].as_str().unwrap().to_owned();
    assert_eq!(field(0, "handler"), "it::admin::log::gateway");
    assert_eq!(field(1, "handler"), "it::admin::log::other::gateway");
    assert_eq!(field(1, "lane"), "pool");
    assert!(
        lines[1]["queue_ms"].is_number() && lines[1]["run_ms"].is_number(),
        "{log}"
    );
    assert_eq!(field(3, "error"), "`panics` panicked: as the test wants it");
    assert_eq!(field(4, "lane"), "event");
    assert_eq!(field(5, "error"), "the worker's disk is gone");
    assert_eq!(field(5, "lane"), "process");
    assert_eq!(
        field(7, "error"),
        "a layer panicked: the middleware is broken"
    );
}

/// Where a program says that it listens, in JSON.
fn addr_of(program: &Program) -> std::net::SocketAddr {
    let rest = program.says("listening on http://");
    let end = rest.find('"').unwrap();
    rest[..end].parse().unwrap()
}

#[test]
fn a_name_that_is_not_sane_is_replaced() {
    let program = json(&[]);
    let mut wire = Wire::to(addr_of(&program));
    wire.write("GET /gateway HTTP/1.1\r\nhost: test\r\nx-request-id: a b\r\n\r\n");
    let made = wire.read().header("x-request-id").unwrap().to_owned();
    assert_eq!(made.len(), 32);
    drop(wire);
    assert_eq!(requests(&stop(program).log)[0]["request_id"], made);
}

#[test]
fn log_requests_may_be_off_or_of_all() {
    let asked = ["/hello", "/gateway", "/nothing"];
    let lines = |which: &str| {
        let program = json(&[("HYBRID_LOG_REQUESTS", which)]);
        let mut wire = Wire::to(addr_of(&program));
        for path in asked {
            ask(&mut wire, path);
        }
        drop(wire);
        let lines = requests(&stop(program).log);
        let line = |line: &Value| format!("{} {} {}", line["method"], line["path"], line["status"]);
        lines.iter().map(line).collect::<Vec<_>>()
    };
    assert!(lines("off").is_empty());
    let all = [
        "\"GET\" \"/hello\" 200",
        "\"GET\" \"/gateway\" 502",
        "\"GET\" null 404",
    ];
    assert_eq!(lines("all"), all);
}

#[test]
fn a_span_carries_the_request_into_a_plain_fn() {
    let program = json(&[("HYBRID_LOG", "info,hybrid::request=debug")]);
    let mut wire = Wire::to(addr_of(&program));
    wire.write("GET /speaks HTTP/1.1\r\nhost: test\r\nx-request-id: spoken\r\n\r\n");
    assert_eq!(wire.read().status, 204);
    drop(wire);
    let log = stop(program).log;
    let line = log
        .lines()
        .find(|line| line.contains("the handler speaks"))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let span = &line["span"];
    assert_eq!(span["name"], "request");
    assert_eq!(span["method"], "GET");
    assert_eq!(span["route"], "/speaks");
    assert_eq!(span["request_id"], "spoken");
    assert_eq!(span["lane"], "pool");
}

#[test]
fn a_word_that_is_no_level_refuses_the_start() {
    let ended = start(&[("HYBRID_LOG", "loud")]).ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    let said = "`log` must be a level (`error` `warn` `info` `debug` `trace` `off`) or directives";
    assert!(ended.log.contains(said), "{}", ended.log);
    assert!(ended.log.contains("not `loud`"), "{}", ended.log);
}

#[test]
fn the_routes_are_a_table_in_text_and_events_in_json() {
    let program = start(&[]);
    program.says("16 routes");
    drop(Wire::to(program.listens()));
    let text = stop(program).log;
    assert!(!text.contains('\u{1b}'), "{text}");
    let program = start(&[]);
    let row = program.says("  GET  /other/gateway");
    let place = row.split_whitespace().collect::<Vec<_>>();
    assert_eq!(place[..2], ["pool", "it::admin::log::other::gateway"]);
    assert!(place[2].starts_with("tests/it/admin/log.rs:"));
    program.listens();
    stop(program);
    let program = json(&[]);
    let row = program.says("\"methods\":\"GET\",\"path\":\"/other/gateway\"");
    assert!(row.contains("it::admin::log::other::gateway"), "{row}");
    addr_of(&program);
    stop(program);
}

#[test]
fn rust_log_counts_where_log_is_not_set() {
    let says_listening = |variables: &[(&str, &str)]| {
        let mut stderr = String::new();
        let (program, mut read) = into_pipe(variables);
        let addr = program.found();
        drop(Wire::to(addr));
        assert_eq!(stop(program).status.code(), Some(0));
        read.read_to_string(&mut stderr).unwrap();
        stderr.contains("listening on")
    };
    assert!(says_listening(&[]));
    assert!(!says_listening(&[("RUST_LOG", "warn")]));
    assert!(says_listening(&[
        ("RUST_LOG", "warn"),
        ("HYBRID_LOG", "info")
    ]));
}

// === Signals and ends ===

#[test]
fn a_hangup_ends_nothing() {
    let program = start(&[]);
    let addr = program.listens();
    program.signal(Signal::HUP);
    program.says("SIGHUP is ignored");
    assert_eq!(ask(&mut Wire::to(addr), "/hello").text(), "hello");
    assert_eq!(stop(program).status.code(), Some(0));
}

#[test]
fn run_inside_a_runtime_says_what_to_call() {
    let ended = Program::start("admin::log::inside_a_runtime", Path::new("."), &[]).ended();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(
        ended.log.contains("`app.serve(listener).await`"),
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

#[test]
fn the_kernel_takes_workers_before_their_server() {
    let program = start(&[]);
    let mut wire = Wire::to(program.listens());
    let server: i32 = ask(&mut wire, "/score").text().parse().unwrap();
    let apart = ask(&mut wire, "/apart").text().to_owned();
    let (_, worker) = apart.split_once(' ').unwrap();
    let worker: i32 = worker.parse().unwrap();
    assert!(
        worker > server || worker == 1000,
        "{worker} beside {server}"
    );
    drop(wire);
    stop(program);
}
