//! What every section measures with: the program that the servers are, how much
//! effort a figure is worth, and how much work a millisecond is.

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

/// What every section measures with.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The program that serves when it is told to.
    pub program: PathBuf,
    /// The same built with another version of the framework, to compare with.
    pub against: Option<PathBuf>,
    /// How long and how often.
    pub effort: Effort,
    pub(crate) rounds_a_millisecond: u64,
}

/// How much a figure is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A report's.
    Full,
    /// A test's, which only shows that everything is answered.
    Small,
}

impl Bench {
    /// Calibrates the work, and allows as many open files as may be.
    ///
    /// # Errors
    /// The limit of open files cannot be raised to what is allowed.
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

    /// How often everything is measured, in turn.
    pub fn rounds(&self, full: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Small => 1,
        }
    }

    /// How many clients a closed loop has.
    pub fn clients(&self, full: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Small => full.min(8),
        }
    }

    /// So many milliseconds uncounted and counted.
    pub fn span(&self, warm_up: u64, window: u64) -> Span {
        match self.effort {
            Effort::Full => Span::milliseconds(warm_up, window),
            Effort::Small => Span::milliseconds(warm_up.min(200), window.min(800)),
        }
    }

    /// Where what is built for a measurement goes: the target folder of this one.
    pub fn folder(&self) -> &Path {
        let folder = self.program.ancestors().nth(2);
        folder.unwrap_or(Path::new("target"))
    }

    /// Starts a server with a loop for each core, and waits until it answers on
    /// one of them; nothing has run on a thread yet.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, server: Server) -> io::Result<Running> {
        self.start_with(server, "/async", |_| ())
    }

    /// As [`start`](Self::start), with something to set, and another path that
    /// answers.
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
