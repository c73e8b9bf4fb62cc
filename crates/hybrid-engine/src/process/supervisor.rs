//! The one thread that owns the worker processes: it starts them, learns that they are
//! ready, reads what they write, pings them, kills and reaps them.
//!
//! It waits in `poll` for a wake-up (`WorkersShared::wake_supervisor`), for the
//! descriptors of its children, and for the next moment at which something is due. It
//! takes no part in calls. It lives as long as the application, since the system kills a
//! worker when the thread ends that started it.

mod child_process;
mod liveness;
mod worker_slot;

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use tokio::sync::watch;

use self::liveness::PingState;
use super::{
    output::{OutputLines, PipeState},
    worker_handle::{EndReason, WorkerHandle},
    workers::WorkersShared,
};
use crate::{
    background::{self, Turn},
    clock::{self, Instant},
};

/// How long a worker may take from its start until it is ready.
const START_WAIT: Duration = Duration::from_secs(30);
/// How often workers are checked, while one of them is busy and while none is.
const CHECK_BUSY: Duration = Duration::from_millis(50);
const CHECK_IDLE: Duration = Duration::from_millis(250);

const NAME: &str = "hybrid-process";

/// Starts the thread.
pub(super) fn start(shared: Arc<WorkersShared>, ended: watch::Sender<bool>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(NAME.to_owned());
    thread.spawn(move || {
        let mut supervisor = Supervisor {
            slots: Vec::new(),
            checked_at: clock::now(),
            shared,
        };
        background::run(NAME, || supervisor.turn());
        // An error: the application was dropped, and no code waits for this.
        let _ = ended.send(true);
    })?;
    Ok(())
}

struct Supervisor {
    shared: Arc<WorkersShared>,
    slots: Vec<WorkerSlot>,
    checked_at: Instant,
}

/// A place for a worker. Once it was taken it is kept filled.
struct WorkerSlot {
    index: usize,
    child: Option<ChildProcess>,
    /// Starts in a row that failed.
    failures: u32,
    not_before: Instant,
}

/// A process that has not been reaped.
struct ChildProcess {
    pid: Pid,
    started: Instant,
    outputs: [(OwnedFd, OutputLines, PipeState); 2],
    state: ChildState,
    /// How it was told to end, and when.
    stopping: Option<(StopStage, Instant)>,
}

enum ChildState {
    Starting(Box<StartingWorker>),
    Ready {
        worker: Arc<WorkerHandle>,
        ping: PingState,
    },
}

/// The descriptors of a worker that is not ready.
struct StartingWorker {
    pidfd: OwnedFd,
    calls: OwnedFd,
    control: OwnedFd,
}

/// How a worker is told to end, in rising order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StopStage {
    /// Nothing is done yet: it seems to be gone already.
    AwaitExit,
    /// Its calls are shut, so that it ends by itself.
    Shutdown,
    /// It has SIGTERM.
    Term,
    /// It has SIGKILL.
    Kill,
}

impl Supervisor {
    fn turn(&mut self) -> Turn {
        background::fail_here(NAME);
        self.wait();
        let mut count = [0; 8];
        // There is nothing to read where something else woke the thread.
        let _ = rustix::io::read(&self.shared.wakeup, &mut count);
        self.reap();
        self.read_workers();
        self.stop_workers();
        if self.checked_at + self.check_interval() <= clock::now() {
            self.checked_at = clock::now();
            self.check_workers();
        }
        let is_closed = self.shared.is_closed.load(Ordering::SeqCst);
        if !is_closed {
            self.start_workers();
        } else if self.slots.iter().all(|slot| slot.child.is_none()) {
            return Turn::Over;
        }
        Turn::Again
    }

    fn check_interval(&self) -> Duration {
        let is_busy = |slot: &WorkerSlot| {
            let worker = slot.child.as_ref().and_then(ChildProcess::worker);
            worker.is_some_and(|worker| worker.is_busy())
        };
        if self.slots.iter().any(is_busy) {
            CHECK_BUSY
        } else {
            CHECK_IDLE
        }
    }

    // === waiting ===

