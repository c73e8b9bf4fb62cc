//! The thread that starts the pool's threads, so that no event loop pays for it
//! and every worker begins at the normal priority; and that lets the scan beat while
//! tickets wait.

use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{Length, PoolShared, blocked_scan::BlockedScan, worker};
use crate::{
    background::{self, Turn},
    sync::{Ordering, park::Parker},
};

/// How long the thread starter waits after the system refused a thread.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How many threads are started in a row.
const AT_ONCE: usize = 16;

/// The time between two beats.
const BEAT: Duration = Duration::from_millis(1);

/// The scan goes on for that many beats without a ticket that waits, so that in
/// steady traffic no loop has to call it, and that a ticket of an unknown class is
/// watched for a while.
const REST: u32 = 100;

const NAME: &str = "hybrid-pool-keeper";

/// Starts the thread starter. It is parked until it is called.
pub(super) fn start(
    shared: Arc<PoolShared>,
    alive: Sender<Infallible>,
) -> io::Result<thread::Thread> {
    let thread_starter = thread::Builder::new().name(NAME.to_owned());
    let handle = thread_starter.spawn(move || ThreadStarter::new(shared, alive).keep())?;
    // Not joined: `Pool::join` waits for the thread starter's `alive` like for a worker's.
    Ok(handle.thread().clone())
}

struct ThreadStarter {
    shared: Arc<PoolShared>,
    alive: Sender<Infallible>,
    scan: BlockedScan,
    started: usize,
    /// Beats in a row at which nothing waited.
    rests: u32,
}

impl ThreadStarter {
    fn new(shared: Arc<PoolShared>, alive: Sender<Infallible>) -> Self {
        Self {
            scan: BlockedScan::new(&shared),
            shared,
            alive,
            started: 0,
            rests: REST,
        }
    }

    fn keep(mut self) {
        background::run(NAME, || self.turn());
        // Idle workers have nothing to wait for any more.
        self.shared.wake_all();
        self.scan.end();
    }

    fn turn(&mut self) -> Turn {
        background::fail_here(NAME);
        if self.shared.is_done() {
            return Turn::Over;
        }
        let is_wanted = |length: &Length| {
            let wanted = &self.shared.side(*length).is_thread_wanted;
            wanted.swap(false, Ordering::SeqCst)
        };
        if let Some(length) = Length::BOTH.into_iter().find(is_wanted) {
            self.start_workers(length);
        } else if self.shared.is_waiting() || self.rests < REST {
            self.shared.is_scan_on.store(true, Ordering::SeqCst);
            self.beat();
            thread::park_timeout(BEAT);
        } else {
            self.sleep();
            self.rests = 0;
        }
        Turn::Again
    }

    fn beat(&mut self) {
        if self.shared.is_waiting() {
            self.rests = 0;
            self.scan.beat(&self.shared, &self.alive);
        } else {
            self.rests += 1;
            self.scan.watch(&self.shared);
        }
    }

    /// Until another thread calls.
    fn sleep(&mut self) {
        self.scan.rest();
        self.shared.is_scan_on.store(false, Ordering::SeqCst);
        // A thread that submits after this sees that the scan is off, and calls.
        if !self.shared.is_waiting() && !self.shared.is_done() {
            thread::park();
        }
    }

    /// Starts the thread that is wanted, which counts as looking already, and
    /// with it others, if there is enough to do.
    fn start_workers(&mut self, length: Length) {
        let startable = self.shared.startable(length);
        if !self.start_worker(length) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let handoff = &shared.side(length).handoff;
        // Half of what could run: workers that end take the rest, and what is
        // still there then brings the next.
        for _ in 1..(startable / 2).min(AT_ONCE) {
            if !self.shared.may_start_thread() || handoff.has_resting() {
                return;
            }
            handoff.start_looking();
            if !self.start_worker(length) {
                return;
            }
        }
    }

    /// Starts a thread that counts as looking already.
    fn start_worker(&mut self, length: Length) -> bool {
        let Some(place) = self.take_place() else {
            // One has lain down meanwhile, and is woken instead.
            self.shared.stay_away(length);
            self.shared.wake(length);
            return false;
        };
        self.started += 1;
        let taken = place.0 + 1;
        self.shared.places_taken.fetch_max(taken, Ordering::Relaxed);
        let side = self.shared.side(length);
        self.shared.threads.fetch_add(1, Ordering::SeqCst);
        side.threads.fetch_add(1, Ordering::SeqCst);
        let alive = self.alive.clone();
        let started = worker::start(self.started, length, &self.shared, place, alive);
        if let Err(error) = &started {
            side.threads.fetch_sub(1, Ordering::SeqCst);
            let threads = self.shared.threads.fetch_sub(1, Ordering::SeqCst) - 1;
            background::quietly(
                || tracing::error!(%error, threads, "the system refuses a pool thread"),
            );
            self.shared.stay_away(length);
            thread::park_timeout(BACK_OFF);
            // Where no other is left to take what waits.
            self.shared.wake(length);
        }
        started.is_ok()
    }

    fn take_place(&self) -> Option<(usize, Parker)> {
        let places = &self.shared.places;
        places.take().or_else(|| {
            // Those of workers that have left may lie among the resting ones.
            self.shared.wake_all();
            places.take()
        })
    }
}
