//! Which runs of a route are measured in detail: all of one whose runs are long
//! or unknown, one in sixteen of the others. Two readings cost about 1.7 µs, next
//! to nothing beside a millisecond and too much beside a short handler.

use std::cell::Cell;

use crate::sync::{AtomicU8, Ordering};

/// One short run in that many is measured.
const ONE_IN: u32 = 16;

/// A run this long is worth measuring always.
const LONG_NS: u64 = 1_000_000;

const UNKNOWN: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;

thread_local! {
    static TURN: Cell<u32> = const { Cell::new(0) };
}

/// What a route's last run tells about the next. Read by every request, written
/// only when it changes.
#[derive(Debug)]
pub(crate) struct Sampling(AtomicU8);

impl Default for Sampling {
    fn default() -> Self {
        Self(AtomicU8::new(UNKNOWN))
    }
}

impl Sampling {
    /// Whether the run that begins is measured in detail.
    pub(crate) fn is_due(&self) -> bool {
        // Relaxed: a run more or less that is measured changes nothing.
        if self.0.load(Ordering::Relaxed) != SHORT {
            return true;
        }
        TURN.with(|turn| {
            let next = turn.get().wrapping_add(1);
            turn.set(next);
            next.is_multiple_of(ONE_IN)
        })
    }

    /// Notes how long a run took.
    pub(crate) fn note(&self, wall_ns: u64) {
        let now = if wall_ns >= LONG_NS { LONG } else { SHORT };
        if self.0.load(Ordering::Relaxed) != now {
            self.0.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_long_runs_are_always_measured() {
        let sampling = Sampling::default();
        assert!(sampling.is_due());
        sampling.note(LONG_NS);
        assert!((0..100).all(|_| sampling.is_due()));
    }

    #[test]
    fn one_short_run_in_sixteen_is_measured() {
        let sampling = Sampling::default();
        sampling.note(1_000);
        let measured = (0..1_600).filter(|_| sampling.is_due()).count();
        assert_eq!(measured, 100);
    }
}
