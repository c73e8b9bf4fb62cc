//! A pool thread: takes jobs until the pool closes or it was idle for long.

use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{Asker, Brief, Ended, Job, Length, Next, Shared, Turn, handoff::Rest, hold::Kind};
use crate::{
    background,
    catch::catch,
    sync::{Ordering, park::Parker},
    telemetry::timing::Timing,
};

/// A thread that found no job for this long leaves.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// Starts a worker of a side at a place, counted as a thread and as looking already.
pub(super) fn start(
    number: usize,
    length: Length,
    shared: &Arc<Shared>,
    (place, parker): (usize, Parker),
    alive: Sender<Infallible>,
) -> io::Result<()> {
    let worker = thread::Builder::new().name(format!("hybrid-pool-{number}"));
    let shared = Arc::clone(shared);
    // Not joined: `Pool::join` waits for every `alive`.
    worker.spawn(move || {
        // Permits and places are counted by what the thread does next: a panic of the
        // pool's own leaves counts that cannot be set right.
        background::run_or_exit("hybrid-pool", || {
            enter(&shared, place, || {
                let mut worker = Worker {
                    shared: &shared,
                    place,
                    length,
                };
                if length == Length::Long {
                    lower_own_priority(shared.limits.nice);
                }
                let rest = worker.work(&parker);
                let length = worker.length;
                shared.side(length).threads.fetch_sub(1, Ordering::SeqCst);
                shared.threads.fetch_sub(1, Ordering::SeqCst);
                shared.all_holds[place].set_thread(0);
                shared.places.leave(place, parker, rest);
                if rest == Rest::Called {
                    // The thread that comes in its stead counts as looking already.
                    shared.want_thread(length.other());
                }
            });
        });
        drop(alive);
    })?;
    Ok(())
}

/// Makes this thread a pool thread, and runs.
pub(super) fn enter(shared: &Shared, place: usize, run: impl FnOnce()) {
    shared.all_holds[place].set_thread(thread_number());
    let runtime = shared.runtime.clone();
    let _context = runtime.enter();
    run();
}

struct Worker<'a> {
    shared: &'a Shared,
    place: usize,
    /// The side for which it works. A long one stays so: its priority can be lowered
    /// by any thread, and raised again by a privileged one only.
    length: Length,
}

impl Worker<'_> {
    /// Takes jobs. The worker looks when this begins, and not when it ends; where it
    /// ends by being called, it looks for the other side.
    fn work(&mut self, parker: &Parker) -> Rest {
        let shared = self.shared;
        let side = shared.side(self.length);
        side.is_thread_coming.store(false, Ordering::SeqCst);
        let mut ended = None;
        loop {
            if let Some(next) = shared.next(self.length, Asker::Worker, ended.take()) {
                let run = run_next(shared, self.place, next);
                self.length = run.length;
                if shared.is_needed_elsewhere(self.length) {
                    shared.settle(&run);
                    self.stop_looking();
                    if let Err(rest) = self.change_over() {
                        shared.side(Length::Short).handoff.start_looking();
                        return rest;
                    }
                    shared.side(self.length).handoff.start_looking();
                } else {
                    ended = Some(run);
                }
                continue;
            }
            let handoff = &shared.side(self.length).handoff;
            if shared.is_done() {
                handoff.stop_looking();
                // The others have nothing to wait for either.
                shared.wake_all();
                return Rest::Woken;
            }
            handoff.lie_down(self.place);
            self.stop_looking();
            // Asked after lying down: `close` wakes all idle workers.
            let longest = match shared.is_done() {
                true => Duration::ZERO,
                false => IDLE,
            };
            match handoff.rest(self.place, parker, longest) {
                Rest::Woken => {}
                Rest::Left => return Rest::Left,
                Rest::Called => {
                    if let Err(rest) = self.change_over() {
                        return rest;
                    }
                }
            }
        }
    }

    fn stop_looking(&self) {
        if self.shared.side(self.length).handoff.stop_looking() {
            self.shared.wake(self.length);
        }
    }

    /// From short tickets to long ones. The other way the thread leaves, and another
    /// comes.
    fn change_over(&mut self) -> Result<(), Rest> {
        if self.length == Length::Long {
            return Err(Rest::Called);
        }
        self.length = Length::Long;
        self.shared.short.threads.fetch_sub(1, Ordering::SeqCst);
        self.shared.long.threads.fetch_add(1, Ordering::SeqCst);
        lower_own_priority(self.shared.limits.nice);
        Ok(())
    }
}

/// Runs a job, and looks again.
pub(super) fn run_next(shared: &Shared, place: usize, next: Next) -> Ended {
    let Next {
        job,
        length,
        held,
        turn,
        kind,
    } = next;
    let route = job.route;
    let hold = &shared.all_holds[place];
    hold.start(route, length, kind, held, &shared.accounts);
    if let Brief::No { more } = turn
        && (shared.side(length).handoff.stop_looking() || more)
    {
        shared.wake(length);
    }
    if kind == Kind::Unknown {
        // It may compute for long.
        shared.call_pulse();
    }
    let timing = run(job, Turn::Run);
    let ended = shared.end(hold, turn);
    if let Some(timing) = &timing {
        shared.note_run(route, timing, length != ended);
    }
    Ended {
        route,
        length: ended,
        turn,
        timing,
    }
}

/// A job catches its own panics and answers them; this is the last net, so that
/// no thread is ever lost.
pub(super) fn run(job: Job, turn: Turn) -> Option<Timing> {
    match catch(move || (job.work)(turn)) {
        Ok(timing) => timing,
        Err(panicked) => {
            background::quietly(|| {
                tracing::error!(
                    panic = panicked.0,
                    "a job of the pool panicked outside its handler"
                )
            });
            None
        }
    }
}

/// The system's number of this thread; 0 where it has none.
fn thread_number() -> u32 {
    #[cfg(target_os = "linux")]
    {
        let number = rustix::thread::gettid().as_raw_nonzero().get();
        u32::try_from(number).unwrap_or(0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

/// Lowers this thread's priority below the event loops', whose own it has so far.
/// What a handler starts inherits it.
fn lower_own_priority(nice: u8) {
    lower_priority(thread_number(), nice);
}

/// Lowers the priority of one of this process's threads.
pub(super) fn lower_priority(thread: u32, nice: u8) {
    if nice == 0 || thread == 0 {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, getpriority_process, setpriority_process};

        /// The lowest priority there is.
        const NICEST: i32 = 19;
        // On Linux a thread's id names the thread alone here, not its process.
        let thread = i32::try_from(thread).ok().and_then(Pid::from_raw);
        let lowered = getpriority_process(thread)
            .and_then(|own| setpriority_process(thread, (own + i32::from(nice)).min(NICEST)));
        if let Err(error) = lowered {
            background::quietly(|| {
                tracing::warn!(%error, nice, "the priority of a pool thread could not be lowered");
            });
        }
    }
}
