//! The pulse: while tickets wait, once a millisecond, it looks at what runs. A
//! worker that is asleep gives its permit to others, until it is awake again; so
//! a route that was never measured, or behaves as never before, holds nobody up.
//! It also takes out what was given up in the queue, and wakes the reserve.
//!
//! While the processors are full nothing is freed: who sleeps then waits for
//! threads that compute, its own perhaps.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{Asker, Shared, asleep::Observed, cores, hold::Hold, permits::PERMIT, worker};
use crate::{
    kept,
    sync::{AtomicBool, Ordering},
    telemetry::{
        clock::{self, Instant},
        reading,
        timing::nanoseconds,
    },
};

/// What is held below this is not worth a look: freeing it starts nobody.
const WEIGHT_MIN: i64 = PERMIT / 8;

/// So many tickets of unknown routes are looked at, however little they weigh.
const UNKNOWN_MAX: usize = 32;

/// Who has waited for less is not stuck.
const STUCK: Duration = Duration::from_micros(500);

/// Between two looks through the whole queue, in beats.
const SWEEP: u32 = 16;

/// Between two looks at what the system allows, in beats.
const CORES: u32 = 1000;

/// The processors are full where the process used this share of them.
const FULL: f64 = 0.95;

/// Over about that many beats.
const BEATS: f64 = 8.0;

pub(super) struct Pulse {
    observed: Vec<Observed>,
    beats: u32,
    cores: f64,
    /// When the process's processor time was read, what it was, and which share
    /// of the processors it uses.
    last: Option<(Instant, u64)>,
    used: f64,
    reserve: Reserve,
}

/// The thread beyond the last.
struct Reserve {
    is_alive: Arc<AtomicBool>,
    thread: Option<thread::Thread>,
}

impl Pulse {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            observed: shared.holds.iter().map(|_| Observed::default()).collect(),
            beats: 0,
            cores: cores::allowed(),
            last: None,
            used: 0.0,
            reserve: Reserve {
                is_alive: Arc::default(),
                thread: None,
            },
        }
    }

    pub(super) fn beat(&mut self, shared: &Arc<Shared>, alive: &Sender<Infallible>) {
        let now = clock::now();
        self.beats = self.beats.wrapping_add(1);
        if self.beats.is_multiple_of(CORES) {
            self.follow_cores(shared);
        }
        self.measure(now);
        if let Some(oldest) = shared.oldest()
            && now.saturating_duration_since(oldest) >= STUCK
        {
            self.look(shared, now);
            if shared.holds.iter().any(Hold::is_brief) {
                // It was to be over by now, and has held up who relies on it.
                shared.wake_another();
            }
        }
        if self.beats.is_multiple_of(SWEEP) {
            self.forget(shared);
            sweep(shared, now);
        }
        shared.wake();
        let mut workers = shared.holds[..shared.limits.threads_max].iter();
        if workers.all(Hold::is_running) && shared.starves() {
            self.reserve.call(shared, alive);
        }
    }

    fn follow_cores(&mut self, shared: &Shared) {
        let cores = cores::allowed();
        if shared.limits.is_managed && (cores - self.cores).abs() > 0.001 {
            kept::quietly(|| tracing::info!(from = self.cores, to = cores, "processors allowed"));
            shared.permits.set_cores(cores);
            self.cores = cores;
        }
    }

    /// How full the processors are.
    fn measure(&mut self, now: Instant) {
        let Some(used_ns) = reading::process_cpu_ns() else {
            return;
        };
        if let Some((last, last_ns)) = self.last.replace((now, used_ns)) {
            let passed_ns = nanoseconds(now.saturating_duration_since(last)).max(1);
            let share = used_ns.saturating_sub(last_ns) as f64 / (passed_ns as f64 * self.cores);
            // The time since the last pulse, which may be long ago, counts as one.
            self.used += (share.min(1.0) - self.used) / BEATS;
        }
    }

    fn look(&mut self, shared: &Shared, now: Instant) {
        let is_full = self.used >= FULL;
        let mut left = UNKNOWN_MAX;
        // By route that nobody knows: whether all of its tickets sleep.
        let mut seen = BTreeMap::new();
        for (hold, observed) in shared.holds.iter().zip(&mut self.observed) {
            let Some(looked) = hold.look() else { continue };
            if looked.is_unknown && left > 0 {
                left -= 1;
            } else if looked.weight() < WEIGHT_MIN {
                continue;
            }
            let is_asleep = observed.is_asleep(&looked, now);
            if looked.is_unknown {
                *seen.entry(looked.route).or_insert(true) &= is_asleep;
            }
            match looked.is_held() {
                true if is_asleep && !is_full => {
                    hold.free(&looked, &shared.permits);
                }
                false if !is_asleep => hold.take_again(&looked, &shared.permits),
                _ => {}
            }
        }
        if seen.is_empty() || is_full {
            return;
        }
        let mut order = shared.order();
        for (route, all_sleep) in seen {
            order.note_seen(route, all_sleep);
        }
    }

    /// Lets go of what it keeps of threads that have left their place.
    fn forget(&mut self, shared: &Shared) {
        for (hold, observed) in shared.holds.iter().zip(&mut self.observed) {
            observed.forget_unless(hold.thread());
        }
    }

    /// Nothing waits, and nothing is looked at for a while.
    pub(super) fn rest(&mut self) {
        self.observed
            .iter_mut()
            .for_each(|observed| observed.forget_unless(None));
    }

    /// The pool closes.
    pub(super) fn end(&self) {
        self.reserve.wake();
    }
}

