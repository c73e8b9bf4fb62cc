//! What all threads have measured together. Every look takes what came to the
//! shards since the last one, so counts of threads that wrapped, and shards that
//! changed hands, add up all the same.
//!
//! Behind the one lock of the control plane: the balancer's tick and the admin
//! endpoints hold it, a request never does.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    cells::{CODES_MAX, DURATION_BUCKETS, Durations, NewRuns, News, Outcome, SeriesSeen},
    histogram::{BUCKETS, Histogram, lower_bound_ns},
    series::AllSeries,
    shard::Shard,
};
use crate::{clock::Instant, lane::Lane};

/// How often what is there comes to weigh half.
const HALVED_EVERY: Duration = Duration::from_secs(10);

/// The merged measurements of an application.
pub struct Table {
    series: Arc<AllSeries>,
    totals: Vec<Totals>,
    seen: Vec<Vec<SeriesSeen>>,
    halved_at: Instant,
}

/// What is known of a series, or of all methods of a class.
#[derive(Debug, Default)]
pub struct Totals {
    /// Requests that came.
    pub requests: u64,
    /// Answers with a status of 500 and above.
    pub errors: u64,
    /// Requests that were refused for lack of room or time.
    pub shed: u64,
    /// Requests that came and have not ended.
    pub in_flight: u64,
    ended: u64,
    lanes: [LaneTotals; Lane::ALL.len()],
}

/// What is known of a series in one lane. Sums over all time; those of `cpu`,
/// `delay` and `blocked` are over the runs that were sampled.
#[derive(Debug, Default)]
pub struct LaneTotals {
    /// Runs that have ended.
    pub runs: u64,
    /// Runs that were measured in detail.
    pub samples: u64,
    /// Samples that were blocked for more than 50 µs.
    pub blocked_samples: u64,
    /// Time in a queue, in nanoseconds.
    pub queue_ns_sum: u64,
    /// Time from start to end, in nanoseconds.
    pub wall_ns_sum: u64,
    /// Processor time, in nanoseconds.
    pub cpu_ns_sum: u64,
    /// Time on a run queue, in nanoseconds.
    pub delay_ns_sum: u64,
    /// Blocked time, in nanoseconds.
    pub blocked_ns_sum: u64,
    /// Durations of late.
    pub recent: Recent,
    /// The distribution of the time in a queue.
    pub queue: Spread,
    /// The distribution of the processor time.
    pub cpu: Spread,
    /// The distribution of the blocked time.
    pub blocked: Spread,
    /// Durations by outcome.
    pub answers: Vec<Answers>,
}

/// Durations of the last tens of seconds.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    pub queue: Histogram,
    pub run: Histogram,
    pub cpu: Histogram,
    pub blocked: Histogram,
}

/// Durations of all time, in buckets that are few enough to be exported.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    /// Bucket by bucket, not cumulative; the last is what is above all bounds.
    pub buckets: [u64; SPREAD_BOUNDS_NS.len() + 1],
}

/// The bounds of a [`Spread`]: borders of the histogram's octaves, so that its
/// counts go into these exactly. From 4 µs to 17 s, each four times the last.
pub const SPREAD_BOUNDS_NS: [u64; 12] = [
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
    1 << 28,
    1 << 30,
    1 << 32,
    1 << 34,
];

/// The durations of requests that ended alike.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    pub outcome: Outcome,
    /// Bucket by bucket, not cumulative.
    pub buckets: [u64; DURATION_BUCKETS],
    pub sum_ns: u64,
}

impl Table {
    pub(super) fn new(series: Arc<AllSeries>, now: Instant) -> Self {
        let totals = series.subjects().iter().map(|_| Totals::default());
        Self {
            totals: totals.collect(),
            series,
            seen: Vec::new(),
            halved_at: now,
        }
    }

