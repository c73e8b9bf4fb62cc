//! The page of metrics.

use http::{HeaderMap, header};
use hybrid_engine::{
    process::{WORKER_STATES, WorkerEnd},
    telemetry::{
        DURATION_BOUNDS_NS, LaneTotals, Outcome, SPREAD_BOUNDS_NS, Shed, Spread, Table, Totals,
    },
};

use super::{
    names as metric, process,
    text::{Format, Labels, Text},
};
use crate::{
    Response,
    admin::decided,
    context::{Processes, ServerContext},
    log,
    respond::with_type,
    spec::Lane,
    telemetry::SOURCES,
};

/// All metrics, in the format that the client prefers.
pub(in crate::admin) fn answer(context: &ServerContext, headers: &HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter();
    let format = Format::preferred(accept.filter_map(|value| value.to_str().ok()));
    let mut text = Text::new(format);
    context.telemetry().merge();
    context.telemetry().with_table(|table| {
        let page = Page { context, table };
        page.requests(&mut text);
        page.runs(&mut text);
        page.refusals(&mut text);
    });
    balancer(context, &mut text);
    pool(context, &mut text);
    bodies(context, &mut text);
    workers(context, &mut text);
    text.family(&metric::LOG_DROPPED);
    text.counter_from_zero(&Labels::new(), log::dropped());
    process::write(&mut text);
    with_type(text.finish(), format.content_type())
}

/// What is written while the table is held.
struct Page<'a> {
    context: &'a ServerContext,
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
        let (context, table) = (self.context, self.table);
        let subjects = context.telemetry().series().subjects().iter().enumerate();
        subjects.map(move |(index, subject)| {
            let route = subject
                .class
                .map_or("", |route| &*context.routes()[route].path);
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
        let telemetry = self.context.telemetry();
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

fn balancer(context: &ServerContext, text: &mut Text) {
    let of_route = |index: usize| {
        let route = &context.routes()[index];
        Labels::new()
            .with("http_request_method", route.spec.methods.join(","))
            .with("http_route", &*route.path)
    };
    text.family(&metric::STALLS);
    for stalls in decided::stalls(context) {
        let bounds = DURATION_BOUNDS_NS.map(seconds);
        let labels = of_route(stalls.route);
        text.histogram(&labels, &bounds, &stalls.buckets, stalls.sum_seconds);
    }
    text.family(&metric::MOVES);
    for moves in decided::move_counts(context) {
        let labels = of_route(moves.route);
        let labels = labels.with("from", moves.from.as_str());
        text.counter(&labels.with("to", moves.to.as_str()), moves.count);
    }
}

fn pool(context: &ServerContext, text: &mut Text) {
    let pool = context.pool().gauges();
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

fn bodies(context: &ServerContext, text: &mut Text) {
    let held = context.body_memory().held();
    text.family(&metric::BODIES);
    for (state, bytes) in [("received", held.received), ("parsed", held.parsed)] {
        text.integer(&Labels::new().with("state", state), bytes);
    }
    text.family(&metric::BODIES_LIMIT);
    text.integer(&Labels::new(), held.limit);
}

fn workers(context: &ServerContext, text: &mut Text) {
    let workers = match context.processes() {
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
