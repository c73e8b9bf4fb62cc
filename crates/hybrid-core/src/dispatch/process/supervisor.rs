//! The one thread that owns the worker processes: it starts them, learns that they
//! are ready, reads what they write, asks whether they live, kills and buries them.
//!
//! It waits in `poll` for a bell (see `Shared::ring`), for the descriptors of its
//! children, and for the next moment at which something is due. It takes no part in
//! requests. It lives as long as the application, since the system kills a worker
//! when the thread ends that started it.

mod child;
mod signs;
mod slot;

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

use super::{
    Doom, Shared, Worker,
    output::{Lines, Open},
};
use crate::{
    kept::{self, Turn},
    telemetry::clock::{self, Instant},
};

/// How long a worker may take from its start to its first word.
const START_WAIT: Duration = Duration::from_secs(30);
/// How often workers are looked at, while one of them is busy and while none is.
const LOOK_BUSY: Duration = Duration::from_millis(50);
const LOOK_IDLE: Duration = Duration::from_millis(250);

const NAME: &str = "hybrid-process";

/// Starts the thread.
pub(super) fn start(shared: Arc<Shared>, alive: watch::Sender<bool>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(NAME.to_owned());
    thread.spawn(move || {
        let mut supervisor = Supervisor {
            slots: Vec::new(),
            looked: clock::now(),
            shared,
        };
        kept::keep(NAME, || supervisor.turn());
        // Nobody listens where the application was dropped.
        let _ = alive.send(true);
    })?;
    Ok(())
}

struct Supervisor {
    shared: Arc<Shared>,
    slots: Vec<Slot>,
    looked: Instant,
}

/// A place for a worker; once taken, it is kept filled.
struct Slot {
    index: usize,
    child: Option<Child>,
    /// Starts in a row that failed.
    failures: u32,
    not_before: Instant,
}

/// A process that has not been buried.
struct Child {
    pid: Pid,
    started: Instant,
    streams: [(OwnedFd, Lines, Open); 2],
    state: State,
    /// When it was asked to end, and how.
    asked: Option<(Asked, Instant)>,
}

enum State {
    Starting(Box<Unready>),
    Ready {
        worker: Arc<Worker>,
        /// The last question, and whether it was answered.
        ping: (u64, Instant, bool),
    },
}

/// What a worker that is not ready has.
struct Unready {
    pidfd: OwnedFd,
    calls: OwnedFd,
    control: OwnedFd,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// Nothing yet: it seems to be gone already.
    Nothing,
    Gently,
    Term,
    Kill,
}

impl Supervisor {
    fn turn(&mut self) -> Turn {
        kept::fail_here(NAME);
        self.wait();
        let mut bell = [0; 8];
        // There is nothing to read where something else woke it.
        let _ = rustix::io::read(&self.shared.bell, &mut bell);
        self.bury();
        self.listen();
        self.end();
        if self.looked + self.look_every() <= clock::now() {
            self.looked = clock::now();
            self.look();
        }
        let closes = self.shared.closes.load(Ordering::SeqCst);
        if !closes {
            self.fill();
        } else if self.slots.iter().all(|slot| slot.child.is_none()) {
            return Turn::Over;
        }
        Turn::Again
    }

    fn look_every(&self) -> Duration {
        let is_busy = |slot: &Slot| {
            let worker = slot.child.as_ref().and_then(Child::worker);
            worker.is_some_and(|worker| worker.is_busy())
        };
        if self.slots.iter().any(is_busy) {
            LOOK_BUSY
        } else {
            LOOK_IDLE
        }
    }

    // === waiting ===

