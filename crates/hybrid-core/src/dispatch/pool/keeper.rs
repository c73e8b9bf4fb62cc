//! The thread that starts the pool's threads, so that no event loop pays for it
//! and every worker begins at the normal priority it then lowers by itself; and
//! that lets the pulse beat while tickets wait.

use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{Shared, pulse::Pulse, worker};
use crate::sync::Ordering;

/// How long the keeper waits after the system refused a thread.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The time between two beats.
const BEAT: Duration = Duration::from_millis(1);

/// The pulse goes on for that many beats without a ticket that waits, so that in
/// steady traffic no loop has to call it.
const REST: u32 = 100;

/// Starts the keeper. It sleeps until it is unparked.
pub(super) fn start(shared: Arc<Shared>, alive: Sender<Infallible>) -> io::Result<thread::Thread> {
    let keeper = thread::Builder::new().name("hybrid-pool-keeper".to_owned());
    let handle = keeper.spawn(move || Keeper::new(shared, alive).keep())?;
    // Not joined: `Pool::join` waits for the keeper's `alive` like for a worker's.
    Ok(handle.thread().clone())
}

struct Keeper {
    shared: Arc<Shared>,
    alive: Sender<Infallible>,
    pulse: Pulse,
    started: usize,
    /// Beats in a row at which nothing waited.
    rests: u32,
}

impl Keeper {
    fn new(shared: Arc<Shared>, alive: Sender<Infallible>) -> Self {
        Self {
            pulse: Pulse::new(&shared),
            shared,
            alive,
            started: 0,
            rests: REST,
        }
    }

    fn keep(mut self) {
        while !self.shared.is_done() {
            if self.shared.is_thread_wanted.swap(false, Ordering::SeqCst) {
                self.start_worker();
            } else if self.shared.is_waiting() || self.rests < REST {
                self.shared.is_pulse_on.store(true, Ordering::SeqCst);
                self.beat();
                thread::park_timeout(BEAT);
            } else {
                self.sleep();
                self.rests = 0;
            }
        }
        // Those who rest have nothing to wait for any more.
        self.shared.handoff.wake_all();
        self.pulse.end();
    }

    fn beat(&mut self) {
        if self.shared.is_waiting() {
            self.rests = 0;
            self.pulse.beat(&self.shared, &self.alive);
        } else {
            self.rests += 1;
        }
    }

    /// Until somebody calls.
    fn sleep(&self) {
        self.shared.is_pulse_on.store(false, Ordering::SeqCst);
        // Whoever submits after this sees that the pulse is off, and calls.
        if !self.shared.is_waiting() && !self.shared.is_done() {
            thread::park();
        }
    }

    /// Starts the thread that is wanted; it counts as looking already.
    fn start_worker(&mut self) {
        let Some(place) = self.shared.handoff.take_place() else {
            // Somebody has lain down meanwhile, and is woken instead.
            self.shared.is_thread_coming.store(false, Ordering::SeqCst);
            self.shared.handoff.stop_looking();
            self.shared.wake();
            return;
        };
        self.started += 1;
        self.shared.threads.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = worker::start(self.started, &self.shared, place, self.alive.clone()) {
            let threads = self.shared.threads.fetch_sub(1, Ordering::SeqCst) - 1;
            tracing::error!(%error, threads, "the system refuses a pool thread");
            self.shared.is_thread_coming.store(false, Ordering::SeqCst);
            self.shared.handoff.stop_looking();
            thread::park_timeout(BACK_OFF);
            // Where nobody else is left to take what waits.
            self.shared.wake();
        }
    }
}
