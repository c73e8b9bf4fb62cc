//! Durations in log-linear buckets: 16 to each doubling, from a microsecond to
//! two minutes, so that a quantile is wrong by less than a sixteenth whatever
//! its size. [`Counts`] is what a thread writes, [`Histogram`] what is read.

use std::fmt;

use crate::sync::{AtomicU32, Ordering};

/// Below 2^10 ns, about a microsecond, all durations are alike.
const FIRST_OCTAVE: u32 = 10;
/// From 2^37 ns on, 137 s, they are alike again.
const END_OCTAVE: u32 = 37;
/// 16 buckets an octave: the four bits below the highest.
const SUB_BITS: u32 = 4;
const SUBS: usize = 1 << SUB_BITS;

/// One below the first octave, one beyond the last.
pub const BUCKETS: usize = (END_OCTAVE - FIRST_OCTAVE) as usize * SUBS + 2;

/// The bucket of a duration.
pub fn bucket_of(ns: u64) -> usize {
    let octave = ns.checked_ilog2().unwrap_or(0);
    if octave < FIRST_OCTAVE {
        return 0;
    }
    if octave >= END_OCTAVE {
        return BUCKETS - 1;
    }
    let sub = (ns >> (octave - SUB_BITS)) as usize & (SUBS - 1);
    1 + (octave - FIRST_OCTAVE) as usize * SUBS + sub
}

/// The shortest duration of a bucket; that of the bucket after the last is where
/// the histogram ends.
pub fn lower_bound_ns(bucket: usize) -> u64 {
    let Some(inner) = bucket.checked_sub(1) else {
        return 0;
    };
    let (octave, sub) = (inner / SUBS, inner % SUBS);
    let octave = FIRST_OCTAVE + u32::try_from(octave).unwrap_or(END_OCTAVE);
    if octave >= END_OCTAVE {
        return 1 << END_OCTAVE;
    }
    (1 << octave) + ((sub as u64) << (octave - SUB_BITS))
}

/// The counts of one thread: it alone writes, and a count that wraps is one all
/// the same, since readers take differences.
pub struct Counts([AtomicU32; BUCKETS]);

impl Counts {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(0)))
    }

    /// Counts a duration. To be called by the one thread that writes.
    pub(super) fn add(&self, ns: u64) {
        let count = &self.0[bucket_of(ns)];
        count.store(
            count.load(Ordering::Relaxed).wrapping_add(1),
            Ordering::Relaxed,
        );
    }

    /// What was counted since `seen`, which is brought up to date.
    pub(super) fn since(&self, seen: &mut [u32; BUCKETS]) -> [u32; BUCKETS] {
        std::array::from_fn(|bucket| {
            let now = self.0[bucket].load(Ordering::Relaxed);
            now.wrapping_sub(std::mem::replace(&mut seen[bucket], now))
        })
    }
}

/// What one duration weighs when it comes; halved, it is forgotten after as many
/// halvings as this has bits.
const WEIGHT: u32 = 16;

/// Durations of late, the older ones weighing less.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Empty until the first duration comes.
    weights: Vec<u32>,
    total: u64,
    /// Something came since it was halved.
    is_fed: bool,
}

impl Histogram {
    pub(super) fn add(&mut self, counts: &[u32; BUCKETS]) {
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        self.weights.resize(BUCKETS, 0);
        for (weight, count) in self.weights.iter_mut().zip(counts) {
            *weight = weight.saturating_add(count.saturating_mul(WEIGHT));
        }
        self.weigh();
        self.is_fed = true;
    }

    /// Lets what is there weigh half. Where nothing new came it stays as it is:
    /// the last that is known is more than nothing.
    pub(super) fn halve(&mut self) {
        if !std::mem::take(&mut self.is_fed) {
            return;
        }
        for weight in &mut self.weights {
            *weight /= 2;
        }
        self.weigh();
    }

