//! A program with worker processes, and what its admin page and `/proc` say of it.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Program, Reply, Wire, eventually};

/// The variable that names a directory, for programs that tell or wait by files.
pub(super) const DIRECTORY: &str = "IT_DIRECTORY";

/// A program with process routes that serves.
pub(super) struct Trial {
    pub(super) program: Program,
    pub(super) addr: SocketAddr,
    pub(super) directory: tempfile::TempDir,
}

/// A worker, as `/lanes` shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Worker {
    pub(super) pid: Option<i32>,
    pub(super) state: String,
    pub(super) route: Option<String>,
    pub(super) restarts: u64,
}

/// What a server has open, in short; without the threads of its pool, which come and
/// go, and what is open for each of them.
#[derive(Debug)]
pub(super) struct Holdings {
    pub(super) files: usize,
    pub(super) threads: usize,
    pub(super) pool_threads: usize,
    pub(super) resident_bytes: usize,
}

impl Trial {
    /// Starts that program of this folder with at most two workers, and waits until
    /// it listens.
    pub(super) fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::start_in(directory, name, variables)
    }

    pub(super) fn start_in(
        directory: tempfile::TempDir,
        name: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let path = directory.path().to_str().unwrap();
        let mut all = vec![(DIRECTORY, path), ("HYBRID_MAX_PROCESSES", "2")];
        all.extend(variables);
        let program = Program::start(&format!("processes::{name}"), Path::new("."), &all);
        let addr = program.listens();
        Self {
            program,
            addr,
            directory,
        }
    }

    pub(super) fn wire(&self) -> Wire {
        Wire::to(self.addr)
    }

    pub(super) fn get(&self, target: &str) -> Reply {
        ask(self.addr, "GET", target, b"")
    }

    pub(super) fn post(&self, target: &str, body: &[u8]) -> Reply {
        ask(self.addr, "POST", target, body)
    }

    /// Asks on a thread of its own.
    pub(super) fn begin(&self, method: &'static str, target: &str) -> thread::JoinHandle<Reply> {
        let (addr, target) = (self.addr, target.to_owned());
        thread::spawn(move || ask(addr, method, &target, b""))
    }

    /// The file of that name, which programs find by [`directory`].
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits until the program has written that file, and reads it.
    pub(super) fn told(&self, name: &str) -> String {
        let path = self.file(name);
        eventually(name, || path.exists());
        fs::read_to_string(path).unwrap()
    }

    /// Lets handlers go on that [wait](wait_for_file) for that.
    pub(super) fn go(&self, name: &str) {
        fs::write(self.file(name), "").unwrap();
    }

    pub(super) fn pid(&self) -> i32 {
        self.program.pid()
    }

    // === what the admin page says ===

    pub(super) fn lane(&self) -> Value {
        let reply = self.get("/_hybrid/lanes");
        serde_json::from_slice::<Value>(&reply.body).unwrap()["process"].take()
    }

    pub(super) fn workers(&self) -> Vec<Worker> {
        serde_json::from_value(self.lane()["workers"].take()).unwrap()
    }

    pub(super) fn worker_pids(&self) -> Vec<i32> {
        self.workers()
            .iter()
            .filter_map(|worker| worker.pid)
            .collect()
    }

    /// The worker that runs a request of that route, once there is one.
    pub(super) fn busy_pid(&self, route: &str) -> i32 {
        let mut pid = None;
        eventually("a worker is busy", || {
            let workers = self.workers();
            let is_it =
                |worker: &&Worker| worker.state == "busy" && worker.route.as_deref() == Some(route);
            pid = workers.iter().find(is_it).and_then(|worker| worker.pid);
            pid.is_some()
        });
        pid.unwrap()
    }

    /// Waits until no worker has anything to do and none is missing.
    pub(super) fn calm(&self) {
        eventually("all workers are idle", || {
            let lane = self.lane();
            let workers = lane["workers"].as_array().unwrap();
            lane["queue_depth"] == 0 && workers.iter().all(|worker| worker["state"] == "idle")
        });
    }

    pub(super) fn segment_bytes(&self) -> u64 {
        self.lane()["segment_bytes"].as_u64().unwrap()
    }

    /// How many workers ended for that reason.
    pub(super) fn ended(&self, reason: &str) -> u64 {
        let page = self.get("/_hybrid/metrics");
        let line = format!("hybrid_process_restarts_total{{reason=\"{reason}\"}} ");
        let found = page
            .text()
            .lines()
            .find_map(|text| text.strip_prefix(&line));
        found.map_or(0, |number| number.parse().unwrap())
    }

    // === what the system says ===

    pub(super) fn holdings(&self) -> Holdings {
        let entries = |what: &str| {
            let path = format!("/proc/{}/{what}", self.pid());
            let entries = fs::read_dir(path).unwrap().filter_map(Result::ok);
            entries.map(|entry| entry.path())
        };
        let files = entries("fd").filter_map(|path| fs::read_link(path).ok());
        let names = entries("task").filter_map(|path| fs::read_to_string(path.join("comm")).ok());
        let names: Vec<String> = names.collect();
        let is_of_pool = |name: &&String| {
            let number = name.trim_end().strip_prefix("hybrid-pool-");
            number.is_some_and(|number| number.parse::<u64>().is_ok())
        };
        let pool_threads = names.iter().filter(is_of_pool).count();
        let memory = fs::read_to_string(format!("/proc/{}/statm", self.pid())).unwrap();
        let pages: usize = memory.split(' ').nth(1).unwrap().parse().unwrap();
        Holdings {
            files: files.filter(|file| !file.starts_with("/proc")).count(),
            threads: names.len() - pool_threads,
            pool_threads,
            resident_bytes: pages * rustix::param::page_size(),
        }
    }

    /// Every process that the server has started and not buried.
    pub(super) fn children(&self) -> BTreeSet<i32> {
        let parent = self.pid();
        processes()
            .filter(|process| process.parent == parent)
            .map(|process| process.pid)
            .collect()
    }
}

/// Asks on a connection of its own.
pub(super) fn ask(addr: SocketAddr, method: &str, target: &str, body: &[u8]) -> Reply {
    let mut wire = Wire::to(addr);
    wire.write(request(method, target, body));
    wire.read()
}

pub(super) fn request(method: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes =
        format!("{method} {target} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n")
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The error's code, of an answer that is one.
pub(super) fn code(reply: &Reply) -> String {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

/// A program's directory.
pub(super) fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY).unwrap().into()
}

/// Writes a file whole or not at all.
pub(super) fn tell(name: &str, text: &str) {
    let path = directory().join(name);
    let draft = path.with_extension(format!("{}", std::process::id()));
    fs::write(&draft, text).unwrap();
    fs::rename(draft, path).unwrap();
}

/// Waits for a file, as a handler.
pub(super) fn wait_for_file(name: &str) {
    let path = directory().join(name);
    eventually(name, || path.exists());
}

pub(super) fn kill(pid: i32, signal: Signal) {
    // It may have ended already, which is what a signal is for as a rule.
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// A line of `/proc`.
pub(super) struct Process {
    pid: i32,
    parent: i32,
    state: char,
}

pub(super) fn processes() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?))
}

pub(super) fn process(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some(Process {
        pid,
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
    })
}

/// Whether it could still do something: who only waits to be reaped could not.
pub(super) fn is_alive(pid: i32) -> bool {
    process(pid).is_some_and(|process| !matches!(process.state, 'Z' | 'X'))
}
