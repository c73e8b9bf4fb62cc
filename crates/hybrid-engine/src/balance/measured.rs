//! What the balancer reads of what was measured.

use std::fmt::Write as _;

use super::{
    log::Log,
    snapshot::{ClassSnapshot, Sums},
};
use crate::{
    class::Class,
    clock::Instant,
    engine::Engine,
    lane::Lane,
    telemetry::{LaneTotals, Shed, Table, Totals},
};

/// The classes of an application, as measured by now. What only the balancer
/// knows, stalls and violations, is left out.
pub(super) fn classes(engine: &Engine) -> Vec<ClassSnapshot> {
    let classes = engine.classes.iter();
    engine
        .telemetry
        .with_table(|table| classes.map(|class| snapshot(class, table)).collect())
}

fn snapshot(class: &Class, table: &Table) -> ClassSnapshot {
    let totals = table.class(class.id);
    let lanes = own_lanes(class, totals);
    let mut sums = Sums::default();
    for lane in &lanes {
        sums.runs += lane.runs;
        sums.wall_ns = sums.wall_ns.wrapping_add(lane.wall_ns_sum);
        sums.samples += lane.samples;
        sums.blocked_samples += lane.blocked_samples;
        sums.cpu_ns = sums.cpu_ns.wrapping_add(lane.cpu_ns_sum);
        sums.blocked_ns = sums.blocked_ns.wrapping_add(lane.blocked_ns_sum);
        sums.delay_ns = sums.delay_ns.wrapping_add(lane.delay_ns_sum);
    }
    // Of several lanes the one that looks worse.
    let cpu = |q| {
        lanes
            .iter()
            .filter_map(|lane| lane.recent.cpu.quantile(q))
            .max()
    };
    let pool = &totals.lane(Lane::Pool).recent;
    let (on_cpu, blocked) = (pool.cpu.quantile(0.5), pool.blocked.quantile(0.5));
    ClassSnapshot {
        endpoint: class.lane,
        is_auto: class.is_auto,
        lane_written: class.lane_written,
        sums,
        cpu_p95_ns: cpu(0.95),
        cpu_p99_ns: cpu(0.99),
        service_p50_ns: on_cpu.map(|on_cpu| on_cpu + blocked.unwrap_or_default()),
        violation: None,
        stalls: 0,
        stall_worst_ns: 0,
    }
}

/// The lanes that the handler itself runs in: what an `async fn` has run on the
/// pool is counted there, and is a part of it.
fn own_lanes<'t>(class: &Class, totals: &'t Totals) -> [&'t LaneTotals; 2] {
    let own = match class.lane {
        // Under `sync_only` threads of the pool drive it.
        Lane::Event if class.effective_lane.get() == Lane::Pool => [Lane::Event, Lane::Pool],
        Lane::Event | Lane::Quarantine => [Lane::Event, Lane::Quarantine],
        Lane::Pool | Lane::Inline => [Lane::Pool, Lane::Inline],
        // On the pool where no worker processes are wanted.
        Lane::Process => [Lane::Process, Lane::Pool],
    };
    own.map(|lane| totals.lane(lane))
}

/// What was refused, as far as the log has said it.
pub(super) struct Sheds {
    said: Vec<[u64; Shed::ALL.len()]>,
}

impl Sheds {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            said: vec![[0; Shed::ALL.len()]; classes],
        }
    }

    /// Says what was refused since it was said last.
    pub(super) fn say(&mut self, engine: &Engine, log: &mut Log, now: Instant) {
        let telemetry = &engine.telemetry;
        for (class, said) in self.said.iter_mut().enumerate() {
            let series = telemetry.series().whole(class).index();
            let counts = Shed::ALL.map(|why| telemetry.shed_count(series, why));
            if counts != *said && log.sheds(class, now, || news(said, &counts)) {
                *said = counts;
            }
        }
    }
}

/// `12 queue_full, 3 queue_wait`.
fn news(said: &[u64], counts: &[u64]) -> String {
    let mut text = String::new();
    for (why, (said, count)) in Shed::ALL.iter().zip(said.iter().zip(counts)) {
        let new = count.saturating_sub(*said);
        if new > 0 {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a string never fails.
            let _ = write!(text, "{comma}{new} {}", why.as_str());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn refusals_are_said_once_each() {
        let text = super::news(&[1, 0, 5, 0, 0, 0], &[13, 0, 8, 0, 0, 0]);
        assert_eq!(text, "12 queue_full, 3 queue_wait");
    }
}
