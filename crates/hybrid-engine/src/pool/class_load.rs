//! What event loops, and the workers of both sides, know of a class without a lock: how
//! long its queue is, how fast it moves, what its tickets weigh and
//! cost, how many run, whether they are long.

use std::time::Duration;

use super::{
    job_cost::{JobCost, SharedJobCost},
    job_length::{Length, Run, SharedRecent},
    permits::PERMIT,
};
use crate::{
    clock::nanoseconds,
    sync::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    timing::Detail,
};

/// No adaptive limit.
const UNLIMITED: usize = usize::MAX;

// Relaxed throughout: each number stands for itself, and is a little old.
pub(super) struct ClassLoad {
    waiting: AtomicUsize,
    interval_ns: AtomicU64,
    weight: AtomicI64,
    limit: AtomicUsize,
    running: AtomicUsize,
    cost: SharedJobCost,
    pub(super) recent: SharedRecent,
}

impl Default for ClassLoad {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            interval_ns: AtomicU64::new(0),
            weight: AtomicI64::new(PERMIT),
            limit: AtomicUsize::new(UNLIMITED),
            running: AtomicUsize::new(0),
            cost: SharedJobCost::default(),
            recent: SharedRecent::default(),
        }
    }
}

impl ClassLoad {
    /// How long a ticket that comes now is expected to wait.
    pub(super) fn expected_wait(&self) -> Duration {
        let waiting = self.waiting.load(Ordering::Relaxed) as u64;
        let interval_ns = self.interval_ns.load(Ordering::Relaxed);
        Duration::from_nanos(waiting.saturating_mul(interval_ns))
    }

    pub(super) fn come(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn go(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// The mean time between two starts while others wait; zero is unknown.
    pub(super) fn set_interval(&self, interval: Duration) {
        let interval_ns = nanoseconds(interval);
        self.interval_ns.store(interval_ns, Ordering::Relaxed);
    }

    pub(super) fn weight(&self) -> i64 {
        self.weight.load(Ordering::Relaxed)
    }

    pub(super) fn cost(&self) -> JobCost {
        self.cost.load()
    }

    /// A run was measured. No ticket weighs less than `least`.
    pub(super) fn learn(&self, detail: &Detail, least: i64) {
        let mut cost = self.cost();
        cost.learn(detail);
        self.set_cost(cost, least);
    }

    pub(super) fn set_cost(&self, cost: JobCost, least: i64) {
        self.cost.store(cost);
        self.weight.store(cost.weight(least), Ordering::Relaxed);
    }

    /// The side of a ticket that comes now.
    pub(super) fn length(&self) -> Length {
        match self.recent.load().is_long() {
            true => Length::Long,
            false => Length::Short,
        }
    }

    /// One of its tickets has computed for so long in one stretch.
    pub(super) fn note_stretch(&self, stretch_ns: u64, now_ns: impl FnOnce() -> u64) {
        if self.recent.is_told_by(stretch_ns) {
            let is_early = self.cost().is_new();
            let run = Run {
                stretch_ns,
                is_early,
            };
            self.recent.note(run, now_ns());
        }
    }

    /// Tickets that run, of either side.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    pub(super) fn start(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many of the class may run at once.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn set_limit(&self, limit: Option<usize>) {
        let limit = limit.map_or(UNLIMITED, |limit| limit.max(1));
        self.limit.store(limit, Ordering::Relaxed);
    }
}
