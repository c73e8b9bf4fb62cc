//! Starting a worker: the same program again, by exec, with two sockets, its
//! output in pipes, and an end that follows the server's.
//!
//! Called by one thread that lives as long as the server: the system tells a
//! child of its parent's death when the thread that started it ends.
#![expect(
    unsafe_code,
    reason = "what a child does between fork and exec, and descriptors that are known by number"
)]

use std::{
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::process::CommandExt as _,
    },
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::process::{Pid, PidfdFlags, getpid, getppid, pidfd_open};

use super::{Program, socket};

/// Says whose worker a process is: the process id of its server.
const WORKER_OF: &str = "HYBRID_WORKER_OF";

/// mimalloc takes a GiB at its start as memory that may be written, which a leak
/// would have beyond any limit: what is mapped when a worker is ready is not counted.
/// Told so, it has what it needs counted as it needs it.
const MIMALLOC_TAKES_ALL: &str = "MIMALLOC_ARENA_EAGER_COMMIT";

/// Where a worker finds its sockets.
const CALLS: RawFd = 3;
const CONTROL: RawFd = 4;

/// A worker that was started.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
    pub(super) calls: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) out: OwnedFd,
    pub(super) err: OwnedFd,
}

/// A worker's own ends.
#[derive(Debug)]
pub struct Sockets {
    pub(super) calls: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) server: Pid,
}

impl Program {
    /// Starts a worker.
    ///
    /// # Errors
    /// The system has no more processes, files or memory, or cannot run the
    /// program.
    pub(super) fn spawn(&self) -> io::Result<Spawned> {
        let (calls, its_calls) = socket::pair()?;
        let (control, its_control) = socket::pair()?;
        let mut command = Command::new(&self.path);
        command
            .arg0(&self.name)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for the server, which ends its workers when
            // they have answered; and what a handler starts is killed with it.
            .process_group(0);
        self.set_environment(&mut command);
        in_child(&mut command, above(&its_calls)?, above(&its_control)?);
        let mut child = command.spawn()?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("a child without its pipes"));
        };
        let pid = Pid::from_child(&child);
        // It is not reaped before, so the number is still its own.
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).inspect_err(|_| {
            // Without it no thread would reap the child. An error means that it is gone.
            let _ = child.kill();
            let _ = child.wait();
        })?;
        Ok(Spawned {
            pid,
            pidfd,
            calls,
            control,
            out: out.into(),
            err: err.into(),
        })
    }

    fn set_environment(&self, command: &mut Command) {
        if let Some(names) = &self.variables {
            command.env_clear();
            let kept = std::env::vars_os().filter(|(name, _)| {
                let name = name.to_string_lossy();
                name.starts_with("HYBRID_") || names.iter().any(|kept| *kept == name)
            });
            command.envs(kept);
        }
        let takes_all = std::env::var_os(MIMALLOC_TAKES_ALL);
        command
            .env(MIMALLOC_TAKES_ALL, takes_all.unwrap_or_else(|| "0".into()))
            .env(WORKER_OF, getpid().as_raw_pid().to_string());
    }
}

/// The same descriptor with a number that no worker's socket has.
fn above(fd: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, CONTROL + 1)?)
}

/// What the child does before it becomes the program.
fn in_child(command: &mut Command, calls: OwnedFd, control: OwnedFd) {
    let server = getpid();
    let prepare = move || {
        // SAFETY: `dup2` and `close_range` take numbers and touch no memory. The
        // numbers they replace and mark belong to the child alone, which uses none
        // of them: its own pipe for errors is closed by exec in any case.
        unsafe {
            if libc::dup2(calls.as_raw_fd(), CALLS) < 0
                || libc::dup2(control.as_raw_fd(), CONTROL) < 0
            {
                return Err(io::Error::last_os_error());
            }
            // What libraries of the server's opened without close-on-exec. A kernel
            // before 5.11 leaves it open.
            libc::syscall(
                libc::SYS_close_range,
                CONTROL + 1,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            );
        }
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // It may have died before the system was told.
        if getppid() != Some(server) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only calls to the system are made: nothing is
    // allocated and no lock is taken, not for an error either, which is a number.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// This process's sockets, where it is a worker.
///
/// What a worker's handler starts inherits the variable, and is none: its parent
/// is another process.
pub fn sockets() -> Option<Sockets> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let server = std::env::var(WORKER_OF).ok()?;
    let server = Pid::from_raw(server.parse().ok()?)?;
    if getppid() != Some(server) || TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: the server put these two descriptors here for this process, and they
    // are taken once.
    let (calls, control) = unsafe { (OwnedFd::from_raw_fd(CALLS), OwnedFd::from_raw_fd(CONTROL)) };
    for socket in [&calls, &control] {
        // Not for what a handler starts.
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::CLOEXEC).ok()?;
    }
    Some(Sockets {
        calls,
        control,
        server,
    })
}
