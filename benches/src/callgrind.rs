//! Counts a server's user-space instructions a request.
//!
//! The server runs under callgrind twice, for a short and for a long run; what
//! the two differ by is what the requests between them cost, and start and stop
//! fall out.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bench::{Bench, Effort},
    client, load,
    process::Running,
    rounds::Rounds,
    servers::Server,
    workload::Workload,
};

/// Requests of a run: of a short one and of a long one.
#[derive(Debug, Clone, Copy)]
pub struct Runs {
    /// The short one.
    pub short: usize,
    /// The long one.
    pub long: usize,
}

impl Runs {
    /// As many as the effort allows.
    pub fn of(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self {
                short: 200,
                long: 2_200,
            },
            Effort::Small => Self {
                short: 16,
                long: 48,
            },
        }
    }

    /// Requests that the two differ by.
    pub fn between(self) -> f64 {
        (self.long - self.short) as f64
    }
}

/// What a server is asked under callgrind.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who.
    pub server: Server,
    /// The request as it goes over the wire.
    pub request: Vec<u8>,
    /// What it must answer.
    pub answer: &'static str,
    /// What the server's environment says.
    pub variables: &'static [(&'static str, &'static str)],
}

impl Asked {
    /// A server, for a workload.
    pub fn of(server: Server, workload: Workload) -> Self {
        Self {
            server,
            request: workload.request(),
            answer: workload.answer(),
            variables: &[],
        }
    }

    /// hybrid, for a handler that does nothing.
    pub fn trivial(path: &str) -> Self {
        Self {
            server: Server::Hybrid,
            request: load::get(path),
            answer: "ok",
            variables: &[],
        }
    }
}

/// What callgrind saw of a run: its own account, a text for each thread.
#[derive(Debug)]
pub struct Profile {
    serving: Vec<String>,
}

/// In the account of hybrid's balancer alone. It looks ten times a second, whatever
/// comes, and callgrind makes fifty seconds of one: what it takes is no request's.
const BALANCER: &str = "balance::tick::Ticker";

impl Profile {
    fn read(out: &Out) -> io::Result<Self> {
        let mut serving = Vec::new();
        for file in fs::read_dir(&out.0)? {
            let account = fs::read_to_string(file?.path())?;
            if !account.contains(BALANCER) {
                serving.push(account);
            }
        }
        Ok(Self { serving })
    }

    /// All instructions, of all threads that requests keep busy.
    ///
    /// # Errors
    /// None were counted.
    pub fn total(&self) -> io::Result<u64> {
        let totals = self
            .lines()
            .filter_map(|line| line.strip_prefix("totals: "));
        let totals = totals.filter_map(|total| total.trim().parse::<u64>().ok());
        match totals.sum() {
            0 => Err(io::Error::other("callgrind counted nothing")),
            total => Ok(total),
        }
    }

    /// The lines of the accounts, thread by thread.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.serving.iter().flat_map(|account| account.lines())
    }
}

/// Instructions a request, in so many rounds.
///
/// # Errors
/// valgrind is not there, or the server does not answer as it must.
pub fn count(bench: &Bench, asked: &Asked, rounds: usize) -> io::Result<Rounds> {
    let runs = Runs::of(bench.effort);
    let mut counts = Rounds::default();
    for _ in 0..bench.rounds(rounds) {
        let [short, long] = [runs.short, runs.long]
            .map(|requests| profile(&bench.program, asked, requests, &[])?.total());
        counts.push((long? as f64 - short? as f64) / runs.between());
    }
    Ok(counts)
}

/// Runs a server under callgrind for that many requests.
///
/// # Errors
/// valgrind is not there, or the server does not answer as it must.
pub fn profile(
    program: &Path,
    asked: &Asked,
    requests: usize,
    options: &[&str],
) -> io::Result<Profile> {
    let out = Out::new()?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--tool=callgrind", "--separate-threads=yes"])
        .args(options);
    let file = out.0.join("account");
    valgrind.arg(format!("--callgrind-out-file={}", file.display()));
    valgrind.arg(program);
    valgrind.envs(asked.variables.iter().copied());
    let mut running = Running::start(valgrind, asked.server, 1)?;
    client::ask(running.addr, &asked.request, requests, asked.answer)?;
    running.stop()?;
    Profile::read(&out)
}

/// The folder where callgrind writes, removed afterwards.
struct Out(PathBuf);

impl Out {
    fn new() -> io::Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};

        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hybrid-bench.{}.{number}.callgrind", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        // What is left of it is the system's to clear away.
        let _ = fs::remove_dir_all(&self.0);
    }
}
