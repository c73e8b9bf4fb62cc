//! A pool thread: takes jobs until the pool closes or it was idle for long.

use std::{convert::Infallible, io, sync::Arc, thread::Builder, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{
    Asker, Brief, Disposition, EndedJob, Job, Length, NextJob, PoolShared, handoff::Rest,
    worker_slot::Expectation,
};
use crate::{
    background,
    catch::catch,
    os::thread,
    sync::{Ordering, park::Parker},
    timing::Timing,
};

/// A thread that found no job for this long leaves.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// Starts a worker of a side at a place, counted as a thread and as looking already.
pub(super) fn start(
    number: usize,
    length: Length,
    shared: &Arc<PoolShared>,
    (place, parker): (usize, Parker),
    alive: Sender<Infallible>,
) -> io::Result<()> {
    let worker = Builder::new().name(format!("hybrid-pool-{number}"));
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
                shared.all_slots[place].set_thread(0);
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
pub(super) fn enter(shared: &PoolShared, place: usize, run: impl FnOnce()) {
    shared.all_slots[place].set_thread(thread::number());
    let runtime = shared.runtime.clone();
    let _context = runtime.enter();
    run();
}

struct Worker<'a> {
    shared: &'a PoolShared,
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
pub(super) fn run_next(shared: &PoolShared, place: usize, next: NextJob) -> EndedJob {
    let NextJob {
        job,
        length,
        held,
        turn,
        kind,
    } = next;
    let class = job.class;
    let slot = &shared.all_slots[place];
    slot.start(class, length, kind, held, &shared.accounts);
    if let Brief::No { more } = turn
        && (shared.side(length).handoff.stop_looking() || more)
    {
        shared.wake(length);
    }
    if kind == Expectation::Unknown {
        // It may compute for long.
        shared.call_scan();
    }
    let timing = run(job, Disposition::Run);
    let ended = shared.end(slot, turn);
    if let Some(timing) = &timing {
        shared.note_run(class, timing, length != ended);
    }
    EndedJob {
        class,
        length: ended,
        turn,
        timing,
    }
}

/// A job catches its own panics and answers them; this is the last net, so that
/// no thread is ever lost.
pub(super) fn run(job: Job, turn: Disposition) -> Option<Timing> {
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

/// Lowers this thread's priority below the event loops', whose own it has so far.
/// Threads that a job starts inherit it.
fn lower_own_priority(nice: u8) {
    lower_priority(thread::number(), nice);
}

/// Lowers the priority of one of this process's threads.
pub(super) fn lower_priority(thread: u32, nice: u8) {
    if let Err(error) = thread::lower_priority(thread, nice) {
        background::quietly(|| {
            tracing::warn!(%error, nice, "the priority of a pool thread could not be lowered");
        });
    }
}
