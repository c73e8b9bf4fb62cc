//! A route: what a request meets once it is found.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::EffectiveLane;
use crate::{
    spec::{BodyCheck, Lane, OnDisconnect, RouteSpec},
    state::States,
    telemetry::{
        sampling::Sampling,
        timing::{Stopwatch, Timing},
    },
};

/// A route, resolved: what its attribute says, completed by its groups and the
/// configuration.
///
/// Every request reads it and moves its reference count: aligned, so that the count, which
/// all event loops write, is on no line of memory that they read.
#[repr(align(128))]
pub(crate) struct Route {
    /// Its place among the application's routes.
    pub(crate) index: usize,
    pub(crate) spec: RouteSpec,
    /// The whole template, prefixes included.
    pub(crate) path: String,
    /// The names in the template, in order.
    pub(crate) names: Vec<Box<str>>,
    /// The lane that its endpoint is made for.
    pub(crate) lane: Lane,
    /// Where it runs now: read by every request, written by the balancer.
    pub(crate) effective_lane: EffectiveLane,
    /// The balancer may run it inline: `lane = auto`.
    pub(crate) is_auto: bool,
    /// Which of its runs are measured in detail.
    pub(crate) sampling: Sampling,
    pub(crate) states: States,
    pub(crate) timeout: Option<Duration>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) running: Option<ConcurrencyLimit>,
    pub(crate) on_disconnect: OnDisconnect,
    /// The layers around it: an index into the application's stacks.
    pub(crate) stack: Option<usize>,
    /// How far its body is checked, where it reads one.
    pub(crate) body_check: Option<BodyCheck>,
}

/// `max_concurrency` of a route: how many run, and how many may wait for it.
pub(crate) struct ConcurrencyLimit {
    pub(crate) at_once: usize,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
}

impl ConcurrencyLimit {
    pub(crate) fn new(running: usize, waiting: usize) -> Self {
        Self {
            at_once: running,
            permits: Arc::new(Semaphore::new(running.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: Arc::new(Semaphore::new(waiting)),
        }
    }
}

impl Route {
    /// Runs its handler on this thread, after that long in a queue, and measures
    /// it.
    pub(crate) fn timed<R>(&self, queue_ns: u64, run: impl FnOnce() -> R) -> (R, Timing) {
        let stopwatch = Stopwatch::start(self.sampling.is_due());
        let value = run();
        let timing = stopwatch.stop(queue_ns);
        self.sampling.note(timing.wall_ns);
        (value, timing)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {})", self.spec.methods.join(" "), self.path)
    }
}
