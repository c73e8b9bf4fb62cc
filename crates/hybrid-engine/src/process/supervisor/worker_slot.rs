//! A place for a worker: starting one, learning that it is ready, what follows from its
//! exit, and when the next one is started.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustix::process::{Signal, WaitIdStatus};

use super::{ChildProcess, ChildState, StartingWorker, StopStage, WorkerSlot, liveness::PingState};
use crate::{
    background, clock,
    process::{
        WorkerEnd,
        codec::MESSAGE_BYTES_MAX,
        messages::{self, FromWorker},
        socket,
        worker_counts::SlotContent,
        worker_handle::{EndReason, WorkerHandle},
        workers::WorkersShared,
    },
};

/// The pause after a start that failed, doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause where the worker was killed from outside: nothing is wrong with it.
const PAUSE_KILLED_MAX: Duration = Duration::from_secs(1);
/// A worker that ends within this time and has answered no call counts as a start that
/// failed.
const EARLY_EXIT: Duration = Duration::from_secs(1);
/// The longest part of a worker's note that is logged.
const NOTE_CHARS_MAX: usize = 500;

impl WorkerSlot {
    pub(super) fn start(&mut self, shared: &Arc<WorkersShared>) {
        match shared.config.program.spawn() {
            Ok(spawned) => {
                shared.queue.note_start();
                let child = ChildProcess::new(spawned);
                shared
                    .counts
                    .set(self.index, SlotContent::Starting(child.pid.as_raw_pid()));
                self.child = Some(child);
            }
            Err(error) => {
                let pause = self.fail(PAUSE_MAX);
                shared.counts.count_end(self.index, WorkerEnd::Failed);
                shared.queue.note_failure(false, self.not_before);
                background::quietly(
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

    /// Reads a worker's first message, which says that it is ready.
    pub(super) fn read_ready(&mut self, shared: &Arc<WorkersShared>) {
        let Some(child) = &mut self.child else { return };
        let ChildState::Starting(spawned) = &child.state else {
            return;
        };
        let mut buffer = Vec::with_capacity(MESSAGE_BYTES_MAX);
        match socket::receive_plain(&spawned.calls, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // It has ended, and is reaped in a later turn.
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let pid = child.pid.as_raw_pid();
        match parse_ready(&buffer, shared.config.fingerprint) {
            Ok(notes) => {
                // They are the same for every worker.
                if !shared.notes_are_logged.swap(true, Ordering::Relaxed) {
                    for note in notes {
                        background::quietly(|| {
                            tracing::warn!("workers are less confined than they should be: {note}")
                        });
                    }
                }
                self.become_ready(shared);
            }
            Err(why) => {
                background::quietly(|| tracing::error!(pid, "a worker is of no use: {why}"));
                child.stop(StopStage::Term, clock::now());
            }
        }
    }

    fn become_ready(&mut self, shared: &Arc<WorkersShared>) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let ChildState::Starting(spawned) = child.state else {
            self.child = Some(child);
            return;
        };
        let StartingWorker {
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
                // The event loops are gone, and no call waits. The worker's sockets are
                // closed here, and it ends.
                background::quietly(|| tracing::error!(%error, "a worker cannot be listened to"));
                shared.queue.note_failure(true, clock::now() + PAUSE_MAX);
                shared.counts.count_end(self.index, WorkerEnd::Failed);
                self.fail(PAUSE_MAX);
                return;
            }
        };
        let worker = Arc::new(WorkerHandle::new(
            child.pid,
            pidfd,
            calls,
            control,
            Arc::clone(&shared.segment_budget),
        ));
        shared.check_process(&worker);
        shared
            .counts
            .set(self.index, SlotContent::Worker(Arc::clone(&worker)));
        child.state = ChildState::Ready {
            worker: Arc::clone(&worker),
            ping: PingState::new(clock::now()),
        };
        let pid = child.pid.as_raw_pid();
        self.child = Some(child);
        shared.queue.note_ready();
        shared.queue.offer(shared, worker);
        background::quietly(|| tracing::debug!(pid, "a worker is ready"));
    }

    /// Logs how a worker ended, and decides when the next one is started.
    pub(super) fn on_exit(
        &mut self,
        mut child: ChildProcess,
        status: Option<&WaitIdStatus>,
        shared: &Arc<WorkersShared>,
    ) {
        let pid = child.pid.as_raw_pid();
        let how = describe(status);
        child.finish(shared);
        let ChildState::Ready { worker, .. } = &child.state else {
            let pause = self.fail(pause_max(status));
            shared.counts.count_end(self.index, WorkerEnd::Failed);
            shared.queue.note_failure(true, self.not_before);
            if !shared.is_closed.load(Ordering::SeqCst) {
                background::quietly(|| {
                    tracing::error!(pid, how, ?pause, "a worker ended before it was ready")
                });
            }
            return;
        };
        shared.queue.note_end(worker);
        // A call that holds it still sends nothing to it any more.
        shared.end(worker, EndReason::Lost);
        let route = shared.class_of(worker).unwrap_or("no route");
        let ended = match worker.end_reason() {
            EndReason::Deadline => WorkerEnd::Deadline,
            EndReason::ClientLeft => WorkerEnd::ClientLeft,
            EndReason::Malformed | EndReason::Unresponsive => WorkerEnd::Broken,
            EndReason::Recycled | EndReason::Closed => WorkerEnd::Recycled,
            EndReason::None | EndReason::Lost => WorkerEnd::Crashed,
        };
        match ended {
            WorkerEnd::Crashed => {
                background::quietly(|| tracing::error!(pid, how, route, "a worker crashed"))
            }
            WorkerEnd::Recycled => {
                background::quietly(|| tracing::debug!(pid, how, "a worker was let go"));
            }
            WorkerEnd::Deadline | WorkerEnd::ClientLeft | WorkerEnd::Broken | WorkerEnd::Failed => {
                background::quietly(|| {
                    tracing::warn!(pid, how, route, why = ended.as_str(), "a worker was killed")
                });
            }
        }
        shared.counts.count_end(self.index, ended);
        let served = worker.served.load(Ordering::Relaxed);
        let is_early =
            clock::now() < child.started + EARLY_EXIT && served == 0 && !worker.is_busy();
        if ended == WorkerEnd::Crashed && is_early {
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

/// The notes of a worker that is ready, where it is the one that was wanted.
fn parse_ready(message: &[u8], fingerprint: u64) -> Result<Vec<String>, String> {
    let (message, _) = FromWorker::decode(message).map_err(|malformed| malformed.to_string())?;
    let FromWorker::Ready(ready) = message else {
        return Err("its first message is another".to_owned());
    };
    if ready.version != messages::VERSION {
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
        return "unknown: other code reaped it".to_owned();
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
        let mut slot = WorkerSlot {
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