    /// All of them together.
    pub fn sum<'a>(histograms: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for histogram in histograms {
            sum.weights
                .resize(sum.weights.len().max(histogram.weights.len()), 0);
            for (weight, more) in sum.weights.iter_mut().zip(&histogram.weights) {
                *weight = weight.saturating_add(*more);
            }
        }
        sum.weigh();
        sum
    }

    fn weigh(&mut self) {
        self.total = self.weights.iter().map(|weight| u64::from(*weight)).sum();
    }

    /// The duration, in nanoseconds, that a share `q` (0 to 1) of the durations
    /// does not exceed; `None` where there are none.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * self.total as f64;
        let mut below = 0.0;
        let mut last = None;
        for (bucket, weight) in self.weights.iter().enumerate() {
            if *weight == 0 {
                continue;
            }
            let weight = f64::from(*weight);
            if below + weight >= rank {
                return Some(within(bucket, (rank - below) / weight));
            }
            below += weight;
            last = Some(bucket);
        }
        last.map(|bucket| within(bucket, 1.0))
    }
}

/// A point inside a bucket, at that share of its width.
fn within(bucket: usize, share: f64) -> u64 {
    let (low, end) = (lower_bound_ns(bucket), lower_bound_ns(bucket + 1));
    low + ((end - low) as f64 * share) as u64
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counts")
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .finish()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(durations: &[u64]) -> Histogram {
        let counts = Counts::new();
        for ns in durations {
            counts.add(*ns);
        }
        let mut histogram = Histogram::default();
        histogram.add(&counts.since(&mut [0; BUCKETS]));
        histogram
    }

    #[test]
    fn buckets_are_seamless() {
        for bucket in 0..BUCKETS {
            let low = lower_bound_ns(bucket);
            assert_eq!(bucket_of(low), bucket);
            if bucket > 0 {
                assert_eq!(bucket_of(low - 1), bucket - 1);
            }
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(lower_bound_ns(BUCKETS), 1 << 37);
    }

    #[test]
    fn what_is_counted_is_taken_once() {
        let counts = Counts::new();
        let mut seen = [u32::MAX; BUCKETS];
        counts.0[0].store(u32::MAX, Ordering::Relaxed);
        counts.since(&mut seen);
        counts.add(5);
        counts.add(5);
        assert_eq!(counts.since(&mut seen)[0], 2, "over the wrap");
        assert_eq!(counts.since(&mut seen), [0; BUCKETS]);
    }

    #[test]
    fn the_present_outweighs_the_past() {
        let mut of_late = histogram(&[1_000_000; 100]);
        assert!(of_late.quantile(0.5).unwrap() < 2_000_000);
        of_late.halve();
        let slow = Counts::new();
        (0..60).for_each(|_| slow.add(50_000_000));
        of_late.add(&slow.since(&mut [0; BUCKETS]));
        assert!(of_late.quantile(0.5).unwrap() > 40_000_000);
    }

    #[test]
    fn the_last_that_is_known_stays() {
        let mut of_late = histogram(&[1_000_000]);
        of_late.halve();
        let known = of_late.clone();
        for _ in 0..100 {
            of_late.halve();
        }
        assert_eq!(of_late, known);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        /// Against sorting: the quantile lies in the bucket of the duration that
        /// has that rank, so within a sixteenth of it, or within a microsecond.
        #[test]
        fn quantiles_are_those_of_the_sorted_durations(
            mut durations in prop::collection::vec(0_u64..1 << 37, 1..400),
            shift in 0_u32..36,
            q in 0.0_f64..=1.0,
        ) {
            for ns in &mut durations {
                *ns >>= shift;
            }
            let found = histogram(&durations).quantile(q).unwrap();
            durations.sort_unstable();
            let rank = (q * durations.len() as f64).ceil().max(1.0) as usize;
            let exact = durations[rank - 1];
            let allowed = (exact / 16).max(1024);
            prop_assert!(found.abs_diff(exact) <= allowed, "{found} for {exact}");
        }
    }
}
