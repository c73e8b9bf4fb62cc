//! Whether a class's tickets are short or long. A ticket is long where it computes
//! for some milliseconds in one stretch. Short tickets run on threads at the
//! process's priority; long ones, which nothing can interrupt, on threads of a
//! lower one, and no more of them at a time than there are processors.
//!
//! A class is long while it had a long run lately: for ten seconds after a run of
//! twice the bound or more; after shorter ones only where they are more than an
//! outlier among its last runs, since the same work takes up to twice the
//! processor time on a busy machine. What runs for the first times counts in full. So a class with runs of 1 ms and of 300 ms is
//! long throughout, and a class of 3 ms stays short.

use crate::{
    sync::{AtomicU64, Ordering},
    timing::{Detail, Timing},
};

/// What computes for that long in one stretch is long.
pub(super) const LONG_NS: u64 = 4_500_000;

/// A run this long is no outlier of a short one.
pub(super) const CERTAIN_NS: u64 = 2 * LONG_NS;

/// How long a class stays long after such a run.
const MEMORY: u64 = 10 * TICKS;

/// Time is counted in tenths of a second.
const TICKS: u64 = 10;
const TICK_NS: u64 = 1_000_000_000 / TICKS;

/// A run between the two bounds counts as much, and a sixteenth of the sum fades
/// with each run: the fourth in a row makes its class long, and about 25 short ones
/// end it.
const RUN: u64 = 16;
const ENTERS: u64 = 56;
const LEAVES: u64 = 8;

/// Runs below this are of middling length.
const MIDDLING_MS: u64 = 50;

/// The two kinds of tickets, and of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// What is short or unknown.
    Short,
    Long,
}

impl Length {
    pub(super) const BOTH: [Self; 2] = [Self::Short, Self::Long];

    pub(super) fn other(self) -> Self {
        match self {
            Self::Short => Self::Long,
            Self::Long => Self::Short,
        }
    }
}

/// What a run says, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// For how long it computed in one stretch.
    pub(super) stretch_ns: u64,
    /// It is among the first of its class, and nothing tells whether it is an
    /// outlier.
    pub(super) is_early: bool,
}

/// How long a class's last runs were. A plain value, of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RecentLengths {
    /// Until when a run that was long beyond doubt counts, in ticks; 0 without one.
    until: u64,
    /// How many runs were between the two bounds.
    longish: u64,
    /// The longest, in milliseconds; fades by a sixteenth with each run.
    peak_ms: u64,
    is_long: bool,
}

impl RecentLengths {
    /// After one more run, or a part of one, that computed for so long in one
    /// stretch. `now_ns` counts from any beginning.
    pub(super) fn after(self, run: Run, now_ns: u64) -> Self {
        let Run {
            stretch_ns,
            is_early,
        } = run;
        let now = now_ns / TICK_NS;
        let until = match stretch_ns >= CERTAIN_NS {
            true => now + MEMORY,
            false if self.until > now => self.until,
            false => 0,
        };
        let is_longish = stretch_ns >= LONG_NS;
        let longish = self.longish * 15 / 16 + if is_longish { RUN } else { 0 };
        let stretch_ms = stretch_ns / 1_000_000;
        let bound = match self.is_long {
            true => LEAVES,
            false if is_early => RUN,
            false => ENTERS,
        };
        Self {
            until,
            longish,
            peak_ms: stretch_ms.max(self.peak_ms * 15 / 16),
            is_long: until > 0 || longish >= bound,
        }
    }

    /// Whether a ticket that comes now is taken for long.
    pub(super) fn is_long(self) -> bool {
        self.is_long
    }

    /// Whether its tickets are far shorter than the longest there are.
    pub(super) fn is_middling(self) -> bool {
        self.peak_ms < MIDDLING_MS
    }

    fn to_word(self) -> u64 {
        let peak_ms = self.peak_ms.min(0xffff);
        u64::from(self.is_long) | self.longish.min(0xff) << 1 | peak_ms << 9 | self.until << 25
    }

    fn of_word(word: u64) -> Self {
        Self {
            until: word >> 25,
            longish: word >> 1 & 0xff,
            peak_ms: word >> 9 & 0xffff,
            is_long: word & 1 == 1,
        }
    }
}

/// The recent runs of a class that loops, workers and the thread starter share, without a
/// lock.
#[derive(Default)]
pub(super) struct SharedRecent(AtomicU64);

impl SharedRecent {
    // Relaxed throughout: it stands for itself, and is a little old.
    pub(super) fn load(&self) -> RecentLengths {
        RecentLengths::of_word(self.0.load(Ordering::Relaxed))
    }

    /// Whether a run of that length says anything: nearly always it is a short one of
    /// a class that has only such.
    pub(super) fn is_told_by(&self, stretch_ns: u64) -> bool {
        stretch_ns >= LONG_NS || self.0.load(Ordering::Relaxed) != 0
    }

    /// Notes a run, or a part of one.
    pub(super) fn note(&self, run: Run, now_ns: u64) {
        let note = |word| Some(RecentLengths::of_word(word).after(run, now_ns).to_word());
        // It is never refused.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, note);
    }
}