    /// Takes what came to the shards since the last time. `shed` says how many
    /// requests of a series were refused so far.
    pub(super) fn merge(
        &mut self,
        shards: &[Arc<Shard>],
        shed: impl Fn(usize) -> u64,
        now: Instant,
    ) {
        if now.saturating_duration_since(self.halved_at) >= HALVED_EVERY {
            self.halved_at = now;
            for lane in self.totals.iter_mut().flat_map(|totals| &mut totals.lanes) {
                lane.recent.halve();
            }
        }
        let series = self.totals.len();
        self.seen.resize_with(shards.len(), || {
            (0..series).map(|_| SeriesSeen::default()).collect()
        });
        for (shard, seen) in shards.iter().zip(&mut self.seen) {
            for (index, (cells, seen)) in shard.series.iter().zip(seen).enumerate() {
                let sum = self.series.sum_of(index);
                seen.look(cells, |news| {
                    self.totals[index].add(&news);
                    if let Some(sum) = sum {
                        self.totals[sum].add(&news);
                    }
                });
            }
        }
        for (index, totals) in self.totals.iter_mut().enumerate() {
            totals.shed = shed(index);
            // An end may be seen before its beginning, where another thread began
            // it.
            totals.in_flight = totals.requests.saturating_sub(totals.ended);
        }
    }

    /// All variants of a class together.
    #[must_use]
    pub fn class(&self, class: usize) -> &Totals {
        &self.totals[self.series.whole(class).index()]
    }

    /// One series.
    pub fn series(&self, series: usize) -> &Totals {
        &self.totals[series]
    }
}

impl Totals {
    /// What is known of one lane.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> &LaneTotals {
        &self.lanes[lane.index()]
    }

    fn add(&mut self, news: &News) {
        match news {
            News::Requests {
                begun,
                ended,
                errors,
            } => {
                self.requests += u64::from(*begun);
                self.errors += u64::from(*errors);
                self.ended += u64::from(*ended);
            }
            News::Answers(lane, outcome, durations) => {
                self.lanes[lane.index()].answer(*outcome, durations);
            }
            News::Runs(lane, runs) => self.lanes[lane.index()].run(runs),
        }
    }
}

impl LaneTotals {
    fn answer(&mut self, outcome: Outcome, durations: &Durations) {
        let codes = |answers: &[Answers]| {
            let codes = answers.iter();
            let codes = codes.filter(|answers| matches!(answers.outcome, Outcome::Code(_)));
            codes.count()
        };
        let known = self.answers.iter().position(|a| a.outcome == outcome);
        // Threads may each have met other codes first: what is exported has as
        // few as one of them may have.
        let outcome = match outcome {
            Outcome::Code(_) if known.is_none() && codes(&self.answers) >= CODES_MAX => {
                Outcome::Other
            }
            outcome => outcome,
        };
        let place = self.answers.iter().position(|a| a.outcome == outcome);
        let place = place.unwrap_or_else(|| {
            self.answers.push(Answers::none(outcome));
            self.answers.len() - 1
        });
        let answers = &mut self.answers[place];
        answers.sum_ns = answers.sum_ns.wrapping_add(durations.sum_ns);
        for (sum, count) in answers.buckets.iter_mut().zip(&durations.buckets) {
            *sum += u64::from(*count);
        }
    }

    fn run(&mut self, new: &NewRuns) {
        let sums = &new.sums;
        self.runs += sums.runs;
        self.samples += sums.samples;
        self.blocked_samples += sums.blocked_samples;
        self.queue_ns_sum = self.queue_ns_sum.wrapping_add(sums.queue_ns);
        self.wall_ns_sum = self.wall_ns_sum.wrapping_add(sums.wall_ns);
        self.cpu_ns_sum = self.cpu_ns_sum.wrapping_add(sums.cpu_ns);
        self.delay_ns_sum = self.delay_ns_sum.wrapping_add(sums.delay_ns);
        self.blocked_ns_sum = self.blocked_ns_sum.wrapping_add(sums.blocked_ns);
        self.recent.queue.add(&new.queue);
        self.recent.run.add(&new.run);
        self.recent.cpu.add(&new.cpu);
        self.recent.blocked.add(&new.blocked);
        self.queue.add(&new.queue);
        self.cpu.add(&new.cpu);
        self.blocked.add(&new.blocked);
    }
}

impl Answers {
    fn none(outcome: Outcome) -> Self {
        Self {
            outcome,
            buckets: [0; DURATION_BUCKETS],
            sum_ns: 0,
        }
    }
}

impl Recent {
    fn halve(&mut self) {
        self.queue.halve();
        self.run.halve();
        self.cpu.halve();
        self.blocked.halve();
    }
}

impl Spread {
    fn add(&mut self, counts: &[u32; BUCKETS]) {
        for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let low = lower_bound_ns(bucket);
            let above = SPREAD_BOUNDS_NS.partition_point(|bound| *bound <= low);
            self.buckets[above] += u64::from(*count);
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
