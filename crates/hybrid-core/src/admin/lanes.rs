//! `/lanes`: how the lanes themselves do.

use serde::Serialize;

use super::decided::{self, Balancer};
use crate::app::Frozen;

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
    busy: usize,
    blocked: usize,
    idle: usize,
    permits: f64,
    queue_depth: usize,
    orphans: usize,
}

/// This version has no process lane.
#[derive(Debug, Serialize)]
struct Process {
    workers: [(); 0],
}

pub(super) fn all(app: &Frozen) -> Lanes {
    let loops = decided::loops(app);
    let pool = app.pool().gauges();
    Lanes {
        event: Event {
            loops: app.loops(),
            utilisation: loops.utilisation,
            stalls: loops.stalls,
        },
        pool: Pool {
            threads: pool.threads,
            busy: pool.busy,
            blocked: pool.blocked,
            idle: pool.idle,
            permits: pool.permits,
            queue_depth: pool.queue_depth,
            orphans: pool.orphans,
        },
        process: Process { workers: [] },
        balancer: decided::balancer(app),
    }
}
