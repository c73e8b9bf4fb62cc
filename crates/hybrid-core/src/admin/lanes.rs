//! `/lanes`: how the lanes themselves do.

use hybrid_engine::process::WorkerGauge;
use serde::Serialize;

use super::decided::{self, Balancer};
use crate::context::{Processes, ServerContext};

#[derive(Debug, Serialize)]
pub(super) struct Lanes {
    event: Event,
    pool: Pool,
    process: Process,
    balancer: Balancer,
}

#[derive(Debug, Serialize)]
struct Event {
    loops: usize,
    utilisation: Option<f64>,
    stalls: u64,
}

#[derive(Debug, Serialize)]
struct Pool {
    threads: usize,
    long: usize,
    busy: usize,
    blocked: usize,
    idle: usize,
    permits: f64,
    queue_depth: usize,
    orphans: usize,
}

#[derive(Debug, Serialize)]
struct Process {
    workers: Vec<Worker>,
    queue_depth: usize,
    segment_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Worker {
    pid: Option<i32>,
    state: &'static str,
    route: Option<String>,
    restarts: u64,
    rss_bytes: usize,
}

impl Process {
    fn of(context: &ServerContext) -> Self {
        let Processes::InWorkers(workers) = context.processes() else {
            return Self {
                workers: Vec::new(),
                queue_depth: 0,
                segment_bytes: 0,
            };
        };
        let gauges = workers.gauges().into_iter();
        Self {
            workers: gauges.map(Worker::of).collect(),
            queue_depth: workers.queue_depth(),
            segment_bytes: workers.segment_bytes(),
        }
    }
}

impl Worker {
    fn of(gauge: WorkerGauge) -> Self {
        let WorkerGauge {
            pid,
            state,
            class: route,
            restarts,
            rss_bytes,
        } = gauge;
        Self {
            pid,
            state,
            route,
            restarts,
            rss_bytes,
        }
    }
}

pub(super) fn all(context: &ServerContext) -> Lanes {
    let loops = decided::loops(context);
    let pool = context.pool().gauges();
    Lanes {
        event: Event {
            loops: context.loops(),
            utilisation: loops.utilisation,
            stalls: loops.stalls,
        },
        pool: Pool {
            threads: pool.threads,
            long: pool.long,
            busy: pool.busy,
            blocked: pool.blocked,
            idle: pool.idle,
            permits: pool.permits,
            queue_depth: pool.queue_depth,
            orphans: pool.orphans,
        },
        process: Process::of(context),
        balancer: decided::balancer(context),
    }
}
