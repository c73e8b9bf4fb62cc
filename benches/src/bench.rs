//! The set-up of every section: the program of the servers, the effort of a measurement, and the
//! amount of work that takes 1 ms.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    client,
    load::{self, Span},
    process::Running,
    servers::{self, Server},
};

/// The set-up of every section.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The program of the servers.
    pub program: PathBuf,
    /// The same program with another version of the framework, for comparison.
    pub against: Option<PathBuf>,
    /// The durations and the number of rounds.
    pub effort: Effort,
    pub(crate) rounds_a_millisecond: u64,
}

/// The effort of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For the report.
    Full,
    /// For a test, which only checks that all requests get responses.
    Small,
}

impl Bench {
    /// Calibrates the work, and raises the limit of open files to the maximum.
    ///
    /// # Errors
    /// The limit of open files cannot be raised.
    pub fn new(program: PathBuf, effort: Effort) -> io::Result<Self> {
        let files = getrlimit(Resource::Nofile);
        let current = files.maximum;
        setrlimit(Resource::Nofile, Rlimit { current, ..files })?;
        Ok(Self {
            program,
            against: None,
            effort,
            rounds_a_millisecond: servers::calibrate(),
        })
    }

    /// The number of rounds; the servers take turns.
    pub fn rounds(&self, full: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Small => 1,
        }
    }

    /// The number of clients of a closed loop.
    pub fn clients(&self, full: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Small => full.min(8),
        }
    }

    /// Milliseconds of warm-up and of measurement.
    pub fn span(&self, warm_up: u64, window: u64) -> Span {
        match self.effort {
            Effort::Full => Span::milliseconds(warm_up, window),
            Effort::Small => Span::milliseconds(warm_up.min(200), window.min(800)),
        }
    }

    /// The folder for builds of a measurement: the target folder of this package.
    pub fn folder(&self) -> &Path {
        let folder = self.program.ancestors().nth(2);
        folder.unwrap_or(Path::new("target"))
    }

    /// Starts a server with an event loop for each core, and waits until one of them responds.
    /// No handler has run on a thread yet.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, server: Server) -> io::Result<Running> {
        self.start_with(server, "/async", |_| ())
    }

    /// The same as [`start`](Self::start), with environment variables, and another path for the
    /// first request.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_with(
        &self,
        server: Server,
        path: &str,
        set: impl FnOnce(&mut Command),
    ) -> io::Result<Running> {
        let mut command = self.command();
        set(&mut command);
        let running = Running::start(command, server, cores())?;
        client::ask_once(running.addr, &load::get(path))?;
        Ok(running)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let rounds = self.rounds_a_millisecond.to_string();
        command.env(servers::ROUNDS_A_MILLISECOND, rounds);
        command
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