    fn wait(&self) {
        let mut fds = vec![PollFd::new(&self.shared.bell, PollFlags::IN)];
        for child in self.slots.iter().filter_map(|slot| slot.child.as_ref()) {
            child.watched(&mut fds);
        }
        let timeout = self.timeout().map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        // Interrupted, it looks around and waits again.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    /// When something is due; never where there is nothing to look at.
    fn timeout(&self) -> Option<Duration> {
        let now = clock::now();
        let look = (self.slots.iter())
            .any(|slot| slot.child.is_some())
            .then(|| self.looked + self.look_every());
        let start = self
            .slots
            .iter()
            .filter(|slot| slot.child.is_none())
            .map(|slot| slot.not_before);
        let kill = self
            .slots
            .iter()
            .filter_map(|slot| slot.child.as_ref()?.due());
        let next = look.into_iter().chain(start).chain(kill).min()?;
        // Not at once again, should something that is due not be possible.
        Some(
            next.saturating_duration_since(now)
                .max(Duration::from_millis(1)),
        )
    }

    // === starting ===

    /// Starts workers where they are wanted.
    fn fill(&mut self) {
        let now = clock::now();
        let mut wanted = self.shared.queue.wanted();
        for slot in &mut self.slots {
            if slot.child.is_none() && slot.not_before <= now {
                slot.start(&self.shared);
                wanted = wanted.saturating_sub(1);
            }
        }
        let room = self.shared.plan.processes_max - self.slots.len();
        for _ in 0..wanted.min(room) {
            let mut slot = Slot {
                index: self.slots.len(),
                child: None,
                failures: 0,
                not_before: now,
            };
            slot.start(&self.shared);
            self.slots.push(slot);
        }
    }

    // === reading ===

    /// Reads what workers write, and learns who is ready and who answers.
    fn listen(&mut self) {
        for slot in &mut self.slots {
            let Some(child) = &mut slot.child else {
                continue;
            };
            child.read_output(&self.shared);
            match &mut child.state {
                State::Starting(_) => slot.hear_first_word(&self.shared),
                State::Ready { worker, ping } => signs::hear_pong(worker, ping),
            }
        }
    }

    /// Looks at every worker: whether it was stopped, how large it is, whether it
    /// answers.
    fn look(&mut self) {
        let now = clock::now();
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            let is_late = now > child.started + START_WAIT;
            match &mut child.state {
                State::Starting(_) if child.asked.is_some() => {}
                State::Starting(_) if signs::is_stopped(child.pid) => {
                    signs::say_stopped(child.pid);
                    child.ask(Asked::Kill, now);
                }
                State::Starting(_) if is_late => {
                    let pid = child.pid.as_raw_pid();
                    kept::quietly(|| {
                        tracing::error!(pid, "a worker was not ready in time and is killed")
                    });
                    child.ask(Asked::Term, now);
                }
                State::Starting(_) => {}
                State::Ready { worker, ping } => {
                    self.shared.look_at(worker);
                    worker.cool();
                    self.shared.ask_for_life(worker, ping, now);
                }
            }
        }
    }

    // === ending ===

    /// Ends whoever is doomed, and goes further with whoever takes too long.
    fn end(&mut self) {
        let now = clock::now();
        let closes = self.shared.closes.load(Ordering::SeqCst);
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            if closes {
                child.close(&self.shared);
            }
            let doom = child.worker().map_or(Doom::Lives, |worker| worker.doom());
            if doom != Doom::Lives && child.asked.is_none() {
                match doom {
                    doom if doom.is_gentle() => child.ask(Asked::Gently, now),
                    // As a rule it is dead, and only not buried yet.
                    Doom::Lost => child.ask(Asked::Nothing, now),
                    // Woken by anything gentler, one that was stopped would begin the
                    // call that waits in its socket, which another worker can have.
                    Doom::Silent => child.ask(Asked::Kill, now),
                    _ => child.ask(Asked::Term, now),
                }
            }
            child.go_further(now);
        }
    }

    /// Takes leave of the dead.
    fn bury(&mut self) {
        for slot in &mut self.slots {
            let Some(child) = &mut slot.child else {
                continue;
            };
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let pidfd = child.pidfd();
            let has_ended = match waitid(WaitId::PidFd(pidfd), options) {
                Ok(None) => continue,
                Ok(Some(status)) => Some(status),
                // Somebody else has reaped it, or its end is ignored by the system.
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => None,
            };
            // What it started goes with it. Its number is still its own, as it is not
            // reaped; an error means that nobody is left.
            let _ = kill_process_group(child.pid, Signal::KILL);
            let _ = waitid(
                WaitId::PidFd(child.pidfd()),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
            child.drain(&self.shared);
            if let Some(child) = slot.child.take() {
                slot.mourn(child, has_ended.as_ref(), &self.shared);
            }
        }
    }
}
