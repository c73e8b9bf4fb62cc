//! Programs of their own process, for what ends one: signals, and starts that
//! fail. A program is a test of this binary that does nothing, unless it was
//! started as a program: so it is always built, and never an older one.

use std::{
    env,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitCode, ExitStatus, Stdio, Termination},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, eventually};

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
    /// Starts `MODULE::NAME` of this binary in that directory, with those variables.
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
        let mut child = Command::new(binary)
            .args([name, "--exact", "--nocapture"])
            .envs([(PROGRAM, "1"), ("NO_COLOR", "1"), ("RUST_BACKTRACE", "0")])
            .envs(variables.iter().copied())
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = reading(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// Starts `MODULE::NAME` with that in place of a pipe that is read.
    pub(crate) fn start_unread(name: &str, stderr: Stdio, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .envs([(PROGRAM, "1"), ("RUST_BACKTRACE", "0")])
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let (_, lines) = mpsc::channel();
        Self { child, lines }
    }

    /// Where it listens, as the system says.
    pub(crate) fn found(&self) -> SocketAddr {
        let mut found = None;
        eventually("it listens", || {
            found = listening(self.pid());
            found.is_some()
        });
        found.unwrap()
    }

    /// Reads what it writes from here on.
    pub(crate) fn read(&mut self, log: impl Read + Send + 'static) {
        self.lines = reading(log);
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

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
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

/// The lines of a log, as they come.
fn reading(log: impl Read + Send + 'static) -> Receiver<String> {
    let log = BufReader::new(log);
    let (say, lines) = mpsc::channel();
    // Ends with the program. There is no receiver where the test is over.
    thread::spawn(move || {
        log.lines()
            .map_while(Result::ok)
            .try_for_each(|line| say.send(line))
    });
    lines
}

/// The socket that a process listens on.
fn listening(pid: i32) -> Option<SocketAddr> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    let own: Vec<String> = links
        .filter_map(|link| {
            let link = link.to_str()?;
            let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    // Lines as `0: 0100007F:1F90 00000000:0000 0A ..`, of which 0A is listening and the
    // tenth field the inode (proc(5)).
    let sockets = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    sockets.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_own = own
            .iter()
            .any(|inode| fields.get(9) == Some(&inode.as_str()));
        let (_, port) = fields.get(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (is_own && fields.get(3) == Some(&"0A")).then(|| ([127, 0, 0, 1], port).into())
    })
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test got so far.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
