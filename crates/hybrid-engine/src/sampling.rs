//! Which runs of a class are measured in detail: all of one whose runs are long
//! or unknown, a few of the others. Two readings cost about 1.7 µs, next to
//! nothing beside a millisecond and too much beside a short handler.

use std::cell::Cell;

use crate::{
    lane::Lane,
    sync::{AtomicU8, Ordering},
};

/// One short run of an `async fn` in that many is measured, for reports alone.
const ASYNC_ONE_IN: u32 = 64;
/// Of a plain `fn`: what is measured decides where it runs.
const PLAIN_ONE_IN: u32 = 16;

/// A run this long is worth measuring always.
const LONG_NS: u64 = 1_000_000;

const UNKNOWN: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;

thread_local! {
    /// Drawn anew for each short run. Drawn and not counted, so that classes which
    /// are asked in turn are all measured, whatever the rhythm.
    static DRAWN: Cell<u32> = const { Cell::new(0) };
}

/// What a class's last run tells about the next. Read by every request, written
/// only when it changes.
#[derive(Debug)]
pub struct Sampling {
    last: AtomicU8,
    /// A short run is measured where what is drawn for it is at most that.
    at_most: u32,
}

impl Sampling {
    /// For a class of that lane.
    pub fn of(lane: Lane) -> Self {
        let one_in = match lane {
            Lane::Event => ASYNC_ONE_IN,
            _ => PLAIN_ONE_IN,
        };
        Self {
            last: AtomicU8::new(UNKNOWN),
            at_most: u32::MAX / one_in,
        }
    }

    /// Whether the run that begins is measured in detail.
    pub fn is_due(&self) -> bool {
        // Relaxed: a run more or less that is measured changes nothing.
        if self.last.load(Ordering::Relaxed) != SHORT {
            return true;
        }
        DRAWN.with(|drawn| {
            // The linear congruential generator of "Numerical Recipes", whose high
            // bits are what counts.
            let next = drawn.get().wrapping_mul(1_664_525);
            let next = next.wrapping_add(1_013_904_223);
            drawn.set(next);
            next <= self.at_most
        })
    }

    /// Notes how long a run took.
    pub fn note(&self, wall_ns: u64) {
        let now = if wall_ns >= LONG_NS { LONG } else { SHORT };
        if self.last.load(Ordering::Relaxed) != now {
            self.last.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_long_runs_are_always_measured() {
        let sampling = Sampling::of(Lane::Event);
        assert!(sampling.is_due());
        sampling.note(LONG_NS);
        assert!((0..100).all(|_| sampling.is_due()));
    }

    #[test]
    fn a_few_short_runs_are_measured_whatever_runs_between_them() {
        for (lane, one_in) in [(Lane::Pool, 16), (Lane::Event, 64)] {
            let classes = [(); 4].map(|()| Sampling::of(lane));
            classes.iter().for_each(|class| class.note(1_000));
            let mut measured = [0; 4];
            for _ in 0..one_in * 100 {
                for (class, measured) in classes.iter().zip(&mut measured) {
                    *measured += u32::from(class.is_due());
                }
            }
            let is_fair = measured.iter().all(|count| (50..200).contains(count));
            assert!(is_fair, "of a hundred each: {measured:?}");
        }
    }
}
