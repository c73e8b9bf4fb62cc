//! When the pool is overloaded, which is not when it is busy: a steady backlog of
//! clients that wait for each response before they ask again is served in turn for
//! ever. It is overloaded when for a whole second even the ticket at the head
//! had waited beyond the target, and more came than ended.
//!
//! Then the newest ticket goes first, since its client is the likeliest to be
//! still there, and what has waited for twice the target is refused. The rule is
//! CoDel (K. Nichols and V. Jacobson, "Controlling Queue Delay", 2012) as folly
//! and "Fail at Scale" (B. Maurer, 2015) have it, with a target that depends on
//! what the application is willing to wait.

use std::time::Duration;

use crate::clock::Instant;

/// How long the wait must be too long for.
const WINDOW: Duration = Duration::from_secs(1);

/// The target, as a part of `queue_wait`.
const TARGET_PARTS: u32 = 4;

#[derive(Debug)]
pub(super) struct Overload {
    target: Duration,
    window_began: Instant,
    /// The shortest wait of a ticket at the head in this window.
    least_wait: Duration,
    came: u64,
    ended: u64,
    is_on: bool,
}

impl Overload {
    pub(super) fn new(queue_wait: Duration, now: Instant) -> Self {
        Self {
            target: queue_wait / TARGET_PARTS,
            window_began: now,
            least_wait: Duration::MAX,
            came: 0,
            ended: 0,
            is_on: false,
        }
    }

    /// Tickets came, refused ones included.
    pub(super) fn note_came(&mut self, tickets: u64) {
        self.came += tickets;
    }

    pub(super) fn note_ended(&mut self) {
        self.ended += 1;
    }

    /// Nothing waits.
    pub(super) fn note_empty(&mut self) {
        self.least_wait = Duration::ZERO;
    }

    /// How long the ticket at the head has waited; zero where none waits.
    pub(super) fn note_head(&mut self, now: Instant, waited: Duration) {
        self.least_wait = self.least_wait.min(waited);
        if now.saturating_duration_since(self.window_began) < WINDOW {
            return;
        }
        self.is_on = self.least_wait > self.target && self.came > self.ended;
        *self = Self {
            window_began: now,
            least_wait: Duration::MAX,
            came: 0,
            ended: 0,
            ..*self
        };
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether a ticket that has waited for so long is refused.
    pub(super) fn sheds(&self, waited: Duration) -> bool {
        self.is_on && waited > self.target * 2
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(came: u64, ended: u64, waits_ms: &[u64]) -> Overload {
        let start = clock::now();
        let mut overload = Overload::new(4 * SECOND, start);
        overload.note_came(came);
        (0..ended).for_each(|_| overload.note_ended());
        for wait in waits_ms {
            overload.note_head(start, Duration::from_millis(*wait));
        }
        overload.note_head(start + SECOND, Duration::from_millis(5000));
        overload
    }

    #[test]
    fn a_second_of_too_long_waits_with_more_coming_is_overload() {
        let overload = after(100, 50, &[1200, 3000]);
        assert!(overload.is_on());
        assert!(overload.sheds(Duration::from_millis(2001)));
        assert!(!overload.sheds(Duration::from_millis(1999)));
    }

    #[test]
    fn one_short_wait_in_the_second_is_none() {
        assert!(!after(100, 50, &[1200, 900]).is_on());
    }

    #[test]
    fn a_steady_backlog_is_none() {
        let overload = after(50, 50, &[1200, 3000]);
        assert!(!overload.is_on());
        assert!(!overload.sheds(10 * SECOND));
    }

    #[test]
    fn it_ends_with_the_first_second_in_which_the_queue_ran_empty() {
        let mut overload = after(100, 50, &[3000]);
        let later = overload.window_began + SECOND;
        overload.note_came(100);
        overload.note_head(later, Duration::ZERO);
        assert!(!overload.is_on());
    }
}
