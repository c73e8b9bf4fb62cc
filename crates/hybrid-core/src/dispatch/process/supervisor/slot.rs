//! A place for a worker: starting one, hearing that it is ready, taking leave of it,
//! and when the next one is started.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::{Signal, WaitIdStatus};

use super::{Asked, Child, Slot, State, Unready};
use crate::{
    dispatch::process::{
        Doom, IDLE, Shared, Worker,
        counts::{Ended, Seen},
        frame::{self, FromWorker},
        segment::Segments,
        socket,
    },
    kept,
    telemetry::clock,
};

/// The pause after a start that failed, doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest where the worker was killed from outside: nothing is wrong with it.
const PAUSE_KILLED_MAX: Duration = Duration::from_secs(1);
/// A worker that ends within this time without having answered anything has not
/// really started.
const INFANCY: Duration = Duration::from_secs(1);
/// The longest part of a worker's note that is logged.
const NOTE_CHARS_MAX: usize = 500;

impl Slot {
    pub(super) fn start(&mut self, shared: &Arc<Shared>) {
        match shared.plan.program.spawn() {
            Ok(spawned) => {
                shared.queue.starts();
                let child = Child::new(spawned);
                shared
                    .counts
                    .see(self.index, Seen::Starting(child.pid.as_raw_pid()));
                self.child = Some(child);
            }
            Err(error) => {
                let pause = self.fail(PAUSE_MAX);
                shared.counts.end(self.index, Ended::Failed);
                shared.queue.failed(false, self.not_before);
                kept::quietly(
                    || tracing::error!(%error, ?pause, "a worker process cannot be started"),
                );
            }
        }
    }

    /// A start failed: the next one waits longer.
    fn fail(&mut self, pause_max: Duration) -> Duration {
        let pause = PAUSE_MIN
            .saturating_mul(1 << self.failures.min(16))
            .min(pause_max);
        self.failures += 1;
        self.not_before = clock::now() + pause;
        pause
    }

    /// A worker's first word says that it is ready, and what it is.
    pub(super) fn hear_first_word(&mut self, shared: &Arc<Shared>) {
        let Some(child) = &mut self.child else { return };
        let State::Starting(spawned) = &child.state else {
            return;
        };
        let mut buffer = Vec::with_capacity(frame::MESSAGE_BYTES_MAX);
        match socket::receive_plain(&spawned.calls, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // It has ended, which its burial will tell.
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let pid = child.pid.as_raw_pid();
        match first_word(&buffer, shared.plan.fingerprint) {
            Ok(notes) => {
                // They are the same for every worker.
                if !shared.has_notes_said.swap(true, Ordering::Relaxed) {
                    for note in notes {
                        kept::quietly(|| {
                            tracing::warn!("workers are less confined than they should be: {note}")
                        });
                    }
                }
                self.be_ready(shared);
            }
            Err(why) => {
                kept::quietly(|| tracing::error!(pid, "a worker is of no use: {why}"));
                child.ask(Asked::Term, clock::now());
            }
        }
    }

    fn be_ready(&mut self, shared: &Arc<Shared>) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let State::Starting(spawned) = child.state else {
            self.child = Some(child);
            return;
        };
        let Unready {
            pidfd,
            calls,
            control,
        } = *spawned;
        let calls = {
            let _runtime = shared.runtime.enter();
            socket::watched(calls)
        };
        let calls = match calls {
            Ok(calls) => calls,
            Err(error) => {
                // The event loops are gone: so is whoever wanted a worker. Its sockets
                // are closed, and it ends.
                kept::quietly(|| tracing::error!(%error, "a worker cannot be listened to"));
                shared.queue.failed(true, clock::now() + PAUSE_MAX);
                shared.counts.end(self.index, Ended::Failed);
                self.fail(PAUSE_MAX);
                return;
            }
        };
        let worker = Arc::new(Worker {
            pid: child.pid,
            pidfd,
            calls,
            control,
            segments: Segments::new(Arc::clone(&shared.budget)),
            number: AtomicU64::new(0),
            route: AtomicUsize::new(IDLE),
            route_last: AtomicUsize::new(IDLE),
            doom: AtomicU8::new(Doom::Lives as u8),
            served: AtomicU64::new(0),
            served_before: AtomicU64::new(0),
            retires: AtomicBool::new(false),
            has_output: AtomicBool::new(false),
            rss_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            buffer: Mutex::new(Vec::new()),
        });
        shared.look_at(&worker);
        shared
            .counts
            .see(self.index, Seen::Worker(Arc::clone(&worker)));
        child.state = State::Ready {
            worker: Arc::clone(&worker),
            ping: (0, clock::now(), true),
        };
        let pid = child.pid.as_raw_pid();
        self.child = Some(child);
        shared.queue.started();
        shared.queue.give(shared, worker);
        kept::quietly(|| tracing::debug!(pid, "a worker is ready"));
    }

