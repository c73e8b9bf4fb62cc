//! The pool lane, for handlers of either colour: the rest of a request becomes a job,
//! whose response comes back to the event loop. See [`ticket`](super::ticket) for
//! which side owns what when.

use std::sync::Arc;

use hybrid_engine::{
    clock::Instant,
    ticket::{Cancel, Ticket},
    timing::Timing,
};

use super::{admission, placement, stages};
use crate::{
    BoxResponse, Response,
    context::{Parts, Running},
    extract::BodyPlan,
    offload::{Patience, count_refusal, problem_of, queue},
    respond::IntoResponse,
};

/// The ticket of a request whose handler runs on the pool: its `Cancel` is that of the
/// ticket.
pub(super) fn ticket_of(parts: &mut Parts) -> Arc<Ticket> {
    let ticket = Arc::new(Ticket::new(Arc::clone(parts.context.pool().orphans())));
    parts.cancel = Cancel::of(Arc::clone(&ticket));
    ticket
}

/// The response of what runs on the pool and what it took, or what stands for it. The
/// work is told the deadline.
pub(super) async fn answer(
    parts: &Arc<Parts>,
    ticket: Arc<Ticket>,
    plan: Option<BodyPlan>,
    work: impl FnOnce(Option<Instant>) -> BoxResponse + Send + 'static,
) -> Result<(BoxResponse, Timing), Response> {
    let deadline = stages::deadline(stages::complete(plan, parts), parts);
    let longest = admission::longest_wait(parts);
    let permit = admission::admit(parts, deadline, Some(longest)).await;
    let permit = permit.map_err(IntoResponse::into_response)?;
    let running = Running::of(parts, parts.lane, deadline);
    let job = {
        let parts = Arc::clone(parts);
        move || {
            // The job owns its permit: it is free again when the job ends.
            let _permit = permit;
            let mut response = work(deadline);
            placement::finish(&mut response, &parts);
            response
        }
    };
    let patience = Patience {
        longest,
        on_disconnect: parts.matched_route().on_disconnect,
    };
    let done = match queue(parts.context.for_tickets(), ticket, running, patience, job) {
        Ok(mut queued) => queued.done().await,
        Err(refused) => Err(refused),
    };
    done.map_err(|error| {
        let route = parts.matched_route();
        count_refusal(&error, &parts.context, route);
        problem_of(&error, route.spec.name).into_response()
    })
}
