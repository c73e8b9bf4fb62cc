//! Coarse time for the limits of connections: a count of ticks that one task
//! advances, instead of a clock reading or a timer for every request.
//!
//! A tick counts for its nominal length however late it comes. If the event
//! loops stall, the limits of all clients stretch by as much: no client is cut off
//! for time in which the server itself did not run.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Milliseconds since the server started, as counted by its ticks.
pub(crate) type Millis = u64;

/// The coarse clock of one server.
#[derive(Debug)]
pub(crate) struct Ticks {
    now: AtomicU64,
    length: Millis,
}

/// The finest and the coarsest tick. At the coarsest, an idle server wakes four
/// times a second.
const LENGTH_MIN: Millis = 5;
const LENGTH_MAX: Millis = 250;

impl Ticks {
    /// A clock fine enough for the shortest of the limits that it serves.
    pub(crate) fn for_limits(limits: impl IntoIterator<Item = Millis>) -> Self {
        let shortest = limits
            .into_iter()
            .filter(|limit| *limit > 0)
            .min()
            .unwrap_or(LENGTH_MAX);
        Self {
            now: AtomicU64::new(1),
            length: (shortest / 8).clamp(LENGTH_MIN, LENGTH_MAX),
        }
    }

    pub(crate) fn length(&self) -> Duration {
        Duration::from_millis(self.length)
    }

    /// The time, never 0, so that 0 can stand for "no time".
    pub(crate) fn now(&self) -> Millis {
        self.now.load(Relaxed)
    }

    /// Counts one tick, and returns the time after it.
    pub(crate) fn advance(&self) -> Millis {
        self.now.fetch_add(self.length, Relaxed) + self.length
    }

    /// Whether a limit has passed since a time. A tick is granted on top, since
    /// the time may have been taken just before one.
    pub(crate) fn passed(&self, since: Millis, limit: Millis) -> bool {
        self.now().saturating_sub(since) >= limit + self.length
    }
}

/// A duration as the ticks count it.
pub(crate) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX / 4)
        .min(u64::MAX / 4)
}
