//! Where a route runs now. The balancer writes it, every request reads it, and
//! neither waits for the other.

use std::fmt;

use crate::{
    spec::Lane,
    sync::{AtomicU8, Ordering},
};

/// The lane of a route at this moment.
pub(crate) struct EffectiveLane(AtomicU8);

impl EffectiveLane {
    pub(crate) fn new(lane: Lane) -> Self {
        Self(AtomicU8::new(lane as u8))
    }

    pub(crate) fn get(&self) -> Lane {
        // Relaxed: a request that comes while its route moves runs in either.
        Lane::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }

    pub(crate) fn set(&self, lane: Lane) {
        self.0.store(lane as u8, Ordering::Relaxed);
    }
}

impl fmt::Debug for EffectiveLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
