//! A pool thread: takes jobs until the pool closes or it was idle for long.

use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use crossbeam_channel::RecvTimeoutError;
use tokio::sync::mpsc::Sender;

use super::{Job, Shared, Work};
use crate::{dispatch::catch::catch, sync::Ordering};

/// A thread that found no job for this long leaves.
const IDLE: Duration = Duration::from_secs(10);

/// Starts a worker that is counted as a thread and as idle already.
pub(super) fn start(
    number: usize,
    shared: Arc<Shared>,
    alive: Sender<Infallible>,
) -> io::Result<()> {
    let worker = thread::Builder::new().name(format!("hybrid-pool-{number}"));
    // Not joined: `Pool::join` waits for every `alive`.
    worker.spawn(move || {
        lower_priority(shared.limits.nice);
        let runtime = shared.runtime.clone();
        let _context = runtime.enter();
        work(&shared);
        drop(alive);
    })?;
    Ok(())
}

/// Takes jobs. The worker is idle when this begins, and gone when it ends.
fn work(shared: &Shared) {
    loop {
        if shared.is_closed() && shared.waiting.is_empty() {
            return leave(shared);
        }
        match shared.waiting.recv_timeout(IDLE) {
            Ok(Work::Run(job)) => {
                shared.idle.fetch_sub(1, Ordering::SeqCst);
                // A job that was queued between taking this one and saying so
                // has counted on this thread.
                shared.call_keeper_if_needed();
                run(job);
                shared.idle.fetch_add(1, Ordering::SeqCst);
            }
            Err(RecvTimeoutError::Timeout) if leaves(shared) => return,
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Work::Leave) | Err(RecvTimeoutError::Disconnected) => return leave(shared),
        }
    }
}

fn leave(shared: &Shared) {
    shared.idle.fetch_sub(1, Ordering::SeqCst);
    let others = shared.threads.fetch_sub(1, Ordering::SeqCst) - 1;
    if others > 0 && shared.is_closed() {
        shared.say_leave();
    }
}

/// Leaves, unless a job was queued meanwhile that counted on this thread.
fn leaves(shared: &Shared) -> bool {
    leave(shared);
    // Pairs with `Shared::needs_thread`: first `idle` is lowered, then the queue
    // is looked at.
    if shared.waiting.is_empty() {
        return true;
    }
    shared.threads.fetch_add(1, Ordering::SeqCst);
    shared.idle.fetch_add(1, Ordering::SeqCst);
    false
}

/// A job catches its own panics and answers them; this is the last net, so that
/// no thread is ever lost.
fn run(job: Job) {
    if let Err(panicked) = catch(job) {
        tracing::error!(
            panic = panicked.0,
            "a job of the pool panicked outside its handler"
        );
    }
}

/// Lowers this thread's priority below the event loops'. What a handler starts
/// inherits it.
fn lower_priority(nice: u8) {
    if nice == 0 {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        // On Linux a thread's id names the thread alone here, not its process.
        let thread = rustix::thread::gettid();
        if let Err(error) = rustix::process::setpriority_process(Some(thread), i32::from(nice)) {
            tracing::warn!(%error, nice, "the pool's priority could not be lowered");
        }
    }
}