/// For how long a run computed in one stretch, as far as its end tells: `None`
/// where it computed for long and blocked in between.
pub(super) fn stretch_ns(timing: &Timing) -> Option<u64> {
    match &timing.detail {
        Some(Detail {
            cpu_ns, blocked_ns, ..
        }) => (*cpu_ns < LONG_NS || *blocked_ns <= cpu_ns / 4).then_some(*cpu_ns),
        // Not measured: it computed at most all of the time.
        None => (timing.wall_ns < LONG_NS).then_some(timing.wall_ns),
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// The processor time, in tenths of a millisecond, that a loop of a fixed amount of
    /// work took, 3 ms alone, on two processors with a compiler beside it.
    const THREE_MS: [u64; 96] = [
        33, 33, 31, 30, 30, 31, 32, 31, 31, 31, 30, 31, 37, 31, 31, 60, 64, 63, 31, 32, 30, 31, 33,
        32, 31, 31, 32, 31, 30, 33, 32, 32, 31, 32, 30, 31, 31, 31, 32, 31, 32, 33, 32, 31, 32, 32,
        31, 36, 33, 33, 64, 62, 56, 38, 35, 33, 35, 34, 30, 35, 33, 31, 31, 33, 51, 35, 51, 32, 32,
        48, 32, 35, 34, 32, 34, 51, 32, 33, 45, 33, 31, 31, 33, 30, 34, 34, 32, 35, 32, 33, 31, 37,
        48, 33, 41, 33,
    ];

    /// After runs of that many tenths of a millisecond, a hundred a second; whether the
    /// class was long before each of them.
    fn lengths(runs: impl IntoIterator<Item = u64>) -> Vec<bool> {
        let mut recent = RecentLengths::default();
        let runs = runs.into_iter().enumerate();
        let each = runs.map(|(number, tenths)| {
            let was_long = recent.is_long();
            let run = Run {
                stretch_ns: tenths * MS / 10,
                is_early: number < 8,
            };
            recent = recent.after(run, number as u64 * 10 * MS);
            was_long
        });
        each.collect()
    }

    fn is_long(runs: impl IntoIterator<Item = u64>) -> bool {
        lengths(runs.into_iter().chain([0])).last() == Some(&true)
    }

    #[test]
    fn the_second_request_of_a_long_class_is_known_for_one() {
        assert!(is_long([3_000]));
        assert!(is_long([50]));
        assert!(!is_long([40]));
    }

    #[test]
    fn a_class_of_three_milliseconds_on_a_busy_machine_stays_short() {
        let lengths = lengths(THREE_MS.into_iter().cycle().take(1_000));
        let long = lengths.iter().filter(|is_long| **is_long).count();
        assert!(long < 100, "{long} of 1000");
    }

    /// The same, five thirds as long.
    #[test]
    fn a_class_of_five_milliseconds_is_long() {
        let five = THREE_MS.into_iter().map(|tenths| tenths * 5 / 3);
        let lengths = lengths(five.cycle().take(1_000));
        let long = lengths.iter().filter(|is_long| **is_long).count();
        assert!(long > 950, "{long} of 1000");
    }

    #[test]
    fn a_class_of_one_or_three_hundred_milliseconds_is_long_throughout() {
        let runs = (0..2_000).map(|number| if number % 50 == 0 { 3_000 } else { 10 });
        let lengths = lengths(runs);
        assert!(lengths[1..].iter().all(|is_long| *is_long));
    }

    #[test]
    fn a_class_that_turns_long_is_known_for_it_at_once_and_until_ten_seconds_after() {
        let short = || std::iter::repeat_n(10, 1_000);
        assert!(!is_long(short()));
        let later = lengths(short().chain([3_000]).chain(short()).chain([0; 10]));
        assert!(!later[..=1_000].contains(&true));
        assert!(later[1_001..2_000].iter().all(|is_long| *is_long));
        assert!(!later[2_009]);
    }

    #[test]
    fn what_is_shared_is_what_was_counted() {
        let (shared, mut plain) = (SharedRecent::default(), RecentLengths::default());
        for (number, tenths) in THREE_MS.into_iter().chain([3_000, 10, 90]).enumerate() {
            let run = Run {
                stretch_ns: tenths * MS / 10,
                is_early: false,
            };
            let now_ns = number as u64 * 1_000 * MS;
            plain = plain.after(run, now_ns);
            shared.note(run, now_ns);
            assert_eq!(shared.load(), plain);
        }
        assert!(!plain.is_middling() || plain.peak_ms < MIDDLING_MS);
    }

    #[test]
    fn what_blocked_much_tells_nothing_of_its_longest_stretch() {
        let timing = |cpu_ns, blocked_ns| Timing {
            wall_ns: cpu_ns + blocked_ns,
            detail: Some(Detail {
                cpu_ns,
                blocked_ns,
                delay_ns: 0,
            }),
            ..Timing::default()
        };
        assert_eq!(stretch_ns(&timing(20 * MS, 30 * MS)), None);
        assert_eq!(stretch_ns(&timing(20 * MS, MS)), Some(20 * MS));
        assert_eq!(stretch_ns(&timing(2 * MS, 30 * MS)), Some(2 * MS));
        let unmeasured = Timing {
            wall_ns: 90 * MS,
            ..Timing::default()
        };
        assert_eq!(stretch_ns(&unmeasured), None);
    }
}
