//! The wait for a place under a route's `max_concurrency`.

use std::sync::Arc;

use http::StatusCode;
use hybrid_engine::{
    clock::{self, Instant},
    deadline::with_deadline,
    telemetry::Shed,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    context::{Parts, Running},
    head::ConcurrencyLimit,
    problem::Problem,
};

/// When `queue_wait` ends, for a request that begins to wait now.
pub(super) fn longest_wait(parts: &Parts) -> Instant {
    clock::now() + parts.context.settings().queue_wait
}

/// Waits for a place under the route's `max_concurrency`, within `queue_wait`
/// and the deadline. The number that wait is bounded too. `longest` says when `queue_wait`
/// ends, where the queue for a thread goes on with it; else the clock is read, and
/// only where there is something to wait for.
pub(super) async fn admit(
    parts: &Parts,
    deadline: Option<Instant>,
    longest: Option<Instant>,
) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    let Some(limit) = &parts.matched_route().running else {
        return Ok(None);
    };
    if let Ok(permit) = Arc::clone(&limit.permits).try_acquire_owned() {
        return Ok(Some(permit));
    }
    let longest = longest.unwrap_or_else(|| longest_wait(parts));
    // Boxed, as are all states that few requests come to.
    let place = Box::pin(wait_for_place(limit, deadline, longest)).await;
    if matches!(&place, Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE) {
        parts
            .context
            .telemetry()
            .shed(&parts.matched_route().class, Shed::Concurrency);
    }
    place.map(Some)
}

/// As [`admit`], for a handler that is no ticket.
pub(super) async fn admit_running(parts: &Parts, running: &mut Running) -> Result<(), Problem> {
    let permit = admit(parts, running.deadline, None).await?;
    running.permit = permit.map(Arc::new);
    Ok(())
}

async fn wait_for_place(
    limit: &ConcurrencyLimit,
    deadline: Option<Instant>,
    longest: Instant,
) -> Result<OwnedSemaphorePermit, Problem> {
    let busy = || Problem::overloaded("too many requests of this route run already");
    let _waiting = Semaphore::try_acquire(&limit.waiting).map_err(|_| busy())?;
    let until = deadline.map_or(longest, |deadline| deadline.min(longest));
    match with_deadline(Some(until), Arc::clone(&limit.permits).acquire_owned()).await {
        Some(Ok(permit)) => Ok(permit),
        // Closed when the server's time to finish is over.
        Some(Err(_)) => Err(Problem::shutting_down()),
        None if deadline.is_some_and(|deadline| deadline <= longest) => {
            Err(Problem::handler_timeout())
        }
        None => Err(busy()),
    }
}
