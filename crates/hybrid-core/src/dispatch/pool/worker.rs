//! A pool thread: takes jobs until the pool closes or it was idle for long.

use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{Asker, Brief, Ended, Job, Next, Shared, Turn, handoff::Rest};
use crate::{
    dispatch::catch::catch,
    kept,
    sync::{Ordering, park::Parker},
    telemetry::timing::Timing,
};

/// A thread that found no job for this long leaves.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// Starts a worker at a place, counted as a thread and as looking already.
pub(super) fn start(
    number: usize,
    shared: &Arc<Shared>,
    (place, parker): (usize, Parker),
    alive: Sender<Infallible>,
) -> io::Result<()> {
    let worker = thread::Builder::new().name(format!("hybrid-pool-{number}"));
    let shared = Arc::clone(shared);
    // Not joined: `Pool::join` waits for every `alive`.
    worker.spawn(move || {
        // Permits and places are counted by what the thread does next: a panic of the
        // pool's own leaves counts that nobody can set right.
        kept::or_end("hybrid-pool", || {
            enter(&shared, place, || {
                let rest = work(&shared, place, &parker);
                shared.threads.fetch_sub(1, Ordering::SeqCst);
                shared.holds[place].set_thread(0);
                shared.handoff.leave_place(place, parker, rest);
            });
        });
        drop(alive);
    })?;
    Ok(())
}

/// Makes this thread a pool thread, and runs.
pub(super) fn enter(shared: &Shared, place: usize, run: impl FnOnce()) {
    lower_priority(shared.limits.nice);
    shared.holds[place].set_thread(thread_number());
    let runtime = shared.runtime.clone();
    let _context = runtime.enter();
    run();
}

/// Takes jobs. The worker looks when this begins, and not when it ends.
fn work(shared: &Shared, place: usize, parker: &Parker) -> Rest {
    shared.is_thread_coming.store(false, Ordering::SeqCst);
    let mut ended = None;
    loop {
        if let Some(next) = shared.next(Asker::Worker, ended.take()) {
            ended = Some(run_next(shared, place, next));
            continue;
        }
        if shared.is_done() {
            shared.handoff.stop_looking();
            // The others have nothing to wait for either.
            shared.handoff.wake_all();
            return Rest::Woken;
        }
        shared.handoff.lie_down(place);
        if shared.handoff.stop_looking() {
            shared.wake();
        }
        // Asked after lying down: whoever closes wakes those who lie.
        let longest = if shared.is_done() {
            Duration::ZERO
        } else {
            IDLE
        };
        if shared.handoff.rest(place, parker, longest) == Rest::Left {
            return Rest::Left;
        }
    }
}

/// Runs a job, and looks again.
pub(super) fn run_next(shared: &Shared, place: usize, next: Next) -> Ended {
    let Next {
        job,
        weight,
        turn,
        kind,
    } = next;
    let route = job.route;
    let hold = &shared.holds[place];
    hold.start(route, weight, kind, &shared.permits);
    if let Brief::No { more } = turn
        && (shared.handoff.stop_looking() || more)
    {
        shared.wake();
    }
    let timing = run(job, Turn::Run);
    shared.end(hold, turn);
    Ended {
        route,
        turn,
        detail: timing.and_then(|timing| timing.detail),
    }
}

/// A job catches its own panics and answers them; this is the last net, so that
/// no thread is ever lost.
pub(super) fn run(job: Job, turn: Turn) -> Option<Timing> {
    match catch(move || (job.work)(turn)) {
        Ok(timing) => timing,
        Err(panicked) => {
            kept::quietly(|| {
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
fn lower_priority(nice: u8) {
    if nice == 0 {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};

        /// The lowest priority there is.
        const NICEST: i32 = 19;
        // On Linux a thread's id names the thread alone here, not its process.
        let thread = Some(rustix::thread::gettid());
        let lowered = getpriority_process(thread)
            .and_then(|own| setpriority_process(thread, (own + i32::from(nice)).min(NICEST)));
        if let Err(error) = lowered {
            kept::quietly(
                || tracing::warn!(%error, nice, "the pool's priority could not be lowered"),
            );
        }
    }
}
