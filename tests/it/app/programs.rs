//! The programs that tests of the start, the stop and the log start.

use std::{path::Path, sync::Barrier, thread, time::Duration};

use hybrid::prelude::*;
use tracing::Instrument as _;

use crate::harness::{eventually, main_of};

#[get("/sleep/{ms}")]
fn sleep(ms: u64) -> &'static str {
    thread::sleep(Duration::from_millis(ms));
    "slept"
}

#[get("/sleep-async/{ms}")]
async fn sleep_async(ms: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    "slept"
}

/// The pool's threads.
pub(crate) const THREADS: usize = 8;

/// Answers when it runs on every thread of the pool.
#[get("/all-at-once")]
fn all_at_once() {
    static ALL: Barrier = Barrier::new(THREADS);
    ALL.wait();
}

/// Goes on when there is such a file.
#[get("/stand/{file}")]
fn stand(file: String) -> &'static str {
    eventually("it is told", || Path::new(&file).exists());
    "through"
}

#[get("/threads")]
async fn threads() -> String {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    let mut names: Vec<String> = names.filter_map(Result::ok).collect();
    names.sort();
    names.concat()
}

#[get("/panic/{colour}")]
async fn panic_on_event(colour: String) {
    panic!("{colour}")
}

#[get("/panic-plain")]
fn panic_on_pool() {
    panic!("plain")
}

#[middleware]
async fn in_span(request: Request, next: Next) -> Response {
    let span = tracing::info_span!("of_this_request");
    next.run(request).instrument(span).await
}

fn span() -> &'static str {
    tracing::Span::current()
        .metadata()
        .map_or("no span", |span| span.name())
}

#[get("/span")]
async fn span_on_event() -> Result<String> {
    let there = hybrid::run_on_pool(span).await?;
    Ok(format!("{} {there}", span()))
}

#[get("/span-plain")]
fn span_on_pool() -> &'static str {
    span()
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0").max_threads(THREADS);
        App::new()
            // On a machine that is busy the queue takes its time.
            .config(config.queue_wait(Duration::from_secs(30)))
            .on_stop(|| {
                eprintln!("the stop hook ran");
                Ok::<_, std::io::Error>(())
            })
            .routes(routes![
                sleep,
                sleep_async,
                all_at_once,
                stand,
                threads,
                panic_on_event,
                panic_on_pool
            ])
            .group("/in", |group| {
                group
                    .middleware(in_span)
                    .routes(routes![span_on_event, span_on_pool])
            })
            .run()
    });
}

/// The line of [`first`] below, for the test of the report.
pub(crate) const FIRST_LINE: u32 = line!() + 3;

#[get("/users/{id}")]
async fn first(id: u64) -> String {
    id.to_string()
}

#[get("/users/{name}")]
fn second(name: String) -> String {
    name
}

#[derive(Clone)]
struct Database;

struct Session;

#[extractor]
async fn session(State(_database): State<Database>) -> Session {
    Session
}

#[get("/me")]
async fn me(_session: Session) {}

#[test]
fn faulty() {
    main_of(|| {
        App::new()
            .config(Config::new().max_threads(0))
            .state_with(|| Err::<u8, _>("no such file: app.db"))
            .state(1_u16)
            .state(2_u16)
            .group("api", |group| group.routes(routes![me]))
            .routes(routes![first, second, me])
            .run()
    });
}
