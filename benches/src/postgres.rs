//! A temporary PostgreSQL: a cluster and its Unix socket in a temporary directory. Dropping it
//! removes both.

use std::{
    env, fs,
    io::{self, Read as _},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// The folder of Debian's versions.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A temporary database server.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    folder: PathBuf,
    /// The text of its version.
    pub version: String,
}

impl Postgres {
    /// Starts a server; `None` if PostgreSQL is not installed.
    ///
    /// # Errors
    /// It is installed and does not start.
    pub fn start() -> io::Result<Option<Self>> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        let folder = env::temp_dir().join(format!("hybrid-bench-postgres-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let user = user();
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group))?;
        }
        let started = start(&programs, &folder, user);
        if started.is_err() {
            fs::remove_dir_all(&folder)?;
        }
        let server = started?;
        let version = Command::new(programs.join("postgres"))
            .arg("--version")
            .output()?;
        let postgres = Self {
            server,
            folder,
            version: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        };
        postgres.wait()?;
        Ok(Some(postgres))
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    fn wait(&self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !is_ready(&self.folder) {
            if Instant::now() > until {
                return Err(io::Error::other("PostgreSQL does not get ready"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast stop: it ends its sessions and exits. It may have ended already.
        if let Some(pid) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(version)?;
    Some(newest.join("bin"))
}

/// PostgreSQL refuses to run as root. Then it runs as the user `postgres`, or as `nobody`.
fn user() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = users.lines().find(|line| line.starts_with("postgres:"));
    let ids = own.and_then(|line| {
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Some(ids.unwrap_or((65_534, 65_534)))
}

fn start(programs: &Path, folder: &Path, user: Option<(u32, u32)>) -> io::Result<Child> {
    let data = folder.join("data");
    let mut make = as_user(&programs.join("initdb"), folder, user);
    make.args([
        "--auth=trust",
        "--username=bench",
        "--no-sync",
        "--encoding=UTF8",
        "-D",
    ]);
    let made = make.arg(&data).stdout(Stdio::null()).status()?;
    if !made.success() {
        return Err(io::Error::other(format!("initdb: {made}")));
    }
    let mut serve = as_user(&programs.join("postgres"), folder, user);
    serve.arg("-D").arg(&data).arg("-k").arg(folder);
    serve.args([
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        "max_connections=200",
    ]);
    let log = fs::File::create(folder.join("log"))?;
    serve.stdout(Stdio::null()).stderr(log).spawn()
}

fn as_user(program: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

/// The last line of its log.
fn is_ready(folder: &Path) -> bool {
    let mut account = String::new();
    let file = fs::File::open(folder.join("data/postmaster.pid"));
    let read = file.and_then(|mut file| file.read_to_string(&mut account));
    read.is_ok()
        && account
            .lines()
            .last()
            .is_some_and(|line| line.trim() == "ready")
}
