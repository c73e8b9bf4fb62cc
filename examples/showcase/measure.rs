//! The measurements in the responses: how long something took, and where it ran.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use hybrid::{Lane, current};

/// A running stopwatch.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the ban is the framework's, which has a clock of its own"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Awaits a future and returns how long it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let watch = Stopwatch::start();
    let made = work.await;
    (made, watch.elapsed())
}

/// Calls a function and returns how long it took.
pub(crate) fn timed_call<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let watch = Stopwatch::start();
    let made = work();
    (made, watch.elapsed())
}

/// The place where the handler runs, in words.
pub(crate) fn execution() -> &'static str {
    match current().lane() {
        Some(Lane::Pool) => "thread_pool",
        Some(Lane::Process) => "worker_process",
        Some(_) => "event_loop",
        None => "outside of a request",
    }
}

/// Whether several things that took `each` ran at the same time, given that all of them took
/// `total`.
pub(crate) fn concurrency(each: &[Duration], total: Duration) -> &'static str {
    let concurrent = each.len() > 1 && total < each.iter().sum();
    if concurrent {
        "concurrent"
    } else {
        "sequential"
    }
}

/// A duration in the format of the responses: `0.200s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.3}s", duration.as_secs_f64())
}

/// How much shorter `after` is than `before`: `55.5%`.
pub(crate) fn saved(before: Duration, after: Duration) -> String {
    let (before, after) = (before.as_secs_f64(), after.as_secs_f64());
    format!("{:.1}%", (before - after) / before * 100.0)
}
