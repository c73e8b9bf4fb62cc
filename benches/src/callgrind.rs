//! Counts a server's user-space instructions a request.
//!
//! The server runs under callgrind twice, for a short and for a long run; what
//! the two differ by is what the requests between them cost, and start and stop
//! fall out.

use std::{
    fmt,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{client, servers::Server, workload::Workload};

/// Requests of a short run and of a long one.
pub const SHORT: usize = 200;
/// As [`SHORT`].
pub const LONG: usize = 2_200;
/// How often both are run.
pub const ROUNDS: usize = 2;

/// Instructions a request, one for each round.
#[derive(Debug)]
pub struct Figure {
    /// Who was measured.
    pub server: Server,
    /// On what.
    pub workload: Workload,
    /// Instructions a request, one for each round.
    pub rounds: Vec<f64>,
}

impl Figure {
    /// The middle of the rounds.
    pub fn mean(&self) -> f64 {
        self.rounds.iter().sum::<f64>() / self.rounds.len() as f64
    }

    /// The largest round over the smallest.
    pub fn spread(&self) -> f64 {
        let largest = self.rounds.iter().copied().fold(f64::MIN, f64::max);
        let smallest = self.rounds.iter().copied().fold(f64::MAX, f64::min);
        largest / smallest
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:.0} ({:.4})",
            self.server,
            self.mean(),
            self.spread()
        )
    }
}

/// Measures one server on one workload.
///
/// # Errors
/// valgrind is not there, or the server does not answer as it must.
pub fn measure(program: &Path, server: Server, workload: Workload) -> io::Result<Figure> {
    let rounds = (0..ROUNDS).map(|_| {
        let short = count(program, server, workload, SHORT)?;
        let long = count(program, server, workload, LONG)?;
        Ok((long as f64 - short as f64) / (LONG - SHORT) as f64)
    });
    Ok(Figure {
        server,
        workload,
        rounds: rounds.collect::<io::Result<_>>()?,
    })
}

fn count(program: &Path, server: Server, workload: Workload, requests: usize) -> io::Result<u64> {
    let out = std::env::temp_dir().join(format!("hybrid-bench.{}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(program);
    let mut running = Running::start(valgrind, server)?;
    client::ask(
        running.addr,
        &workload.request(),
        requests,
        workload.answer(),
    )?;
    running.stop()?;
    let profile = std::fs::read_to_string(&out)?;
    std::fs::remove_file(&out)?;
    total(&profile).ok_or_else(|| io::Error::other("callgrind counted nothing"))
}

fn total(profile: &str) -> Option<u64> {
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok()
}

/// A server in a process of its own.
#[derive(Debug)]
pub struct Running {
    process: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Running {
    /// Starts `<command> serve <server>` and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or does not say where it listens.
    pub fn start(mut command: Command, server: Server) -> io::Result<Self> {
        command.args(["serve", server.name()]);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(addr) => Ok(Self { process, addr }),
            Err(error) => {
                process.kill()?;
                process.wait()?;
                Err(io::Error::other(error))
            }
        }
    }

    /// Has it leave, and waits for that.
    ///
    /// # Errors
    /// It left with a failure.
    pub fn stop(&mut self) -> io::Result<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(status.to_string()))
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where it was stopped it has left already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
