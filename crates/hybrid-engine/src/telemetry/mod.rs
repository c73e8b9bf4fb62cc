//! What the engine measures about the work that it runs.
//!
//! ```text
//! a job  ─begun, ran, answered→ this thread's shard ─merge→ table → balancer, reports
//! ```
//!
//! [`timing`](crate::timing) is what one run of a job took, and [`sampling`](crate::sampling) decides which runs are
//! measured in detail. [`series`] lists what is counted apart. Threads write their
//! counts into [`shard`]s made of [`cells`]; [`histogram`] stores durations, and
//! [`table`] holds the sums over all threads. Nothing here makes decisions, and no
//! input of a client becomes a name.

mod cells;
pub mod histogram;
pub mod series;
mod shard;
mod shed;
mod table;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use cells::{DURATION_BOUNDS_NS, Outcome};
pub use histogram::Histogram;
pub use shed::Shed;
pub use table::{LaneTotals, SPREAD_BOUNDS_NS, Spread, Table, Totals};

use crate::{
    class::Class,
    clock::{self, Instant},
    lane::Lane,
    sync::{AtomicU64, Ordering},
    timing::Timing,
};
use series::{AllSeries, Series};
use shard::Shards;

/// The measurements of an application.
pub struct Telemetry {
    series: Arc<AllSeries>,
    shards: Arc<Shards>,
    rare: Box<[Rare]>,
    table: Mutex<Table>,
}

/// Counts of rare events: all threads write them in one place.
struct Rare {
    shed: [AtomicU64; Shed::ALL.len()],
    /// Of the application's own counters.
    counters: Box<[AtomicU64]>,
}

impl Rare {
    fn new(counters: usize) -> Self {
        Self {
            shed: Default::default(),
            counters: (0..counters).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

/// A job that has begun. The end of it is counted by [`Telemetry::answered`] or
/// [`Telemetry::left`].
#[derive(Debug)]
#[must_use = "what begins ends"]
pub struct InFlight {
    series: Series,
    lane: Lane,
    since: Instant,
}

impl InFlight {
    /// When it began.
    #[inline]
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl Telemetry {
    /// For these classes. Work of no class is counted under the variants
    /// `unclassified`, and under `_OTHER` where it has none of them. Each series has
    /// that many counters of the application's own; see [`count`](Self::count).
    #[must_use]
    pub fn new(
        classes: &[Arc<Class>],
        unclassified: &'static [&'static str],
        counters: usize,
    ) -> Self {
        let variants = classes.iter().map(|class| class.variants);
        let series = Arc::new(AllSeries::new(variants, unclassified));
        let count = series.subjects().len();
        Self {
            shards: Shards::new(count),
            rare: (0..count).map(|_| Rare::new(counters)).collect(),
            table: Mutex::new(Table::new(Arc::clone(&series), clock::now())),
            series,
        }
    }

    // === Called by jobs ===

    /// A job has begun, of that class if of any.
    #[inline]
    pub fn begun(&self, class: Option<&Class>, variant: &impl AsRef<str>, at: Instant) -> InFlight {
        let series = self.series.of(class, variant);
        self.shards.write(|cells| cells[series.index()].begin());
        InFlight {
            series,
            lane: class.map_or(Lane::Event, |class| class.effective_lane.get()),
            since: at,
        }
    }

    /// The job has its result, with a code of the application's: the status of an
    /// HTTP response, say. A code of 500 or more counts as an error.
    #[inline]
    pub fn answered(&self, job: &InFlight, code: u16) {
        let duration_ns = clock::now().ns_since(job.since);
        self.shards.write(|cells| {
            cells[job.series.index()].answer(job.lane, code, duration_ns);
        });
    }

    /// The variant that a job is counted under.
    #[must_use]
    pub fn variant(&self, job: &InFlight) -> &str {
        &self.series.subjects()[job.series.index()].variant
    }

    /// The caller of the job has left before its result.
    pub fn left(&self, job: &InFlight) {
        let duration_ns = clock::now().ns_since(job.since);
        self.shards
            .write(|cells| cells[job.series.index()].leave(job.lane, duration_ns));
    }

    /// A job of that class has run in that lane, and took that.
    #[inline]
    pub fn ran(&self, class: &Class, variant: &impl AsRef<str>, lane: Lane, timing: &Timing) {
        let series = self.series.of(Some(class), variant);
        self.shards
            .write(|cells| cells[series.index()].run(lane, timing));
    }

    /// Work of that class has run on the pool, and its result is no job's: a closure
    /// that a job sent there, or a job whose caller has left. It is counted under the
    /// first variant.
    pub fn ran_unanswered(&self, class: &Class, timing: &Timing) {
        let first = self.series.variants(class.id).start;
        self.shards
            .write(|cells| cells[first].run(Lane::Pool, timing));
    }

    /// A job of that class was refused for lack of room or time.
    pub fn shed(&self, class: &Class, why: Shed) {
        let whole = self.series.whole(class.id);
        // Relaxed, as for all counts: they order nothing.
        self.rare[whole.index()].shed[why.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Adds one to each of these counters of the application's own; numbers that no
    /// counter has are ignored.
    pub fn count(
        &self,
        class: &Class,
        variant: &impl AsRef<str>,
        counters: impl Iterator<Item = usize>,
    ) {
        let rare = &self.rare[self.series.of(Some(class), variant).index()];
        for count in counters.filter_map(|counter| rare.counters.get(counter)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    // === Called by the balancer and by reports ===

    /// Brings the table up to date.
    pub fn merge(&self) {
        // Before the table is locked: a new thread waits for neither lock.
        let shards = self.shards.all();
        self.lock()
            .merge(&shards, |series| self.shed_in_all(series), clock::now());
    }

    /// Reads the table, as the last [`merge`](Self::merge) left it.
    pub fn with_table<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.lock())
    }

    /// Which series there are.
    #[must_use]
    pub fn series(&self) -> &AllSeries {
        &self.series
    }

    /// How often jobs of a series were refused for that reason.
    #[must_use]
    pub fn shed_count(&self, series: usize, why: Shed) -> u64 {
        self.rare[series].shed[why.index()].load(Ordering::Relaxed)
    }

    /// The value of one of the application's own counters.
    ///
    /// # Panics
    /// There is no such series or counter.
    #[must_use]
    pub fn counter(&self, series: usize, counter: usize) -> u64 {
        self.rare[series].counters[counter].load(Ordering::Relaxed)
    }

    fn shed_in_all(&self, series: usize) -> u64 {
        let counts = self.rare[series].shed.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("seats", &self.shards)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests;
