//! What a hop costs: the processor time that a request pays, on its loop's side
//! and on the worker's, for running on the pool and not where it is.
//!
//! Measured on the pool as it is, with jobs that do nothing, the first time that a
//! class is short enough for it to matter; the medians of both sides are added.
//! Round trips would be easier to measure and mean something else: they hold the
//! time until a thread wakes, which costs no processor time. Starting the program
//! with it would load a pool that the program may not need.

use std::{
    collections::HashMap,
    sync::Arc,
    thread::{self, ThreadId},
    time::Duration,
};

use futures_util::future::join_all;

use super::BalancerShared;
use crate::{class::Class, clock, engine::Engine, os::thread_times, pool::JobOptions};

/// Empty jobs, so many at once: as under load, where a hop's price matters and
/// a thread that is awake already takes the next.
const BATCH: usize = 16;
const BATCHES: usize = 32;

/// Fewer than these, where the pool is busy, are no measurement.
const BATCHES_MIN: usize = 4;

/// All of it takes no longer.
const LONGEST: Duration = Duration::from_millis(500);

/// Measures it with jobs of that class, and writes it down.
pub(super) fn measure(shared: &BalancerShared, engine: &Engine, class: &Arc<Class>) {
    let measured = engine.runtime.block_on(hops(shared, engine, class));
    let hop_ns = measured.unwrap_or(shared.rules.hop_default_ns);
    shared.hop_ns.get_or_init(|| hop_ns);
    tracing::debug!(
        target: "hybrid::balancer",
        hop_ns,
        is_measured = measured.is_some(),
        "what a hop to the pool costs"
    );
}

/// What a hop costs, if the pool lets enough of them through.
async fn hops(shared: &BalancerShared, engine: &Engine, class: &Arc<Class>) -> Option<u64> {
    let options = JobOptions {
        deadline: clock::now().checked_add(LONGEST),
        far_deadlines: Some(&engine.far_deadlines),
        ..JobOptions::default()
    };
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        let before = cpu_ns()?;
        let jobs = (0..BATCH).map(|_| {
            let read = || cpu_ns().map(|cpu| (thread::current().id(), cpu));
            engine.pool.run(class, options, read)
        });
        let read = join_all(jobs).await;
        let after = cpu_ns()?;
        let workers: Option<Vec<_>> = read
            .into_iter()
            .map(|job| job.ok().and_then(|(read, _)| read))
            .collect();
        let Some(workers) = workers.filter(|_| !shared.is_stopping()) else {
            break;
        };
        here.push((after - before) / BATCH as u64);
        there.extend(between_jobs(workers));
    }
    if here.len() < BATCHES_MIN {
        return None;
    }
    Some(median(here)? + median(there)?)
}

/// A worker's side of a hop: its processor time between two jobs.
fn between_jobs(readings: Vec<(ThreadId, u64)>) -> Vec<u64> {
    let mut threads: HashMap<ThreadId, Vec<u64>> = HashMap::new();
    for (thread, cpu) in readings {
        threads.entry(thread).or_default().push(cpu);
    }
    let mut between = Vec::new();
    for cpu in threads.values_mut() {
        cpu.sort_unstable();
        between.extend(cpu.windows(2).map(|pair| pair[1] - pair[0]));
    }
    between
}

fn cpu_ns() -> Option<u64> {
    thread_times::read().map(|reading| reading.cpu_ns)
}

fn median(mut costs: Vec<u64>) -> Option<u64> {
    costs.sort_unstable();
    costs.get(costs.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_side_is_what_it_did_between_two_jobs() {
        let me = thread::current().id();
        assert_eq!(between_jobs(vec![(me, 30), (me, 10), (me, 15)]), [5, 15]);
        assert_eq!(between_jobs(vec![(me, 30)]), Vec::<u64>::new());
        assert_eq!(median(vec![3, 1, 1_000]), Some(3));
        assert_eq!(median(Vec::new()), None);
    }
}
