//! From method and path to a route. Frozen at start-up; a look-up takes no lock.
//!
//! Templates are matched on the path as sent, escapes decoded but for `%2F` and
//! `%25`, so that an escaped slash stays inside its segment. The values are
//! decoded once more when they are taken out.

mod path;
mod table;
mod template;

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

pub(crate) use table::{Entry, Found, Router, RouterBuilder};
pub(crate) use template::{Template, join};

use crate::{
    app::mount::Mount,
    dispatch::Serve,
    extract::BodyCheck,
    spec::{Lane, OnDisconnect, RouteSpec},
    state::States,
};

/// A route, resolved: what its attribute says, completed by its groups and the
/// configuration.
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    /// The whole template, prefixes included.
    pub(crate) path: String,
    /// The names in the template, in order.
    pub(crate) names: Vec<Box<str>>,
    pub(crate) lane: Lane,
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
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {})", self.spec.methods.join(" "), self.path)
    }
}

/// What stands at a path.
pub(crate) enum Target {
    Routes(Entry),
    Mount(Mount),
}
