//! Performance Comparison: the same work, sync and async, run and measured.

use std::{thread, time::Duration};

use hybrid::{Routes, prelude::*, run_on_pool};
use tokio::time::sleep;

use super::{
    cpu_bound::primes_below,
    measure::{saved, seconds, timed, timed_call},
};

pub(crate) fn routes() -> Routes {
    routes![performance_comparison]
}

/// The time of one simulated database call.
const WAIT: Duration = Duration::from_millis(100);

#[model(output)]
struct IoBound {
    sync_would_take: String,
    async_actual: String,
    improvement: String,
}

#[model(output)]
struct CpuBound {
    sync_optimal: String,
    async_overhead: String,
    recommendation: &'static str,
}

#[model(output)]
struct Results {
    io_bound: IoBound,
    cpu_bound: CpuBound,
}

#[model(output)]
struct Comparison {
    framework: &'static str,
    feature: &'static str,
    results: Results,
    conclusion: &'static str,
}

/// Compares sync and async, for waiting and for computing.
#[get("/performance-comparison")]
async fn performance_comparison() -> Result<Json<Comparison>> {
    let results = Results {
        io_bound: io_bound().await?,
        cpu_bound: cpu_bound().await?,
    };
    Ok(Json(Comparison {
        framework: "hybrid",
        feature: "Async/Sync Hybrid",
        results,
        conclusion: "Use the right tool for the right job!",
    }))
}

/// Three waits: one after another on a pool thread, then concurrently on the event loop.
async fn io_bound() -> Result<IoBound> {
    let waits = || (0..3).for_each(|_| thread::sleep(WAIT));
    let ((), sync) = run_on_pool(move || timed_call(waits)).await?;
    let together = async { tokio::join!(sleep(WAIT), sleep(WAIT), sleep(WAIT)) };
    let (_, concurrent) = timed(together).await;
    Ok(IoBound {
        sync_would_take: seconds(sync),
        async_actual: seconds(concurrent),
        improvement: saved(sync, concurrent),
    })
}

/// The same computation, timed twice: on the pool thread, as in a plain handler, and around
/// `run_on_pool`, as in an async handler.
async fn cpu_bound() -> Result<CpuBound> {
    let compute = || timed_call(|| primes_below(100_000).len());
    let (computed, from_async) = timed(run_on_pool(compute)).await;
    let (_, own) = computed?;
    Ok(CpuBound {
        sync_optimal: seconds(own),
        async_overhead: seconds(from_async),
        recommendation: "Use sync for CPU-bound tasks",
    })
}
