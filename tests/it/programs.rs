//! Programs of their own process, for what ends one: signals, and starts that
//! fail. A program is a test of this binary that does nothing, unless it was
//! started as a program: so it is always built, and never an older one.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitCode, ExitStatus, Stdio, Termination},
    sync::{
        Barrier,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use hybrid::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use tracing::Instrument as _;

use crate::harness::{PATIENCE, eventually};

/// The variable that makes a test a program.
const PROGRAM: &str = "IT_PROGRAM";

/// What a `main` of that result does: the standard library's own report, and
/// its exit code.
pub(crate) fn main_of<T: Termination>(program: impl FnOnce() -> T) {
    if env::var_os(PROGRAM).is_some() {
        let code = program().report();
        std::process::exit(i32::from(code != ExitCode::SUCCESS));
    }
}

// === The programs ===

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

// === Starting them ===

/// A program that runs; killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    /// The lines that it writes, as they come.
    lines: Receiver<String>,
}

/// How a program ended, and what it said since it was last listened to.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Program {
    /// Starts `programs::NAME`, or `NAME` where it says its module, in that directory, with those variables.
    pub(crate) fn start(name: &str, directory: &Path, variables: &[(&str, &str)]) -> Self {
        let this = env::current_exe().unwrap();
        Self::start_binary(&this, name, directory, variables)
    }

    /// As [`start`](Self::start), from a copy of this binary.
    pub(crate) fn start_binary(
        binary: &Path,
        name: &str,
        directory: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let module = if name.contains("::") {
            ""
        } else {
            "programs::"
        };
        let mut child = Command::new(binary)
            .args([&format!("{module}{name}"), "--exact", "--nocapture"])
            .envs([(PROGRAM, "1"), ("NO_COLOR", "1"), ("RUST_BACKTRACE", "0")])
            .envs(variables.iter().copied())
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (say, lines) = mpsc::channel();
        // Ends with the program. Nobody listens where the test is over.
        thread::spawn(move || {
            log.lines()
                .map_while(Result::ok)
                .try_for_each(|line| say.send(line))
        });
        Self { child, lines }
    }

    /// Reads the log up to a line with that text; returns what follows it there.
    pub(crate) fn says(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it never said `{text}`"));
            if let Some((_, rest)) = line.split_once(text) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Waits until it listens, and returns where.
    pub(crate) fn listens(&self) -> SocketAddr {
        self.says("listening on http://").parse().unwrap()
    }

    pub(crate) fn pid(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_pid()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ended {
        let mut log = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => log = log + &line + "\n",
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it never ended, but said\n{log}"),
            }
        }
        Ended {
            status: self.child.wait().unwrap(),
            log,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test got so far.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
