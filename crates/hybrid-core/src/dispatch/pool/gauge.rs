//! What loops know of a route's queue without asking anybody: how long it is, how
//! fast it moves, what its tickets weigh. Written by workers, read where a ticket
//! is about to wait.

use std::time::Duration;

use super::permits::PERMIT;
use crate::{
    sync::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    telemetry::timing::nanoseconds,
};

/// No adaptive limit.
const UNLIMITED: usize = usize::MAX;

// Relaxed throughout: each number stands for itself, and is a little old.
pub(super) struct RouteGauge {
    waiting: AtomicUsize,
    interval_ns: AtomicU64,
    weight: AtomicI64,
    limit: AtomicUsize,
}

impl Default for RouteGauge {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            interval_ns: AtomicU64::new(0),
            weight: AtomicI64::new(PERMIT),
            limit: AtomicUsize::new(UNLIMITED),
        }
    }
}

impl RouteGauge {
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

    pub(super) fn set_weight(&self, weight: i64) {
        self.weight.store(weight, Ordering::Relaxed);
    }

    /// How many of the route may run at once.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn set_limit(&self, limit: Option<usize>) {
        let limit = limit.map_or(UNLIMITED, |limit| limit.max(1));
        self.limit.store(limit, Ordering::Relaxed);
    }
}
