//! What a hop costs: the processor time that a request pays, on its loop's side
//! and on the worker's, for running on the pool and not where it is.
//!
//! Measured on the pool as it is, with jobs that do nothing, one after the other,
//! the first time that a route is short enough for it to matter; the median of
//! both sides is taken. Round trips would be easier to measure and mean something
//! else: they hold the time until a thread wakes, which costs nobody a processor.

use std::{
    sync::Arc,
    thread::{self, ThreadId},
    time::Duration,
};

use super::Shared;
use crate::{
    app::Frozen,
    dispatch::{Running, run_as},
    router::Route,
    spec::Lane,
    telemetry::{clock, reading},
};

/// Empty jobs.
const HOPS: usize = 256;

/// Fewer than these, where the pool is busy, are no measurement.
const HOPS_MIN: usize = 16;

/// All of it takes no longer.
const LONGEST: Duration = Duration::from_millis(500);

/// Measures it as a part of that route, and writes it down.
pub(super) fn measure(shared: &Shared, app: &Arc<Frozen>, route: &Arc<Route>) {
    let running = Running {
        app: Arc::clone(app),
        route: Arc::clone(route),
        lane: Lane::Pool,
        deadline: clock::now().checked_add(LONGEST),
        permit: None,
    };
    let hops = app.runtime().block_on(hops(shared, &running));
    let measured = median(hops);
    let hop_ns = measured.unwrap_or(shared.rules.hop_default_ns);
    shared.hop_ns.get_or_init(|| hop_ns);
    tracing::debug!(
        target: "hybrid::balancer",
        hop_ns,
        is_measured = measured.is_some(),
        "what a hop to the pool costs"
    );
}

/// What each hop cost, until there are enough or the pool refuses one.
async fn hops(shared: &Shared, running: &Running) -> Vec<u64> {
    let mut costs = Vec::with_capacity(HOPS);
    let mut last: Option<(ThreadId, u64)> = None;
    for _ in 0..HOPS {
        if shared.is_stopping() {
            break;
        }
        let Some(before) = cpu_ns() else { break };
        let there = run_as(running, || {
            cpu_ns().map(|cpu| (thread::current().id(), cpu))
        });
        let Ok(Some(worker)) = there.await else { break };
        let Some(after) = cpu_ns() else { break };
        // A worker's side is the time between two jobs of the same thread.
        if let Some((thread, cpu)) = last
            && thread == worker.0
        {
            costs.push((after - before) + worker.1.saturating_sub(cpu));
        }
        last = Some(worker);
    }
    costs
}

fn cpu_ns() -> Option<u64> {
    reading::read().map(|reading| reading.cpu_ns)
}

fn median(mut costs: Vec<u64>) -> Option<u64> {
    if costs.len() < HOPS_MIN {
        return None;
    }
    costs.sort_unstable();
    Some(costs[costs.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_hops_are_no_measurement() {
        assert_eq!(median(vec![1; HOPS_MIN - 1]), None);
        let mut costs: Vec<u64> = (0..101).collect();
        costs.push(1_000_000);
        assert_eq!(median(costs), Some(51));
    }
}