/// Takes out what was given up, wherever it stands.
fn sweep(shared: &Shared, now: Instant) {
    let mut aside = Vec::new();
    {
        let mut order = shared.order();
        shared.drain(&mut order);
        order.sweep(now, &mut aside);
    }
    shared.put_aside(aside);
}

impl Reserve {
    fn call(&mut self, shared: &Arc<Shared>, alive: &Sender<Infallible>) {
        if self.is_alive.load(Ordering::SeqCst) {
            return self.wake();
        }
        self.is_alive.store(true, Ordering::SeqCst);
        let reserve = thread::Builder::new().name("hybrid-pool-reserve".to_owned());
        let spawned = reserve.spawn({
            let (shared, alive) = (Arc::clone(shared), alive.clone());
            let is_alive = Arc::clone(&self.is_alive);
            move || {
                let place = shared.limits.threads_max;
                kept::or_end("hybrid-pool-reserve", || {
                    worker::enter(&shared, place, || stand_by(&shared, place, &is_alive));
                });
                drop(alive);
            }
        });
        match spawned {
            Ok(handle) => self.thread = Some(handle.thread().clone()),
            Err(error) => {
                self.is_alive.store(false, Ordering::SeqCst);
                kept::quietly(
                    || tracing::error!(%error, "the system refuses the reserved pool thread"),
                );
            }
        }
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

/// Runs tickets of routes that hold no thread, whenever it is called.
fn stand_by(shared: &Shared, place: usize, is_alive: &AtomicBool) {
    let mut ended = None;
    let mut last = clock::now();
    loop {
        // As any worker it looks while it asks.
        shared.handoff.start_looking();
        let next = shared.next(Asker::Reserve, ended.take());
        if let Some(next) = next {
            ended = Some(worker::run_next(shared, place, next));
            shared.handoff.stop_looking();
            last = clock::now();
            continue;
        }
        if shared.handoff.stop_looking() {
            shared.wake();
        }
        let idle = clock::now().saturating_duration_since(last);
        if idle >= worker::IDLE || shared.is_done() {
            is_alive.store(false, Ordering::SeqCst);
            return;
        }
        thread::park_timeout(worker::IDLE - idle);
    }
}
