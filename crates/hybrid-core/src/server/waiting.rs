//! How long a request's body has been waited for. Only the time counts in which
//! a reader waits for the client: a slow handler costs its client nothing.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    task::Waker,
};

use futures_util::task::AtomicWaker;

use super::{
    shared::{ServerState, TimeLimits},
    ticks::Millis,
};

/// The time limits of one body: all of it, and its rate.
#[derive(Debug, Default)]
pub(crate) struct BodyWait {
    /// When the present wait began, 0 where no reader waits.
    since: AtomicU64,
    /// Earlier waits together.
    waited: AtomicU64,
    bytes: AtomicU64,
    /// A limit has passed, unless the client has not been told all yet.
    due: AtomicBool,
    late: AtomicBool,
    /// The body was read to its end.
    complete: AtomicBool,
    waker: AtomicWaker,
}

impl BodyWait {
    /// A new body begins.
    pub(crate) fn restart(&self) {
        self.since.store(0, Relaxed);
        self.waited.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        self.due.store(false, Relaxed);
        self.late.store(false, Relaxed);
        self.complete.store(false, Relaxed);
    }

    /// A reader waits for more; true where a limit has passed already.
    pub(crate) fn wait(&self, now: Millis, waker: &Waker) -> bool {
        self.waker.register(waker);
        if self.since.load(Relaxed) == 0 {
            self.since.store(now, Relaxed);
        }
        self.late.load(Relaxed)
    }

    /// Something came.
    pub(crate) fn came(&self, now: Millis, bytes: usize) {
        let since = self.since.load(Relaxed);
        if since != 0 {
            self.since.store(0, Relaxed);
            self.due.store(false, Relaxed);
            self.waited.fetch_add(now.saturating_sub(since), Relaxed);
        }
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The body has come to its end.
    pub(crate) fn complete(&self) {
        self.stop();
        self.complete.store(true, Relaxed);
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Relaxed)
    }

    /// No reader waits any more.
    pub(crate) fn stop(&self) {
        self.since.store(0, Relaxed);
    }

    /// Whether a limit has passed, which `judge` decides on.
    pub(crate) fn sweep(&self, shared: &ServerState) -> bool {
        let since = self.since.load(Relaxed);
        if since == 0 || self.late.load(Relaxed) {
            return false;
        }
        // One tick may have been counted twice.
        let now = shared.ticks.now();
        let tick = super::ticks::millis(shared.ticks.length());
        let waited = self.waited.load(Relaxed) + now.saturating_sub(since + tick);
        let is_due = is_late(waited, self.bytes.load(Relaxed), &shared.limits);
        if is_due {
            self.due.store(true, Relaxed);
        }
        is_due
    }

    /// Wakes the waiting task where a limit has passed. A client that is behind with
    /// what was sent to it is not late with what it sends: that time does not count.
    pub(crate) fn judge(&self, now: Millis, is_behind: bool) {
        if !self.due.load(Relaxed) || !self.due.swap(false, Relaxed) {
            return;
        }
        if !is_behind {
            self.late.store(true, Relaxed);
            self.waker.wake();
        } else if self.since.load(Relaxed) != 0 {
            self.since.store(now, Relaxed);
        }
    }
}

/// Whether a body of which so much has come after so long a wait is too slow.
fn is_late(waited: Millis, bytes: u64, limits: &TimeLimits) -> bool {
    let due = limits.body_rate.saturating_mul(waited) / 1_000;
    waited >= limits.body || (waited >= limits.body_grace && bytes < due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_late_by_its_rate_after_the_grace_and_by_its_total_always() {
        let limits = TimeLimits {
            header: 0,
            idle: 0,
            write: 0,
            body: 300_000,
            body_grace: 5_000,
            body_rate: 240,
        };
        assert!(!is_late(4_999, 0, &limits), "within the grace");
        assert!(is_late(5_000, 1_199, &limits));
        assert!(!is_late(5_000, 1_200, &limits));
        assert!(is_late(300_000, u64::MAX, &limits));
        let without_rate = TimeLimits {
            body_rate: 0,
            ..limits
        };
        assert!(!is_late(299_999, 0, &without_rate));
    }
}
