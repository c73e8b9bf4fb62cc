//! `/metrics`: what is measured, for Prometheus and whoever reads its formats.
//!
//! [`names`] is the one list of metrics, [`text`] the two formats, [`process`]
//! what the system says of the process. Series are those of the application's
//! routes, so a label never carries what a client sent.

pub(super) mod names;
mod process;
mod text;

use http::{HeaderMap, header};

use super::{decided, with_type};
use crate::{
    Response,
    app::Frozen,
    dispatch::{
        Processes,
        process::{WORKER_STATES, WorkerEnd},
    },
    log,
    spec::Lane,
    telemetry::{
        DURATION_BOUNDS_NS, LaneTotals, Outcome, SOURCES, SPREAD_BOUNDS_NS, Shed, Spread, Table,
        Totals,
    },
};
use names as metric;
use text::{Format, Labels, Text};

/// All metrics, in the format that the client prefers.
pub(super) fn answer(app: &Frozen, headers: &HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter();
    let format = Format::preferred(accept.filter_map(|value| value.to_str().ok()));
    let mut text = Text::new(format);
    app.telemetry().merge();
    app.telemetry().with_table(|table| {
        let page = Page { app, table };
        page.requests(&mut text);
        page.runs(&mut text);
        page.refusals(&mut text);
    });
    balancer(app, &mut text);
    pool(app, &mut text);
    bodies(app, &mut text);
    workers(app, &mut text);
    text.family(&metric::LOG_DROPPED);
    text.counter_from_zero(&Labels::new(), log::dropped());
    process::write(&mut text);
    with_type(text.finish(), format.content_type())
}

/// What is written while the table is held.
struct Page<'a> {
    app: &'a Frozen,
    table: &'a Table,
}

/// One series with its labels.
struct Row<'a> {
    labels: Labels<'a>,
    index: usize,
    totals: &'a Totals,
    is_route: bool,
}

impl<'a> Page<'a> {
    /// Every series with the labels of its route, sums included.
    fn all(&self) -> impl Iterator<Item = (Row<'a>, bool)> {
        let (app, table) = (self.app, self.table);
        let subjects = app.telemetry().series().subjects().iter().enumerate();
        subjects.map(move |(index, subject)| {
            let route = subject.class.map_or("", |route| &*app.routes()[route].path);
            let labels = Labels::new()
                .with("http_request_method", &*subject.variant)
                .with("http_route", route);
            let row = Row {
                labels,
                index,
                totals: table.series(index),
                is_route: subject.class.is_some(),
            };
            (row, subject.is_sum)
        })
    }

    /// The series that requests are counted in.
    fn rows(&self) -> impl Iterator<Item = Row<'a>> {
        let rows = self.all().filter(|(_, is_sum)| !is_sum);
        rows.map(|(row, _)| row)
    }

    /// Each of them in each lane.
    fn in_lanes(&self) -> impl Iterator<Item = (Labels<'a>, &'a LaneTotals)> {
        self.rows().flat_map(|row| {
            Lane::ALL.into_iter().map(move |lane| {
                let labels = row.labels.clone().with("hybrid_lane", lane.as_str());
                (labels, row.totals.lane(lane))
            })
        })
    }

    fn requests(&self, text: &mut Text) {
        text.family(&metric::REQUEST_DURATION);
        for (labels, lane) in self.in_lanes() {
            for answers in &lane.answers {
                let labels = labels.clone().with("url_scheme", "http");
                let labels = with_outcome(labels, answers.outcome);
                let bounds = DURATION_BOUNDS_NS.map(seconds);
                let sum = seconds(answers.sum_ns);
                text.histogram(&labels, &bounds, &answers.buckets, sum);
            }
        }
        text.family(&metric::ACTIVE_REQUESTS);
        let rows = self.rows();
        for row in rows.filter(|row| row.is_route || row.totals.requests > 0) {
            text.integer(&row.labels, row.totals.in_flight);
        }
    }

    fn runs(&self, text: &mut Text) {
        text.family(&metric::QUEUE);
        for (labels, lane) in self.in_lanes() {
            spread(text, &labels, &lane.queue, lane.queue_ns_sum);
        }
        text.family(&metric::CPU);
        for (labels, lane) in self.in_lanes() {
            spread(text, &labels, &lane.cpu, lane.cpu_ns_sum);
        }
        text.family(&metric::BLOCKED);
        for (labels, lane) in self.in_lanes() {
            spread(text, &labels, &lane.blocked, lane.blocked_ns_sum);
        }
    }

    fn refusals(&self, text: &mut Text) {
        let telemetry = self.app.telemetry();
        text.family(&metric::SHED);
        for (row, _) in self.all() {
            for why in Shed::ALL {
                let count = telemetry.shed_count(row.index, why);
                let labels = row.labels.clone().with("reason", why.as_str());
                text.counter(&labels, count);
            }
        }
        text.family(&metric::VALIDATION_ERRORS);
        for row in self.rows() {
            for source in SOURCES {
                let count = telemetry.counter(row.index, source as usize);
                text.counter(&row.labels.clone().with("in", source.as_str()), count);
            }
        }
    }
}

