//! What a handler can ask about itself: its lane, thread, route and deadline.
//! Held in a thread-local that is set while the handler is polled or run.

use std::{
    cell::RefCell,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hybrid_engine::clock::{self, Instant};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    Request,
    context::{Parts, RequestContext, ServerContext},
    head::Route,
    per_connection::PerConnection,
    spec::Lane,
};

thread_local! {
    static CURRENT: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// The request that runs on this thread.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) context: PerConnection<ServerContext>,
    /// The index of its route.
    pub(crate) route: usize,
    pub(crate) lane: Lane,
    pub(crate) deadline: Option<Instant>,
    /// The route's `max_concurrency`, held by what it runs on the pool as well:
    /// a client that leaves frees nothing that still runs.
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Running {
    pub(crate) fn of(parts: &Parts, lane: Lane, deadline: Option<Instant>) -> Self {
        Self {
            context: parts.context.clone(),
            route: parts.matched_route().index,
            lane,
            deadline,
            permit: None,
        }
    }

    /// As what user code runs that is called with a request on its way: a
    /// middleware, a `FromRequest`. `None` where no route takes the request.
    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        RequestContext::of(request)?.running()
    }

    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.context.routes()[self.route]
    }

    /// What runs on this thread, if anything.
    pub(crate) fn here() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs `f` as this request.
    pub(crate) fn enter<R>(self, f: impl FnOnce() -> R) -> R {
        enter(&mut Some(self), f)
    }
}

/// Runs `f` as that request, which is there again afterwards, also after a panic.
pub(crate) fn enter<R>(running: &mut Option<Running>, f: impl FnOnce() -> R) -> R {
    let _swapped = Swapped::new(running);
    f()
}

/// Tells a handler where and as what it runs.
///
/// Outside of a request, in a unit test say, every answer is `None`.
///
/// ```
/// # mod hybrid { pub use hybrid_core::context::current; }
/// assert!(hybrid::current().lane().is_none());
/// ```
#[must_use]
pub fn current() -> Current {
    // A handler that keeps it does not keep the route's permit.
    let running = Running::here().map(|running| Running {
        permit: None,
        ..running
    });
    Current { running }
}

/// Where and as what this code runs; see [`current`].
#[derive(Clone)]
pub struct Current {
    running: Option<Running>,
}

impl Current {
    /// The lane of the handler.
    #[must_use]
    pub fn lane(&self) -> Option<Lane> {
        self.running.as_ref().map(|running| running.lane)
    }

    /// The template of the handler's route, `/users/{id}` say.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.running
            .as_ref()
            .map(|running| running.route().path.as_str())
    }

    /// The handler's name.
    #[must_use]
    pub fn handler(&self) -> Option<&'static str> {
        self.running
            .as_ref()
            .map(|running| running.route().spec.name)
    }

    /// The name of the thread this runs on: `hybrid-loop-0`, `hybrid-pool-3`.
    #[must_use]
    pub fn thread(&self) -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    /// How long the handler has left; zero once its deadline has passed, `None`
    /// where it has none.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let deadline = self.running.as_ref()?.deadline?;
        Some(deadline.saturating_duration_since(clock::now()))
    }

    /// When the handler's time is up.
    #[must_use]
    pub fn deadline(&self) -> Option<std::time::Instant> {
        self.running.as_ref()?.deadline.map(Into::into)
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current")
            .field("lane", &self.lane())
            .field("route", &self.route())
            .field("thread", &self.thread())
            .field("time_left", &self.time_left())
            .finish()
    }
}

/// Puts a value into the thread-local, and back at the end, also on a panic.
struct Swapped<'a> {
    slot: &'a mut Option<Running>,
}

impl<'a> Swapped<'a> {
    fn new(slot: &'a mut Option<Running>) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, slot));
        Self { slot }
    }
}

impl Drop for Swapped<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.slot));
    }
}

pin_project_lite::pin_project! {
    /// A future that is polled as a request.
    pub(crate) struct Entered<F> {
        #[pin]
        future: F,
        running: Option<Running>,
    }
}

/// Polls a future as that request.
pub(crate) fn entered<F: Future>(running: Running, future: F) -> Entered<F> {
    Entered {
        future,
        running: Some(running),
    }
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        enter(this.running, || this.future.poll(cx))
    }
}
