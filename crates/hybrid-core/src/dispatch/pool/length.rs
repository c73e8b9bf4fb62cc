//! Whether a route's tickets are short or long. A ticket is long where it computes
//! for some milliseconds in one stretch. Short tickets run on threads at the
//! process's priority; long ones, which nothing can interrupt, on threads of a
//! lower one, and no more of them at a time than there are processors.
//!
//! A route is long while it had a long run lately: for ten seconds after a run of
//! twice the bound or more; after shorter ones only where they are more than an
//! outlier among its last runs, since the same work takes up to twice the
//! processor time on a busy machine. What runs for the first times counts in full. So a route with runs of 1 ms and of 300 ms is
//! long throughout, and a route of 3 ms stays short.

use crate::{
    sync::{AtomicU64, Ordering},
    telemetry::timing::{Detail, Timing},
};

/// What computes for that long in one stretch is long.
pub(super) const LONG_NS: u64 = 4_500_000;

/// A run this long is no outlier of a short one.
pub(super) const CERTAIN_NS: u64 = 2 * LONG_NS;

/// How long a route stays long after such a run.
const MEMORY: u64 = 10 * TICKS;

/// Time is counted in tenths of a second.
const TICKS: u64 = 10;
const TICK_NS: u64 = 1_000_000_000 / TICKS;

/// A run between the two bounds counts as much, and a sixteenth of the sum fades
/// with each run: the third in a row makes its route long, and about 25 short ones
/// end it.
const RUN: u64 = 16;
const ENTERS: u64 = 40;
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
    /// It is among the first of its route, and nothing tells whether it is an
    /// outlier.
    pub(super) is_early: bool,
}

/// How long a route's last runs were. A plain value, of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Recent {
    /// Until when a run that was long beyond doubt counts, in ticks; 0 without one.
    until: u64,
    /// How many runs were between the two bounds.
    longish: u64,
    /// The longest, in milliseconds; fades by a sixteenth with each run.
    peak_ms: u64,
    is_long: bool,
}

impl Recent {
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

/// The recent runs of a route that loops, workers and the keeper share, without a
/// lock.
#[derive(Default)]
pub(super) struct SharedRecent(AtomicU64);

impl SharedRecent {
    // Relaxed throughout: it stands for itself, and is a little old.
    pub(super) fn load(&self) -> Recent {
        Recent::of_word(self.0.load(Ordering::Relaxed))
    }

    /// Whether a run of that length says anything: nearly always it is a short one of
    /// a route that has only such.
    pub(super) fn is_told_by(&self, stretch_ns: u64) -> bool {
        stretch_ns >= LONG_NS || self.0.load(Ordering::Relaxed) != 0
    }

    /// Notes a run, or a part of one. Says whether the route is long since.
    pub(super) fn note(&self, run: Run, now_ns: u64) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        let note = |word| Some(Recent::of_word(word).after(run, now_ns).to_word());
        let noted = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, note);
        let before = Recent::of_word(noted.unwrap_or(before));
        !before.is_long() && before.after(run, now_ns).is_long()
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
