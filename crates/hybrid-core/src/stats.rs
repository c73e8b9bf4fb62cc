//! What an application has measured of itself, for its own handlers.
//!
//! An argument, and not a function that could be called anywhere: it is made on
//! the event loop, before a plain handler goes to the pool. So the lock of the
//! measurements is never held by a pool thread, for which an event loop would
//! have to wait while that thread, of lower priority, waits for a processor. The
//! same numbers as the admin endpoints', as a copy; nothing in it changes any
//! more.

use std::{convert::Infallible, time::Duration};

use hybrid_engine::telemetry::{Histogram, LaneTotals, Totals};

use crate::{
    context::{Parts, ServerContext},
    extract::FromRequestParts,
    head::Route,
    spec::Lane,
};

/// What the application has measured up to now, route by route: an argument of
/// handlers.
///
/// It costs a few microseconds for each route, so it is for pages that a person
/// or a monitor looks at.
#[derive(Clone, Debug)]
pub struct Stats {
    routes: Vec<RouteStats>,
}

/// What was measured of one route, all its methods together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouteStats {
    /// The methods that it answers.
    pub methods: &'static [&'static str],
    /// Its whole template, `/users/{id}` say.
    pub path: String,
    /// The handler's name.
    pub name: &'static str,
    /// The module of the handler, `shop::users` say.
    pub module: &'static str,
    /// Whether the handler is an `async fn`.
    pub is_async: bool,
    /// Where it runs now.
    pub lane: Lane,
    /// Requests that came.
    pub requests: u64,
    /// Answers with a status of 500 and above.
    pub errors: u64,
    /// Requests that came and have no answer yet.
    pub in_flight: u64,
    /// Requests that have ended, answered or not, and what they took together:
    /// from the head of the request to the head of the answer.
    pub answered: u64,
    /// See [`answered`](Self::answered).
    pub duration_sum: Duration,
    /// How long the handler ran, of late.
    pub run: Option<Percentiles>,
    /// Its processor time, of late, in the runs that were sampled.
    pub cpu: Option<Percentiles>,
    /// How long it was blocked or awaited something, of late, in the runs that
    /// were sampled.
    pub blocked: Option<Percentiles>,
    /// How long it waited for a thread, of late.
    pub queue: Option<Percentiles>,
}

/// The durations that a half, 95 and 99 of a hundred do not exceed. Wrong by less
/// than a sixteenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Percentiles {
    /// The median.
    pub p50: Duration,
    /// Of 95 in a hundred.
    pub p95: Duration,
    /// Of 99 in a hundred.
    pub p99: Duration,
}

impl Stats {
    /// The routes, in the order in which they were added.
    #[must_use]
    pub fn routes(&self) -> &[RouteStats] {
        &self.routes
    }

    fn of(context: &ServerContext) -> Self {
        let telemetry = context.telemetry();
        telemetry.merge();
        telemetry.with_table(|table| {
            let routes = context.routes().iter();
            let routes = routes.map(|route| RouteStats::of(route, table.class(route.index)));
            Self {
                routes: routes.collect(),
            }
        })
    }
}

impl FromRequestParts for Stats {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.context))
    }
}

impl RouteStats {
    /// The mean duration of its requests.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let answered = u32::try_from(self.answered).unwrap_or(u32::MAX);
        self.duration_sum.checked_div(answered)
    }

    fn of(route: &Route, totals: &Totals) -> Self {
        let answers = Lane::ALL
            .iter()
            .flat_map(|lane| &totals.lane(*lane).answers);
        let (answered, sum_ns) = answers.fold((0, 0_u64), |(answered, sum_ns), answers| {
            let count: u64 = answers.buckets.iter().sum();
            (answered + count, sum_ns.wrapping_add(answers.sum_ns))
        });
        Self {
            methods: route.spec.methods,
            path: route.path.clone(),
            name: route.spec.name,
            module: route.spec.module,
            is_async: route.lane == Lane::Event,
            lane: route.class.effective_lane.get(),
            requests: totals.requests,
            errors: totals.errors,
            in_flight: totals.in_flight,
            answered,
            duration_sum: Duration::from_nanos(sum_ns),
            run: Percentiles::of_handler(route, totals, |lane| &lane.recent.run),
            cpu: Percentiles::of_handler(route, totals, |lane| &lane.recent.cpu),
            blocked: Percentiles::of_handler(route, totals, |lane| &lane.recent.blocked),
            queue: Percentiles::of_all(totals, |lane| &lane.recent.queue),
        }
    }
}

impl Percentiles {
    /// Over all lanes, closures on the pool included.
    pub(crate) fn of_all(
        totals: &Totals,
        pick: impl Fn(&LaneTotals) -> &Histogram,
    ) -> Option<Self> {
        let lanes = Lane::ALL.iter().map(|lane| pick(totals.lane(*lane)));
        Self::of(&Histogram::sum(lanes))
    }

    /// Over the lanes that the handler itself runs in: what an `async fn` has run on
    /// the pool is a part of it.
    pub(crate) fn of_handler(
        route: &Route,
        totals: &Totals,
        pick: impl Fn(&LaneTotals) -> &Histogram,
    ) -> Option<Self> {
        let lanes = match route.lane {
            Lane::Event | Lane::Quarantine => [Lane::Event, Lane::Quarantine],
            Lane::Pool | Lane::Inline => [Lane::Pool, Lane::Inline],
            _ => [Lane::Process, Lane::Pool],
        };
        let own = Histogram::sum(lanes.iter().map(|lane| pick(totals.lane(*lane))));
        Self::of(&own).or_else(|| Self::of_all(totals, pick))
    }

    fn of(histogram: &Histogram) -> Option<Self> {
        let at = |q| histogram.quantile(q).map(Duration::from_nanos);
        Some(Self {
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
        })
    }
}