fn with_outcome(labels: Labels<'_>, outcome: Outcome) -> Labels<'_> {
    const CODE: &str = "http_response_status_code";
    const ERROR: &str = "error_type";
    match outcome {
        Outcome::Code(code) if code >= 500 => {
            let code = code.to_string();
            labels.with(CODE, code.clone()).with(ERROR, code)
        }
        Outcome::Code(code) => labels.with(CODE, code.to_string()),
        Outcome::Other => labels.with(CODE, "other"),
        Outcome::Left => labels.with(CODE, "").with(ERROR, "client_left"),
    }
}

/// A distribution, where there is one.
fn spread(text: &mut Text, labels: &Labels<'_>, spread: &Spread, sum_ns: u64) {
    if spread.buckets.iter().any(|count| *count > 0) {
        let bounds = SPREAD_BOUNDS_NS.map(seconds);
        text.histogram(labels, &bounds, &spread.buckets, seconds(sum_ns));
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn balancer(app: &Frozen, text: &mut Text) {
    let of_route = |index: usize| {
        let route = &app.routes()[index];
        Labels::new()
            .with("http_request_method", route.spec.methods.join(","))
            .with("http_route", &*route.path)
    };
    text.family(&metric::STALLS);
    for stalls in decided::stalls(app) {
        let bounds = DURATION_BOUNDS_NS.map(seconds);
        let labels = of_route(stalls.route);
        text.histogram(&labels, &bounds, &stalls.buckets, stalls.sum_seconds);
    }
    text.family(&metric::MOVES);
    for moves in decided::move_counts(app) {
        let labels = of_route(moves.route);
        let labels = labels.with("from", moves.from.as_str());
        text.counter(&labels.with("to", moves.to.as_str()), moves.count);
    }
}

fn pool(app: &Frozen, text: &mut Text) {
    let pool = app.pool().gauges();
    text.family(&metric::POOL_THREADS);
    let busy = pool.busy.saturating_sub(pool.blocked);
    for (state, threads) in [
        ("busy", busy),
        ("blocked", pool.blocked),
        ("idle", pool.idle),
    ] {
        text.integer(&Labels::new().with("state", state), threads as u64);
    }
    text.family(&metric::POOL_LONG);
    text.integer(&Labels::new(), pool.long as u64);
    text.family(&metric::POOL_QUEUE);
    text.integer(&Labels::new(), pool.queue_depth as u64);
}

fn bodies(app: &Frozen, text: &mut Text) {
    let held = app.bodies().held();
    text.family(&metric::BODIES);
    for (state, bytes) in [("received", held.received), ("parsed", held.parsed)] {
        text.integer(&Labels::new().with("state", state), bytes);
    }
    text.family(&metric::BODIES_LIMIT);
    text.integer(&Labels::new(), held.limit);
}

fn workers(app: &Frozen, text: &mut Text) {
    let workers = match app.processes() {
        Processes::InWorkers(workers) => Some(workers),
        Processes::OnPool | Processes::Here { .. } => None,
    };
    text.family(&metric::WORKERS);
    if let Some(workers) = workers {
        let gauges = workers.gauges();
        for state in WORKER_STATES {
            let count = gauges.iter().filter(|worker| worker.state == state);
            text.integer(&Labels::new().with("state", state), count.count() as u64);
        }
    }
    text.family(&metric::WORKER_RESTARTS);
    for how in WorkerEnd::ALL {
        let count = workers.map_or(0, |workers| workers.ended(how));
        text.counter_from_zero(&Labels::new().with("reason", how.as_str()), count);
    }
    text.family(&metric::WORKER_QUEUE);
    text.integer(
        &Labels::new(),
        workers.map_or(0, |w| w.queue_depth() as u64),
    );
    text.family(&metric::WORKER_SEGMENTS);
    text.integer(
        &Labels::new(),
        workers.map_or(0, |w| w.segment_bytes() as u64),
    );
}
