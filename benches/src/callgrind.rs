//! Counts a server's instructions of user space per request.
//!
//! The server runs under callgrind twice, for a short and for a long run. The difference is
//! the cost of the additional requests; start and stop cancel out.

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

/// The number of requests of a short and of a long run.
#[derive(Debug, Clone, Copy)]
pub struct Runs {
    /// The short one.
    pub short: usize,
    /// The long one.
    pub long: usize,
}

impl Runs {
    /// The numbers for an effort.
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

    /// The difference of the two.
    pub fn between(self) -> f64 {
        (self.long - self.short) as f64
    }
}

/// The requests to a server under callgrind.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The server.
    pub server: Server,
    /// The bytes of the request.
    pub request: Vec<u8>,
    /// The expected response.
    pub answer: &'static str,
    /// The environment variables of the server.
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

/// The output of callgrind for a run, one text per thread.
#[derive(Debug)]
pub struct Profile {
    serving: Vec<String>,
}

/// A name that occurs only in the output of hybrid's balancer thread. That thread works ten
/// times a second, independent of requests, and callgrind makes everything 50 × slower. So its
/// instructions do not count for requests.
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

    /// All instructions of all threads that work for requests.
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

    /// The lines of the output, thread by thread.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.serving.iter().flat_map(|account| account.lines())
    }
}

/// Instructions per request, in that many rounds.
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
        // If this fails, the system removes the rest.
        let _ = fs::remove_dir_all(&self.0);
    }
}
