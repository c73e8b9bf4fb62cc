//! Peers in Python: the programs in `peers/`, each with a virtual environment under the target
//! folder, made once from pinned requirements.
//!
//! A peer that cannot be installed here (no Python, no `pip`, no package for this version) is
//! left out, and the report says so.

use std::{
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    bench::{Bench, cores},
    process::Running,
};

/// A server in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// FastAPI on uvicorn with uvloop, a process for each core.
    FastApi,
    /// Catzilla, in the one process that it has.
    Catzilla,
}

impl Peer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::FastApi, Self::Catzilla];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::FastApi => "fastapi",
            Self::Catzilla => "catzilla",
        }
    }

    fn requirements(self) -> &'static str {
        match self {
            Self::FastApi => include_str!("../peers/fastapi/requirements.txt"),
            Self::Catzilla => include_str!("../peers/catzilla/requirements.txt"),
        }
    }

    fn folder(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("peers")
            .join(self.name())
    }

    /// Makes its environment, unless it is there.
    ///
    /// # Errors
    /// Python, `pip` or a package for this Python is missing. The error has the last line of
    /// their output.
    pub fn install(self, bench: &Bench) -> io::Result<Installed> {
        let folder = bench.folder().join("peers").join(self.name());
        let python = folder.join("bin/python");
        let mark = folder.join("requirements.txt");
        let peer = Installed { peer: self, python };
        if fs::read_to_string(&mark).is_ok_and(|there| there == self.requirements()) {
            return Ok(peer);
        }
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))?;
        let requirements = self.folder().join("requirements.txt");
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary=:all:",
            "-r",
        ];
        run(Command::new(&peer.python).args(pip).arg(requirements))?;
        // Last, so that an incomplete environment is made again.
        fs::File::create(&mark)?.write_all(self.requirements().as_bytes())?;
        Ok(peer)
    }

    /// The pinned versions.
    pub fn version(self) -> &'static str {
        self.requirements().lines().next().unwrap_or_default()
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let ended = command.stdin(Stdio::null()).output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().rev().find(|line| line.starts_with("ERROR"));
    let last = last.or(said.lines().last()).unwrap_or("it failed");
    Err(io::Error::other(last.to_owned()))
}

/// A peer that can be started.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The server.
    pub peer: Peer,
    python: PathBuf,
}

impl Installed {
    /// Starts it on a free port and waits until it accepts connections.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self) -> io::Result<Running> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(&self.python);
        command.arg(self.peer.folder().join("app.py"));
        command.args([free.port().to_string(), cores().to_string()]);
        Running::start_at(command, free)
    }

    /// The version of Python.
    pub fn python(&self) -> String {
        let said = Command::new(&self.python).arg("--version").output();
        let said = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
        said.unwrap_or_else(|_| "Python".to_owned())
    }
}
