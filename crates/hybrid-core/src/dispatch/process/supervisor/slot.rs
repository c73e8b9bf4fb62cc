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
    telemetry::clock,
};

/// The pause after a start that failed, doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
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
                let pause = self.fail();
                shared.counts.end(self.index, Ended::Failed);
                shared.queue.failed(false, self.not_before);
                tracing::error!(%error, ?pause, "a worker process cannot be started");
            }
        }
    }

    /// A start failed: the next one waits longer.
    fn fail(&mut self) -> Duration {
        let pause = PAUSE_MIN
            .saturating_mul(1 << self.failures.min(16))
            .min(PAUSE_MAX);
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
                        tracing::warn!("workers are less confined than they should be: {note}");
                    }
                }
                self.be_ready(shared);
            }
            Err(why) => {
                tracing::error!(pid, "a worker is of no use: {why}");
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
                tracing::error!(%error, "a worker cannot be listened to");
                shared.queue.failed(true, clock::now() + PAUSE_MAX);
                shared.counts.end(self.index, Ended::Failed);
                self.fail();
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
            rss_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            buffer: Mutex::new(Vec::new()),
        });
        tracing::debug!(pid = child.pid.as_raw_pid(), "a worker is ready");
        shared.look_at(&worker);
        shared
            .counts
            .see(self.index, Seen::Worker(Arc::clone(&worker)));
        child.state = State::Ready {
            worker: Arc::clone(&worker),
            ping: (0, clock::now(), true),
        };
        self.child = Some(child);
        shared.queue.started();
        shared.queue.give(shared, worker);
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
            let pause = self.fail();
            shared.counts.end(self.index, Ended::Failed);
            shared.queue.failed(true, self.not_before);
            if !shared.closes.load(Ordering::SeqCst) {
                tracing::error!(pid, how, ?pause, "a worker ended before it was ready");
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
            Ended::Crashed => tracing::error!(pid, how, route, "a worker crashed"),
            Ended::Recycled => tracing::debug!(pid, how, "a worker was let go"),
            Ended::Deadline | Ended::Left | Ended::Broken | Ended::Failed => {
                tracing::warn!(pid, how, route, why = ended.as_str(), "a worker was killed");
            }
        }
        shared.counts.end(self.index, ended);
        let served = worker.served.load(Ordering::Relaxed);
        let is_infant = clock::now() < child.started + INFANCY && served == 0 && !worker.is_busy();
        if ended == Ended::Crashed && is_infant {
            self.fail();
        } else {
            self.failures = 0;
            self.not_before = clock::now();
        }
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
