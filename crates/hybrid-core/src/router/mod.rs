//! From method and path to a route. Frozen at start-up; a look-up takes no lock.
//!
//! Templates are matched on the path as sent, escapes decoded but for `%2F` and
//! `%25`, so that an escaped slash stays inside its segment. The values are
//! decoded once more when they are taken out.

mod mounts;
mod path;
mod table;
mod template;

use std::{fmt, sync::Arc, time::Duration};

use hybrid_engine::Class;
use tokio::sync::Semaphore;

pub(crate) use table::{Entry, Found, Ours, Router, RouterBuilder};
pub(crate) use template::{Template, join};

use crate::{
    dispatch::Serve,
    extract::BodyCheck,
    spec::{Lane, OnDisconnect, RouteSpec},
    state::States,
    telemetry::timing::Timing,
};

/// A route, resolved: what its attribute says, completed by its groups and the
/// configuration.
///
/// Every request reads it and counts who holds it: aligned, so that the count, which
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
    pub(crate) serve: Arc<dyn Serve>,
    pub(crate) states: States,
    pub(crate) timeout: Option<Duration>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) running: Option<Limit>,
    pub(crate) on_disconnect: OnDisconnect,
    /// The layers around it: an index into the application's stacks.
    pub(crate) stack: Option<usize>,
    /// How far its body is checked, where it reads one.
    pub(crate) body_check: Option<BodyCheck>,
}

/// `max_concurrency` of a route: how many run, and how many may wait for it.
pub(crate) struct Limit {
    pub(crate) at_once: usize,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
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

/// What stands at a path.
pub(crate) enum Target {
    Routes(Entry),
    /// Endpoints of our own, or one of them.
    Ours(Ours),
}
