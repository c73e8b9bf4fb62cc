//! `/routes`: for each method and path where it is written, where it runs, what
//! it takes and what became of its requests.

use std::time::Duration;

use hybrid_engine::telemetry::Totals;
use serde::Serialize;

use super::decided::{self, Decided, Move};
use crate::{
    context::ServerContext,
    head::Route,
    spec::{BodyCheck, Lane},
    stats::Percentiles,
};

/// One method of a route.
#[derive(Debug, Serialize)]
pub(super) struct RouteView<'a> {
    method: &'a str,
    path: &'a str,
    name: String,
    file: &'a str,
    line: u32,
    declared: &'static str,
    lane: &'static str,
    effective_lane: &'static str,
    reason: Option<String>,
    advice: Option<String>,
    label: &'static str,
    body: Option<&'static str>,
    requests: u64,
    errors: u64,
    shed: u64,
    in_flight: u64,
    limit: Option<usize>,
    queue_ms: Option<Millis>,
    cpu_ms: Option<Millis>,
    blocked_ms: Option<Millis>,
    run_ms: Option<Millis>,
    moves: Vec<Move>,
}

/// Durations of late, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Millis {
    p50: f64,
    p95: f64,
    p99: f64,
}

/// Every route, in the order in which they were added.
pub(super) fn all(context: &ServerContext) -> Vec<RouteView<'_>> {
    let telemetry = context.telemetry();
    telemetry.merge();
    // Before the table is locked: two locks at once would need one order everywhere.
    let decided = context.routes().iter();
    let decided: Vec<_> = decided
        .map(|route| (decided::of(context, route), decided::limit(context, route)))
        .collect();
    telemetry.with_table(|table| {
        let views = context.routes().iter().flat_map(|route| {
            let whole = table.class(route.index);
            let decided = &decided[route.index];
            let methods = telemetry.series().variants(route.index);
            let methods = methods.zip(route.spec.methods);
            methods.map(move |(series, method)| {
                RouteView::of(route, method, table.series(series), whole.shed, decided)
            })
        });
        views.collect()
    })
}

impl<'a> RouteView<'a> {
    /// Refusals do not know their method: they are the route's.
    fn of(
        route: &'a Route,
        method: &'a str,
        totals: &Totals,
        shed: u64,
        (decided, limit): &(Decided, Option<usize>),
    ) -> Self {
        let spec = &route.spec;
        Self {
            method,
            path: &route.path,
            name: spec.full_name(),
            file: spec.file,
            line: spec.line,
            declared: if route.lane == Lane::Event {
                "async fn"
            } else {
                "fn"
            },
            lane: route.lane.as_str(),
            effective_lane: route.class.effective_lane.get().as_str(),
            reason: decided.reason.clone(),
            advice: decided.advice.clone(),
            label: decided.label,
            body: route
                .body_check
                .map(BodyCheck::as_str)
                .filter(|word| *word != "raw"),
            requests: totals.requests,
            errors: totals.errors,
            shed,
            in_flight: totals.in_flight,
            limit: *limit,
            queue_ms: ms(Percentiles::of_all(totals, |lane| &lane.recent.queue)),
            cpu_ms: ms(Percentiles::of_handler(route, totals, |lane| {
                &lane.recent.cpu
            })),
            blocked_ms: ms(Percentiles::of_handler(route, totals, |lane| {
                &lane.recent.blocked
            })),
            run_ms: ms(Percentiles::of_handler(route, totals, |lane| {
                &lane.recent.run
            })),
            moves: decided.moves.clone(),
        }
    }
}

/// As milliseconds, to the tenth of a microsecond.
fn ms(percentiles: Option<Percentiles>) -> Option<Millis> {
    let ms = |duration: Duration| (duration.as_secs_f64() * 1e7).round() / 1e4;
    percentiles.map(|of| Millis {
        p50: ms(of.p50),
        p95: ms(of.p95),
        p99: ms(of.p99),
    })
}
