//! What the framework measures about itself.
//!
//! ```text
//! a request  ─begun, ran, answered→ this thread's seat ─merge→ table → balancer, admin endpoints
//! ```
//!
//! [`timing`] is what one run of a handler took, [`sampling`] which runs are
//! looked at closely, [`reading`] the only place where a thread's accounts are
//! read, [`clock`] the only one where time is. [`series`] says what is counted
//! apart from what, [`seat`] and [`cells`] are where the threads write it,
//! [`histogram`] how durations are kept, [`table`] what all of it comes to.
//! Nothing here decides anything, and nothing a client sends becomes a name.

mod cells;
pub(crate) mod clock;
pub(crate) mod histogram;
pub(crate) mod reading;
pub(crate) mod sampling;
mod seat;
pub(crate) mod series;
mod shed;
mod table;
pub(crate) mod timing;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{Method, StatusCode};
use hybrid_validate::{Source, Violation};

pub(crate) use cells::{DURATION_BOUNDS_NS, Outcome};
pub(crate) use histogram::Histogram;
pub(crate) use shed::Shed;
pub(crate) use table::{LaneTotals, SPREAD_BOUNDS_NS, Spread, Table, Totals};

use crate::{
    head::Route,
    spec::Lane,
    sync::{AtomicU64, Ordering},
};
use clock::Instant;
use seat::Seats;
use series::{AllSeries, Series};
use timing::Timing;

/// The measurements of an application.
pub(crate) struct Telemetry {
    series: Arc<AllSeries>,
    seats: Arc<Seats>,
    rare: Box<[Rare]>,
    table: Mutex<Table>,
}

/// What happens rarely is counted by all threads in one place.
#[derive(Default)]
struct Rare {
    shed: [AtomicU64; Shed::ALL.len()],
    refused: [AtomicU64; SOURCES.len()],
}

/// Where values come from that validation refuses.
pub(crate) const SOURCES: [Source; 7] = [
    Source::Path,
    Source::Query,
    Source::Header,
    Source::Cookie,
    Source::Form,
    Source::File,
    Source::Body,
];

/// A request that has begun and is to be counted when it ends, by
/// [`Telemetry::answered`] or [`Telemetry::left`].
#[derive(Debug)]
#[must_use = "what begins ends"]
pub(crate) struct InFlight {
    series: Series,
    lane: Lane,
    since: Instant,
}

impl InFlight {
    /// When it came.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }
}

impl Telemetry {
    /// For these routes.
    pub(crate) fn new(routes: &[Arc<Route>]) -> Self {
        let series = Arc::new(AllSeries::new(
            routes.iter().map(|route| route.spec.methods),
        ));
        let count = series.subjects().len();
        Self {
            seats: Seats::new(count),
            rare: (0..count).map(|_| Rare::default()).collect(),
            table: Mutex::new(Table::new(Arc::clone(&series), clock::now())),
            series,
        }
    }

    // === what requests tell ===

    /// A request has come, for that route if any.
    #[inline]
    pub(crate) fn begun(&self, route: Option<&Route>, method: &Method, at: Instant) -> InFlight {
        let series = self.series.of(route, method);
        self.seats.write(|cells| cells[series.index()].begin());
        InFlight {
            series,
            lane: route.map_or(Lane::Event, |route| route.effective_lane.get()),
            since: at,
        }
    }

    /// The head of its answer is there.
    #[inline]
    pub(crate) fn answered(&self, request: &InFlight, status: StatusCode) {
        let duration_ns = clock::now().ns_since(request.since);
        self.seats.write(|cells| {
            cells[request.series.index()].answer(request.lane, status.as_u16(), duration_ns);
        });
    }

    /// The method that a request is counted under.
    pub(crate) fn method(&self, request: &InFlight) -> &str {
        &self.series.subjects()[request.series.index()].method
    }

    /// Nobody waits for its answer any more.
    pub(crate) fn left(&self, request: &InFlight) {
        let duration_ns = clock::now().ns_since(request.since);
        self.seats
            .write(|cells| cells[request.series.index()].leave(request.lane, duration_ns));
    }

    /// A handler has run there, and took that.
    #[inline]
    pub(crate) fn ran(&self, route: &Route, method: &Method, lane: Lane, timing: &Timing) {
        let series = self.series.of(Some(route), method);
        self.seats
            .write(|cells| cells[series.index()].run(lane, timing));
    }

    /// Something of that route has run on the pool that is no request's answer: a
    /// closure of its handler, or a handler whose client has its 504 or has left.
    /// It does not know its method: the route's first stands for it.
    pub(crate) fn ran_unanswered(&self, route: &Route, timing: &Timing) {
        let first = self.series.methods(route.index).start;
        self.seats
            .write(|cells| cells[first].run(Lane::Pool, timing));
    }

    /// A request of that route was refused for lack of room or time.
    pub(crate) fn shed(&self, route: &Route, why: Shed) {
        let whole = self.series.whole(route.index);
        // Relaxed, as all counts: they order nothing.
        self.rare[whole.index()].shed[why.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Values of a request were refused.
    pub(crate) fn refused_values(&self, route: &Route, method: &Method, refused: &[Violation]) {
        let sources = refused
            .iter()
            .map(|violation| violation.location.source as u8);
        self.count_refused(route, method, sources);
    }

    /// As [`refused_values`](Self::refused_values), by the numbers of their sources:
    /// what a worker process refused.
    pub(crate) fn refused_sources(&self, route: &Route, method: &Method, sources: &[u8]) {
        self.count_refused(route, method, sources.iter().copied());
    }

    fn count_refused(&self, route: &Route, method: &Method, sources: impl Iterator<Item = u8>) {
        let rare = &self.rare[self.series.of(Some(route), method).index()];
        for count in sources.filter_map(|source| rare.refused.get(usize::from(source))) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    // === what the control plane reads ===

    /// Brings the table up to date.
    pub(crate) fn merge(&self) {
        // Before the table's lock: threads that come wait for neither.
        let seats = self.seats.all();
        self.lock()
            .merge(&seats, |series| self.shed_in_all(series), clock::now());
    }

    /// Lets somebody look at the table, as the last [`merge`](Self::merge) left it.
    pub(crate) fn with_table<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.lock())
    }

    /// Which series there are.
    pub(crate) fn series(&self) -> &AllSeries {
        &self.series
    }

    /// How often a series was refused for that reason.
    pub(crate) fn shed_count(&self, series: usize, why: Shed) -> u64 {
        self.rare[series].shed[why.index()].load(Ordering::Relaxed)
    }

    /// How many values of that source were refused.
    pub(crate) fn refused_count(&self, series: usize, source: Source) -> u64 {
        self.rare[series].refused[source as usize].load(Ordering::Relaxed)
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
            .field("seats", &self.seats)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests;
