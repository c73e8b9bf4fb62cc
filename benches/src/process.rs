//! Servers as separate processes: starting them, reading their counters in `/proc`, stopping
//! them.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::servers::Server;

/// A server in a separate process.
#[derive(Debug)]
pub struct Running {
    process: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Running {
    /// Starts `<command> serve <server> <loops>` and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or does not print its address.
    pub fn start(mut command: Command, server: Server, loops: usize) -> io::Result<Self> {
        command.args(["serve", server.name(), &loops.to_string()]);
        // mimalloc asks for huge pages for the memory of a new thread. Clearing a page of
        // 2 MB can take milliseconds on a virtual machine, and half a second for 200 threads.
        command.env("MIMALLOC_ALLOW_THP", "0");
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

    /// Starts a command that serves at that address, and waits until it accepts connections.
    ///
    /// # Errors
    /// It cannot be started, or accepts no connection within 30 s.
    pub fn start_at(mut command: Command, addr: SocketAddr) -> io::Result<Self> {
        let process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut running = Self { process, addr };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(addr).is_err() {
            if running.process.try_wait()?.is_some() || Instant::now() > until {
                return Err(io::Error::other(format!("{command:?} does not serve")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// Stops the process and waits for its end.
    ///
    /// # Errors
    /// It ended with a failure.
    pub fn stop(&mut self) -> io::Result<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(status.to_string()))
        }
    }

    /// Kills a process that does not end by itself. The standard input of its children then
    /// ends.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        drop(self.process.stdin.take());
        self.process.kill()?;
        self.process.wait().map(drop)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its processor time, user and system, including threads that have ended.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> io::Result<Duration> {
        cpu(&self.folder())
    }

    /// The same as [`cpu`](Self::cpu), including its running child processes.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu_of_all(&self) -> io::Result<Duration> {
        cpu_of_all(self.process.id())
    }

    /// Its private memory, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn private_bytes(&self) -> io::Result<u64> {
        let maps = fs::read_to_string(self.folder().join("smaps_rollup"))?;
        let private = maps.lines().filter(|line| line.starts_with("Private_"));
        let kib = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        Ok(kib.sum::<u64>() * 1024)
    }

    /// The processor time of the thread of that name. The system shows 15 characters of it.
    ///
    /// # Errors
    /// It has ended, or has no such thread.
    pub fn cpu_of_thread(&self, name: &str) -> io::Result<Duration> {
        // A thread gets its name when it first runs.
        for _ in 0..1_000 {
            if let Some(used) = self.cpu_of_named(name)? {
                return Ok(used);
            }
            thread::sleep(Duration::from_millis(1));
        }
        Err(io::Error::other(format!("there is no thread {name}")))
    }

    fn cpu_of_named(&self, name: &str) -> io::Result<Option<Duration>> {
        for task in fs::read_dir(self.folder().join("task"))? {
            let task = task?.path();
            if fs::read_to_string(task.join("comm"))?.trim_end() == name {
                // Nanoseconds; `stat` has only hundredths of a second.
                let accounts = fs::read_to_string(task.join("schedstat"))?;
                let used = accounts.split(' ').next().and_then(|ns| ns.parse().ok());
                return Ok(used.map(Duration::from_nanos));
            }
        }
        Ok(None)
    }

    /// The number of its threads.
    ///
    /// # Errors
    /// It has ended.
    pub fn threads(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.folder().join("task"))?.count())
    }

