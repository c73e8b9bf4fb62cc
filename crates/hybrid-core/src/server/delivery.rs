//! What is on its way to the client of one connection, and whether the client
//! takes it.
//!
//! Two buffers hold it: hyper's, which is empty when hyper has flushed, and the
//! socket's. That one is looked into only after a limit may have passed, or a write
//! was refused: the sweeper asks for the look, and the I/O object takes it when the
//! connection's task runs next.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::ticks::{Millis, Ticks};

/// What is owed to a client.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// An answer has begun, or a write was refused, and hyper has not flushed since.
    owing: AtomicBool,
    /// Since when the client has taken nothing of what waits for it, 0 where nothing
    /// is known to wait.
    still_since: AtomicU64,
    /// What the client had taken at the last look, of all that was written.
    taken: AtomicU64,
    /// When the last look was, 0 where none was since a write was refused.
    looked: AtomicU64,
    /// The sweeper asks for a look.
    asked: AtomicBool,
}

impl Delivery {
    /// An answer begins.
    pub(crate) fn begin(&self) {
        self.owing.store(true, Relaxed);
    }

    /// Whether hyper has, or will have, something to write.
    pub(crate) fn is_owing(&self) -> bool {
        self.owing.load(Relaxed)
    }

    /// hyper has written all that it had.
    pub(crate) fn flushed(&self) {
        self.owing.store(false, Relaxed);
    }

    /// The socket's buffer is full.
    pub(crate) fn refused(&self, now: Millis) {
        self.owing.store(true, Relaxed);
        if self.still_since.load(Relaxed) == 0 {
            self.looked.store(0, Relaxed);
            self.still_since.store(now, Relaxed);
        }
    }

    /// Since when the client has taken nothing of what waits for it.
    pub(crate) fn still_since(&self) -> Option<Millis> {
        Some(self.still_since.load(Relaxed)).filter(|since| *since != 0)
    }

    // === looks into the socket's buffer ===

    pub(crate) fn ask(&self) {
        self.asked.store(true, Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// Notes a look: so many bytes were written in all, and so many of them wait in
    /// the socket's buffer. True where the client has just taken the last of them.
    pub(crate) fn look(&self, now: Millis, written: u64, unsent: u64) -> bool {
        self.asked.store(false, Relaxed);
        let taken = written.saturating_sub(unsent);
        let is_first = self.looked.swap(now, Relaxed) == 0;
        let has_moved = taken > self.taken.swap(taken, Relaxed) && !is_first;
        if unsent == 0 {
            return self.still_since.swap(0, Relaxed) != 0;
        }
        if has_moved || self.still_since.load(Relaxed) == 0 {
            self.still_since.store(now, Relaxed);
        }
        false
    }

    /// Whether there was a look at that time or later.
    pub(crate) fn was_looked_at(&self, time: Millis) -> bool {
        self.looked.load(Relaxed) >= time
    }

    /// Whether a look is due although no limit has passed: what waits is looked at
    /// often, so that progress is seen, and what may wait once after a while.
    pub(crate) fn needs_look(&self, since: Option<Millis>, ticks: &Ticks, often: Millis) -> bool {
        let looked = self.looked.load(Relaxed);
        if self.still_since().is_some() {
            return looked == 0 || ticks.passed(looked, often);
        }
        since.is_some_and(|since| !self.is_owing() && looked < since && ticks.passed(since, often))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_client_takes_is_progress() {
        let delivery = Delivery::default();
        delivery.refused(10);
        delivery.refused(20);
        assert_eq!(delivery.still_since(), Some(10), "since the first refusal");
        delivery.look(11, 1000, 800);
        assert_eq!(
            delivery.still_since(),
            Some(10),
            "there is nothing to compare with"
        );
        delivery.look(30, 1000, 800);
        assert_eq!(delivery.still_since(), Some(10));
        delivery.look(40, 1100, 900);
        assert_eq!(delivery.still_since(), Some(10), "the buffer grew");
        delivery.look(50, 1100, 899);
        assert_eq!(delivery.still_since(), Some(50));
        assert!(delivery.look(60, 1100, 0), "the last byte is there");
        assert_eq!(delivery.still_since(), None);
        assert!(!delivery.look(70, 1100, 0));
    }

    #[test]
    fn what_only_the_system_holds_waits_from_the_first_look() {
        let delivery = Delivery::default();
        delivery.begin();
        delivery.flushed();
        assert!(!delivery.is_owing() && delivery.still_since().is_none());
        delivery.look(30, 500, 100);
        assert_eq!(delivery.still_since(), Some(30));
        delivery.refused(40);
        assert_eq!(
            delivery.still_since(),
            Some(30),
            "nothing was taken meanwhile"
        );
    }
}