    fn wait(&self) {
        let mut fds = vec![PollFd::new(&self.shared.wakeup, PollFlags::IN)];
        for child in self.slots.iter().filter_map(|slot| slot.child.as_ref()) {
            child.add_poll_fds(&mut fds);
        }
        let timeout = self.timeout().map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        // When it is interrupted, the turn goes on and the next one waits again.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    /// The time until something is due; `None` where there is nothing to check.
    fn timeout(&self) -> Option<Duration> {
        let now = clock::now();
        let check = (self.slots.iter())
            .any(|slot| slot.child.is_some())
            .then(|| self.checked_at + self.check_interval());
        let start = self
            .slots
            .iter()
            .filter(|slot| slot.child.is_none())
            .map(|slot| slot.not_before);
        let kill = self
            .slots
            .iter()
            .filter_map(|slot| slot.child.as_ref()?.stage_ends());
        let next = check.into_iter().chain(start).chain(kill).min()?;
        // Never zero: what is due may not be possible yet.
        Some(
            next.saturating_duration_since(now)
                .max(Duration::from_millis(1)),
        )
    }

    // === starting ===

    /// Starts workers where they are wanted.
    fn start_workers(&mut self) {
        let now = clock::now();
        let mut wanted = self.shared.queue.wanted();
        for slot in &mut self.slots {
            if slot.child.is_none() && slot.not_before <= now {
                slot.start(&self.shared);
                wanted = wanted.saturating_sub(1);
            }
        }
        let room = self.shared.config.processes_max - self.slots.len();
        for _ in 0..wanted.min(room) {
            let mut slot = WorkerSlot {
                index: self.slots.len(),
                child: None,
                failures: 0,
                not_before: now,
            };
            slot.start(&self.shared);
            self.slots.push(slot);
        }
    }

    // === reading and checking ===

    /// Reads what workers write, their first message and their replies to pings.
    fn read_workers(&mut self) {
        for slot in &mut self.slots {
            let Some(child) = &mut slot.child else {
                continue;
            };
            child.read_output(&self.shared);
            match &mut child.state {
                ChildState::Starting(_) => slot.read_ready(&self.shared),
                ChildState::Ready { worker, ping } => liveness::read_pongs(worker, ping),
            }
        }
    }

    /// Checks every worker: whether it was stopped, how large it is, whether it replies
    /// to pings.
    fn check_workers(&mut self) {
        let now = clock::now();
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            let is_late = now > child.started + START_WAIT;
            match &mut child.state {
                ChildState::Starting(_) if child.stopping.is_some() => {}
                ChildState::Starting(_) if liveness::is_stopped(child.pid) => {
                    liveness::log_stopped(child.pid);
                    child.stop(StopStage::Kill, now);
                }
                ChildState::Starting(_) if is_late => {
                    let pid = child.pid.as_raw_pid();
                    background::quietly(|| {
                        tracing::error!(pid, "a worker was not ready in time and is killed")
                    });
                    child.stop(StopStage::Term, now);
                }
                ChildState::Starting(_) => {}
                ChildState::Ready { worker, ping } => {
                    self.shared.check_process(worker);
                    worker.trim_if_unused();
                    self.shared.ping(worker, ping, now);
                }
            }
        }
    }

    // === ending ===

    /// Stops every worker that has an [`EndReason`], and takes the next stage where one
    /// has lasted too long.
    fn stop_workers(&mut self) {
        let now = clock::now();
        let is_closed = self.shared.is_closed.load(Ordering::SeqCst);
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            if is_closed {
                child.close(&self.shared);
            }
            if child.stopping.is_none()
                && let Some(stage) = child.worker().and_then(|worker| worker.first_stage())
            {
                child.stop(stage, now);
            }
            child.escalate(now);
        }
    }

    /// Reaps the workers that have ended.
    fn reap(&mut self) {
        for slot in &mut self.slots {
            let Some(child) = &mut slot.child else {
                continue;
            };
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let pidfd = child.pidfd();
            let status = match waitid(WaitId::PidFd(pidfd), options) {
                Ok(None) => continue,
                Ok(Some(status)) => Some(status),
                Err(rustix::io::Errno::INTR) => continue,
                // Other code has reaped it, or the system does: SIGCHLD is ignored.
                Err(_) => None,
            };
            // The processes that it started are killed with it. The number is still its
            // own, as it is not reaped; an error means that none of them is left.
            let _ = kill_process_group(child.pid, Signal::KILL);
            let _ = waitid(
                WaitId::PidFd(child.pidfd()),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
            child.drain(&self.shared);
            if let Some(child) = slot.child.take() {
                slot.on_exit(child, status.as_ref(), &self.shared);
            }
        }
    }
}

impl WorkerHandle {
    /// How a worker is first told to end, where it is to end.
    fn first_stage(&self) -> Option<StopStage> {
        Some(match self.end_reason() {
            EndReason::None => return None,
            reason if reason.is_graceful() => StopStage::Shutdown,
            // As a rule it has ended, and is only not reaped yet.
            EndReason::Lost => StopStage::AwaitExit,
            // TERM would wake a worker that was stopped. It would begin the call that
            // waits in its socket, which another worker can have.
            EndReason::Unresponsive => StopStage::Kill,
            _ => StopStage::Term,
        })
    }
}