    /// Says how a worker ended, and decides when the next one is started.
    pub(super) fn mourn(
        &mut self,
        mut child: Child,
        status: Option<&WaitIdStatus>,
        shared: &Arc<Shared>,
    ) {
        let pid = child.pid.as_raw_pid();
        let how = describe(status);
        child.finish(shared);
        let State::Ready { worker, .. } = &child.state else {
            let pause = self.fail(pause_max(status));
            shared.counts.end(self.index, Ended::Failed);
            shared.queue.failed(true, self.not_before);
            if !shared.closes.load(Ordering::SeqCst) {
                kept::quietly(|| {
                    tracing::error!(pid, how, ?pause, "a worker ended before it was ready")
                });
            }
            return;
        };
        shared.queue.gone(worker);
        // Nobody may be sent to it any more who holds it still.
        shared.doom(worker, Doom::Lost);
        let route = shared.route_of(worker);
        let route = route.as_deref().unwrap_or("no route");
        let ended = match worker.doom() {
            Doom::Deadline => Ended::Deadline,
            Doom::Left => Ended::Left,
            Doom::Rubbish | Doom::Silent => Ended::Broken,
            Doom::Retires | Doom::Closes => Ended::Recycled,
            Doom::Lives | Doom::Lost => Ended::Crashed,
        };
        match ended {
            Ended::Crashed => {
                kept::quietly(|| tracing::error!(pid, how, route, "a worker crashed"))
            }
            Ended::Recycled => {
                kept::quietly(|| tracing::debug!(pid, how, "a worker was let go"));
            }
            Ended::Deadline | Ended::Left | Ended::Broken | Ended::Failed => {
                kept::quietly(|| {
                    tracing::warn!(pid, how, route, why = ended.as_str(), "a worker was killed")
                });
            }
        }
        shared.counts.end(self.index, ended);
        let served = worker.served.load(Ordering::Relaxed);
        let is_infant = clock::now() < child.started + INFANCY && served == 0 && !worker.is_busy();
        if ended == Ended::Crashed && is_infant {
            self.fail(pause_max(status));
        } else {
            self.failures = 0;
            self.not_before = clock::now();
        }
    }
}

/// The longest pause after a worker that ended so before it did anything.
fn pause_max(status: Option<&WaitIdStatus>) -> Duration {
    let signal = status.and_then(WaitIdStatus::terminating_signal);
    let is_from_outside = signal.is_some_and(|signal| {
        [Signal::KILL, Signal::TERM, Signal::INT]
            .contains(&Signal::from_named_raw(signal).unwrap_or(Signal::ABORT))
    });
    if is_from_outside {
        PAUSE_KILLED_MAX
    } else {
        PAUSE_MAX
    }
}

/// What a worker says of itself when it is ready, as far as it is the one that was
/// wanted.
fn first_word(message: &[u8], fingerprint: u64) -> Result<Vec<String>, String> {
    let word: FromWorker<'_> = frame::decode(message).map_err(|rubbish| rubbish.to_string())?;
    let FromWorker::Ready(ready) = word else {
        return Err("its first word is another".to_owned());
    };
    if ready.version != frame::VERSION {
        return Err("it speaks another version of the protocol".to_owned());
    }
    if ready.fingerprint != fingerprint {
        return Err(
            "its routes are others than the server's: the program must build the same app in both"
                .to_owned(),
        );
    }
    let notes = ready.notes.iter();
    Ok(notes
        .map(|note| note.chars().take(NOTE_CHARS_MAX).collect())
        .collect())
}

/// How a process ended, for people.
fn describe(status: Option<&WaitIdStatus>) -> String {
    let Some(status) = status else {
        return "nobody knows how".to_owned();
    };
    if let Some(code) = status.exit_status() {
        return format!("exit code {code}");
    }
    let Some(signal) = status.terminating_signal() else {
        return format!("{status:?}");
    };
    match Signal::from_named_raw(signal) {
        Some(named) => {
            let name = format!("{named:?}");
            let name = name.trim_matches('"').trim_start_matches("Signal::");
            format!("signal {signal} ({name})")
        }
        None => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;

    /// How a shell ends that does this.
    fn ended(script: &str) -> Option<WaitIdStatus> {
        let mut shell = Command::new("/bin/sh");
        #[expect(clippy::zombie_processes, reason = "`waitid` reaps it")]
        let child = shell.args(["-c", script]).spawn().expect("a shell");
        let pid = WaitId::Pid(Pid::from_child(&child));
        waitid(pid, WaitIdOptions::EXITED).expect("a child")
    }

    #[test]
    fn a_worker_that_others_kill_is_soon_replaced() {
        for (script, longest) in [
            ("kill -KILL $$", PAUSE_KILLED_MAX),
            ("kill -TERM $$", PAUSE_KILLED_MAX),
            ("kill -SEGV $$", PAUSE_MAX),
            ("exit 1", PAUSE_MAX),
        ] {
            assert_eq!(pause_max(ended(script).as_ref()), longest, "{script}");
        }
        let mut slot = Slot {
            index: 0,
            child: None,
            failures: 0,
            not_before: clock::now(),
        };
        // As often as in 20 s with a kill every 200 ms.
        let pauses: Vec<_> = (0..100).map(|_| slot.fail(PAUSE_KILLED_MAX)).collect();
        assert_eq!(pauses[0], PAUSE_MIN);
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(1)));
    }
}
