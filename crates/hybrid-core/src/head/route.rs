//! A route: what a request meets once it is found.

use std::{fmt, sync::Arc, time::Duration};

use hybrid_engine::{Class, timing::Timing};
use tokio::sync::Semaphore;

use crate::{
    spec::{BodyCheck, Lane, OnDisconnect, RouteSpec},
    state::States,
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
    /// What the engine knows of it: where it runs now, and which of its runs are
    /// measured in detail.
    pub(crate) class: Arc<Class>,
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
        self.class.timed(queue_ns, run)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {})", self.spec.methods.join(" "), self.path)
    }
}
