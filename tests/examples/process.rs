//! Examples as processes: started on a free port, asked over a socket, stopped
//! by a signal.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// An example that runs.
pub(crate) struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    addr: String,
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    pub(crate) fn start(example: &str) -> Self {
        let mut program = Command::new(binary(example));
        // For those that do not read the configuration, or before they do.
        program.arg("127.0.0.1:0");
        let mut child = program
            .envs([
                ("HYBRID_ADDR", "127.0.0.1:0"),
                ("HYBRID_EXPOSE_LANE", "1"),
                ("NO_COLOR", "1"),
            ])
            // The test reads the log at the end, and a pipe holds 64 KiB.
            .env_remove("RUST_BACKTRACE")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut log = BufReader::new(child.stderr.take().expect("it was asked for"));
        let mut line = String::new();
        let addr = loop {
            line.clear();
            assert_ne!(
                log.read_line(&mut line).expect("a log"),
                0,
                "it ended before it listened"
            );
            if let Some((_, addr)) = line.split_once("listening on http://") {
                break addr.trim().to_owned();
            }
        };
        Self { child, log, addr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The whole answer to a `GET`, head and body.
    pub(crate) fn get(&self, target: &str) -> String {
        let mut stream = TcpStream::connect(&self.addr).expect("it listens");
        let head = format!("GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close");
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Asks it to stop.
    pub(crate) fn terminate(mut self) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it still runs");
        let mut log = String::new();
        self.log.read_to_string(&mut log).expect("a log");
        (self.child.wait().expect("it ends"), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test got so far.
        let _ = self.child.kill();
    }
}

/// The example's program. `cargo test` builds it; `cargo test --test examples` does
/// not, so that it is built here.
pub(crate) fn binary(example: &str) -> PathBuf {
    let test = env::current_exe().expect("this test's program");
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("a target directory");
    let binary = profile
        .join("examples")
        .join(example)
        .with_extension(env::consts::EXE_EXTENSION);
    if !is_fresh(&binary) {
        let target = profile.parent().expect("a target directory");
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--example", example, "--target-dir"])
            .arg(target);
        // What cargo tells a test about its package would make build scripts run again.
        let told = env::vars_os().map(|(name, _)| name);
        let told = told.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_"));
        told.chain(["CARGO_MANIFEST_DIR".into(), "CARGO_MANIFEST_PATH".into()])
            .for_each(|name| {
                build.env_remove(name);
            });
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(
            build.status().expect("cargo runs").success(),
            "`{example}` does not build"
        );
    }
    binary
}

/// Whether it is younger than everything that cargo says it was made of.
fn is_fresh(binary: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let Ok(made_of) = std::fs::read_to_string(binary.with_extension("d")) else {
        return false;
    };
    let sources = made_of.split_once(": ").map_or("", |(_, sources)| sources);
    let mut sources = sources.split_whitespace().map(Path::new);
    changed(binary).is_some_and(|built| sources.all(|source| changed(source) <= Some(built)))
}

#[test]
fn hello_greets_and_stops() {
    let server = Server::start("hello");
    let hello = server.get("/hello/Ada%20L");
    assert!(hello.starts_with("HTTP/1.1 200 OK"), "{hello}");
    assert!(
        hello.contains("x-hybrid-lane: event") && hello.ends_with("Hello, Ada L!"),
        "{hello}"
    );
    let primes = server.get("/primes?n=12");
    assert!(
        primes.contains("x-hybrid-lane: pool") && primes.ends_with("[2,3,5,7,11]"),
        "{primes}"
    );
    assert!(server.get("/primes?n=1").starts_with("HTTP/1.1 422"));
    assert!(server.get("/nothing").starts_with("HTTP/1.1 404"));
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn the_showcase_serves_and_answers_what_it_took_before_it_stops() {
    let server = Server::start("showcase");
    assert!(
        server
            .get("/sync")
            .ends_with(r#"{"type":"sync","execution":"thread_pool"}"#)
    );
    assert!(
        server
            .get("/async")
            .ends_with(r#"{"type":"async","execution":"event_loop"}"#)
    );

    let mut waiting: Vec<_> = (0..8)
        .map(|_| TcpStream::connect(&server.addr).unwrap())
        .collect();
    for (number, stream) in waiting.iter_mut().enumerate() {
        let path = ["/user-dashboard?user_id=1", "/concurrent-demo"][number % 2];
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    }
    // An answer to a later request: the earlier ones were read by then or wait to be.
    assert!(server.get("/debug-execution").contains("hybrid-loop-"));
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    for mut stream in waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

#[test]
fn a_start_that_fails_says_everything_at_once() {
    let faults = [
        ("HYBRID_ADDR", "nowhere"),
        ("HYBRID_MAX_THREADS", "0"),
        ("HYBRID_QUEUE_WAIT", "soon"),
        ("GATEWAY_TEMPLATE", "ftp://fixed"),
    ];
    let output = Command::new(binary("showcase"))
        .envs(faults)
        .output()
        .expect("the example runs");
    let report = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{report}");
    for (name, value) in faults {
        let name = if name.starts_with("HYBRID_") {
            name
        } else {
            "showcase/main.rs"
        };
        assert!(
            report.contains(name) && report.contains(value),
            "{name} {value}: {report}"
        );
    }
    assert!(
        report.contains("4 things are wrong") && !report.contains("panicked"),
        "{report}"
    );
}
