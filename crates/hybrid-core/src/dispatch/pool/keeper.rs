//! The thread that starts the pool's threads, so that no event loop pays for it
//! and every worker begins at the normal priority it then lowers by itself.

use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{Shared, worker};
use crate::sync::Ordering;

/// How long the keeper waits after the system refused a thread.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Starts the keeper. It sleeps until it is unparked.
pub(super) fn start(shared: Arc<Shared>, alive: Sender<Infallible>) -> io::Result<thread::Thread> {
    let keeper = thread::Builder::new().name("hybrid-pool-keeper".to_owned());
    let handle = keeper.spawn(move || keep(&shared, &alive))?;
    // Not joined: `Pool::join` waits for the keeper's `alive` like for a worker's.
    Ok(handle.thread().clone())
}

fn keep(shared: &Arc<Shared>, alive: &Sender<Infallible>) {
    let mut started = 0_usize;
    loop {
        if !shared.needs_thread() {
            // What is queued when the pool closes still needs somebody to run it.
            if shared.is_closed() {
                return;
            }
            thread::park();
            continue;
        }
        started += 1;
        shared.threads.fetch_add(1, Ordering::SeqCst);
        shared.idle.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = worker::start(started, Arc::clone(shared), alive.clone()) {
            shared.idle.fetch_sub(1, Ordering::SeqCst);
            let threads = shared.threads.fetch_sub(1, Ordering::SeqCst) - 1;
            tracing::error!(%error, threads, "the system refuses a pool thread");
            thread::park_timeout(BACK_OFF);
        }
    }
}
