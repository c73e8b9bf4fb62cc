//! The pace at which a class's tickets start while others of it wait: so much time,
//! so many starts, both fading over about a second. The mean is over time and
//! not over starts, so that one long pause among many short ones weighs what it
//! took and no more.

use std::time::Duration;

use crate::clock::Instant;

/// What was before this fades to a third.
const MEMORY: f64 = 1.0;

/// Below these nothing is known: the first starts of an unknown class are
/// slow, and say nothing about those to come.
const STARTS_MIN: u32 = 16;
const SECONDS_MIN: f64 = 0.25;

#[derive(Debug, Default)]
pub(super) struct StartRate {
    seconds: f64,
    starts: f64,
    /// Without fading.
    starts_ever: u32,
    /// The last start, if others waited behind it.
    last: Option<Instant>,
}

impl StartRate {
    /// Nothing waited: what passes from now on does not count.
    pub(super) fn rest(&mut self) {
        self.last = None;
    }

    /// A ticket starts.
    pub(super) fn start(&mut self, now: Instant) {
        let Some(last) = self.last.replace(now) else {
            return;
        };
        let passed = now.saturating_duration_since(last).as_secs_f64();
        let left = (-passed / MEMORY).exp();
        self.seconds = self.seconds * left + passed;
        self.starts = self.starts * left + 1.0;
        self.starts_ever = self.starts_ever.saturating_add(1);
    }

    /// The time between two starts; zero is unknown.
    pub(super) fn interval(&self) -> Duration {
        if self.starts_ever < STARTS_MIN || self.seconds < SECONDS_MIN {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(self.seconds / self.starts)
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;
    use crate::clock;

    /// Starts at those intervals, in milliseconds.
    fn after(intervals_ms: impl IntoIterator<Item = u64>) -> Duration {
        let mut pace = StartRate::default();
        let mut now = clock::now();
        pace.start(now);
        for interval in intervals_ms {
            now += Duration::from_millis(interval);
            pace.start(now);
        }
        pace.interval()
    }

    #[test]
    fn the_first_starts_say_nothing() {
        assert_eq!(after([50; 10]), Duration::ZERO);
        assert_eq!(after([1; 100]), Duration::ZERO);
    }

    #[test]
    fn a_steady_pace_is_its_interval() {
        let interval = after([20; 100]);
        assert!(interval.abs_diff(Duration::from_millis(20)) < Duration::from_millis(1));
    }

    #[test]
    fn a_pause_among_many_starts_weighs_what_it_took() {
        let interval = after([1; 1000].into_iter().chain([500]));
        assert!(interval < Duration::from_millis(3), "{interval:?}");
    }

    #[test]
    fn a_class_that_turns_slow_is_known_to_within_seconds() {
        let interval = after([1; 1000].into_iter().chain([200; 30]));
        assert!(interval > Duration::from_millis(50), "{interval:?}");
    }
}
