//! A job on its way through the pool, as the request that it belongs to: its refusals are
//! counted for the route and become problems. The way itself is the engine's,
//! [`Pool::queue`].

use std::sync::Arc;

use hybrid_engine::{
    catch::{Panicked, catch},
    clock::Instant,
    far_deadlines::FarDeadlines,
    pool::{JobContext, Pool, Queued, RunError, Wait},
    ticket::Ticket,
    timing::Timing,
};

use crate::{
    context::{Running, ServerContext},
    head::Route,
    per_connection::PerConnection,
    problem::Problem,
    spec::OnDisconnect,
};

/// Counts a refusal for lack of room or time among those of its route.
pub(crate) fn count_refusal(error: &RunError, context: &ServerContext, route: &Route) {
    if let Some(why) = error.shed() {
        context.telemetry().shed(&route.class, why);
    }
}

/// The response to a request whose job has no value.
pub(crate) fn problem_of(error: &RunError, what: &str) -> Problem {
    match error {
        RunError::Full => Problem::overloaded("the queue for a thread is full"),
        RunError::TooLong(expected) => {
            Problem::overloaded_for(*expected, "no thread is expected to be free in time")
        }
        RunError::Overload => Problem::overloaded("more requests came than can be answered"),
        RunError::Waited => Problem::overloaded("no thread was free in time"),
        RunError::Deadline => Problem::handler_timeout(),
        RunError::Closed => Problem::shutting_down(),
        RunError::Panicked(Panicked(text)) => {
            Problem::internal(format!("`{what}` panicked: {text}"))
        }
    }
}

/// How long a ticket waits for a thread, and what becomes of it when its client
/// leaves.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) longest: Instant,
    pub(crate) on_disconnect: OnDisconnect,
}

/// Queues a job, whose caller waits within the deadline of what runs and the pool's
/// `queue_wait`.
pub(crate) fn queue<'a, R: Send + 'static>(
    (pool, far_deadlines): (&Pool, Option<&'a FarDeadlines>),
    ticket: Arc<Ticket>,
    running: Running,
    patience: Patience,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<Queued<'a, R>, RunError> {
    let wait = Wait {
        deadline: running.deadline,
        start_by: patience.longest,
        far_deadlines,
        cancels_on_drop: patience.on_disconnect == OnDisconnect::Cancel,
    };
    pool.queue(ticket, OfRequest::new(running), wait, work)
}

/// A job that runs as a request.
struct OfRequest {
    /// There until it runs: what it holds is free when its closure ends.
    running: Option<Running>,
    context: PerConnection<ServerContext>,
    route: usize,
}

impl OfRequest {
    fn new(running: Running) -> Self {
        Self {
            context: running.context.clone(),
            route: running.route,
            running: Some(running),
        }
    }
}

impl JobContext for OfRequest {
    fn class(&self) -> usize {
        self.route
    }

    fn run<R>(&mut self, queue_ns: u64, f: impl FnOnce() -> R) -> (Result<R, Panicked>, Timing) {
        let running = &mut self.running;
        let run = || match running.take() {
            Some(running) => running.enter(f),
            None => f(),
        };
        self.context.routes()[self.route].timed(queue_ns, || catch(run))
    }

    fn unanswered(&self, timing: &Timing) {
        let class = &self.context.routes()[self.route].class;
        self.context.telemetry().ran_unanswered(class, timing);
    }
}
