//! A handler bound to its arguments and its lane, its types erased.

use std::{fmt, sync::Arc};

use super::on_process::{Work, Worked};
use crate::{
    ResponseFuture,
    body::Body,
    context::Parts,
    extract::Describe,
    problem::{Kind, Problem, TypedError},
    respond::IntoResponse,
    spec::{Lane, RouteSpec},
};

/// A handler as a type: what `#[get]` and its kin implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no route",
    label = "not a handler",
    note = "`routes![]` takes handlers: write `#[get(\"/path\")]`, `#[post(..)]` or another of the route \
            attributes above the function"
)]
pub trait RouteHandler {
    /// What the attribute states.
    const SPEC: RouteSpec;

    /// The handler, bound to its lane.
    fn endpoint() -> Endpoint;
}

/// A handler with its arguments, bound to its lane: what `#[get]` and its kin
/// make, by [`event`](super::event), [`on_pool`](super::on_pool) or
/// [`inline`](super::inline).
pub struct Endpoint {
    pub(crate) serve: Arc<dyn Serve>,
    pub(crate) lane: Lane,
    pub(crate) is_auto: bool,
    pub(crate) kinds: &'static [Kind],
}

/// A request on its way to its endpoint.
pub(crate) struct RoutedRequest {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
}

/// An endpoint, its types erased.
pub(crate) trait Serve: Send + Sync {
    fn describe(&self, to: &mut Describe);
    fn serve(self: Arc<Self>, call: RoutedRequest) -> ResponseFuture;

    /// Answers a call inside a worker process, on this thread. Only process routes
    /// are called there.
    fn work(self: Arc<Self>, work: Work) -> Worked {
        no_work(work)
    }
}

fn no_work(work: Work) -> Worked {
    drop(work);
    let problem = Problem::internal("this route does not run in worker processes");
    Worked {
        response: problem.into_response(),
        timing: None,
        refused: Vec::new(),
    }
}

impl Endpoint {
    pub(super) fn new(lane: Lane, serve: impl Serve + 'static) -> Self {
        Self {
            serve: Arc::new(serve),
            lane,
            is_auto: false,
            kinds: &[],
        }
    }

    /// Declares the typed error that the handler returns: it is described.
    #[must_use]
    pub fn error(mut self, error: TypedError) -> Self {
        self.kinds = error.kinds;
        self
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}