    /// Watches its threads from now on.
    pub fn watch_threads(&self, every: Duration) -> ThreadWatch {
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (folder, over) = (self.folder().join("task"), Arc::clone(&over));
            move || {
                let mut seen = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    seen.extend(Threads::read(&folder));
                    thread::sleep(every);
                }
                seen
            }
        });
        ThreadWatch { over, thread }
    }

    fn folder(&self) -> PathBuf {
        format!("/proc/{}", self.process.id()).into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a stop it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Programs that compute all of the time until they are dropped.
#[derive(Debug)]
pub struct Spinners(Vec<Child>);

impl Spinners {
    /// Starts that many `<program> spin`; with `apart`, each in a separate session.
    ///
    /// # Errors
    /// A program cannot be started.
    pub fn start(program: &Path, count: usize, apart: bool) -> io::Result<Self> {
        let how = if apart { "apart" } else { "together" };
        let mut spinners = Self(Vec::new());
        for _ in 0..count {
            let mut command = Command::new(program);
            command.args(["spin", how]).stdin(Stdio::piped());
            spinners.0.push(command.spawn()?);
        }
        Ok(spinners)
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for spinner in &mut self.0 {
            // The child may have ended already.
            let _ = spinner.kill();
            let _ = spinner.wait();
        }
    }
}

/// Computes until its standard input ends.
///
/// # Errors
/// It needs a separate session, but leads a session already.
pub fn spin(apart: bool) -> io::Result<()> {
    if apart {
        rustix::process::setsid()?;
    }
    thread::spawn(|| {
        // This program ends with its standard input, for whatever reason that ends.
        let _ = io::Read::read_to_end(&mut io::stdin(), &mut Vec::new());
        std::process::exit(0)
    });
    loop {
        std::hint::spin_loop();
    }
}

/// The states of a server's threads at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Threads {
    /// All threads.
    pub all: usize,
    /// Threads on a processor or waiting for one.
    pub runnable: usize,
    /// Those of them that belong to hybrid's pool.
    pub runnable_of_pool: usize,
}

impl Threads {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut threads = Self::default();
        for task in fs::read_dir(folder)? {
            threads.all += 1;
            // The thread or process may have ended.
            let stat = fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
            if after_name(&stat).starts_with('R') {
                threads.runnable += 1;
                let is_of_pool = stat.contains("(hybrid-pool-") && !stat.contains("-pool-ke");
                threads.runnable_of_pool += usize::from(is_of_pool);
            }
        }
        Ok(threads)
    }
}

/// Samples the states of a server's threads.
#[derive(Debug)]
pub struct ThreadWatch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Threads>>,
}

impl ThreadWatch {
    /// The samples, in order.
    ///
    /// # Errors
    /// Sampling failed.
    pub fn finish(self) -> io::Result<Vec<Threads>> {
        self.over.store(true, Ordering::Relaxed);
        let seen = self.thread.join();
        seen.map_err(|_| io::Error::other("the watch of threads panicked"))
    }
}

/// Processor time of this process so far.
pub fn own_cpu() -> Duration {
    cpu(Path::new("/proc/self")).unwrap_or_default()
}

fn cpu_of_all(process: u32) -> io::Result<Duration> {
    let folder = format!("/proc/{process}");
    let mut used = cpu(Path::new(&folder))?;
    for task in fs::read_dir(format!("{folder}/task"))? {
        // The thread or process may have ended.
        let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            used += cpu_of_all(child).unwrap_or_default();
        }
    }
    Ok(used)
}

/// Processor time of the child processes that have ended and were reaped, and of their
/// children.
pub fn children_cpu() -> Duration {
    cpu_from(Path::new("/proc/self"), 13).unwrap_or_default()
}

/// From `stat`. It counts in hundredths of a second without losing fractions, and includes
/// threads that have ended.
fn cpu(folder: &Path) -> io::Result<Duration> {
    cpu_from(folder, 11)
}

/// The sum of two fields, user and system time: the field of that number after the name, and
/// the next one.
fn cpu_from(folder: &Path, field: usize) -> io::Result<Duration> {
    let stat = fs::read_to_string(folder.join("stat"))?;
    let mut fields = after_name(&stat).split(' ').skip(field);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok());
    let (Some(user), Some(system)) = (next(), next()) else {
        return Err(io::Error::other("no processor time in `stat`"));
    };
    Ok(Duration::from_millis((user + system) * 10))
}

/// The fields after the name, from the state on. The name may contain any character.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(") ").map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_uses_processor_time() {
        let before = own_cpu();
        let until = Instant::now() + Duration::from_millis(300);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        assert!(own_cpu() - before >= Duration::from_millis(50));
    }

    #[test]
    fn a_name_may_hold_a_parenthesis() {
        assert_eq!(after_name("1 (a) b) R 0 1"), "R 0 1");
    }
}
