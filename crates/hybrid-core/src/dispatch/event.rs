//! The event lane: an `async fn`, polled on its connection's own event loop. A
//! large body is parsed on the pool; everything else happens where it arrived.

use std::{future::Future, sync::Arc};

use super::{
    Call, Cancel, Endpoint, Serve, Serving,
    current::Running,
    endpoint,
    handler_future::{answering, handling},
    on_pool::{self, Patience},
    run,
    ticket::Ticket,
    within::within,
};
use crate::{
    BoxResponse, Response,
    body::Body,
    extract::{Arguments, BodyPlan, Describe},
    head::Parts,
    respond::IntoResponse,
    spec::Lane,
    telemetry::{clock::Instant, timing::Timing},
};

struct Event<A, F> {
    stages: Arc<Stages<A>>,
    handler: F,
}

/// The way up to the handler, and past the event loop: compiled once for all
/// handlers of the same arguments.
struct Stages<A> {
    arguments: A,
    plan: Option<BodyPlan>,
}

/// Starts a handler, whatever it is.
type Start<V> = Box<dyn FnOnce(V) -> Serving + Send>;

/// Called by `#[get]` and its kin for an `async fn`: the handler runs on the
/// event loop.
pub fn event<A, F, Fut>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    let mut described = Describe::default();
    arguments.describe(&mut described);
    let plan = described.described_body().map(|body| body.plan);
    Endpoint::new(
        Lane::Event,
        Event {
            stages: Arc::new(Stages { arguments, plan }),
            handler,
        },
    )
}

impl<A, F, Fut> Serve for Event<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn describe(&self, to: &mut Describe) {
        self.stages.arguments.describe(to);
    }

    fn serve(self: Arc<Self>, call: Call) -> Serving {
        if call.parts.lane == Lane::Pool {
            let stages = Arc::clone(&self.stages);
            let start = move |values| answering((self.handler)(values));
            Box::pin(stages.serve_on_pool(call, Box::new(start)))
        } else if A::ARE_IMMEDIATE {
            Box::pin(self.serve_at_once(call.parts))
        } else {
            Box::pin(self.serve_in_stages(call))
        }
    }
}

impl<A, F, Fut> Event<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    /// Serves a request of which nothing is waited for, but its turn where the route
    /// has a limit.
    async fn serve_at_once(self: Arc<Self>, mut parts: Parts) -> BoxResponse {
        match endpoint::read_at_once(&self.stages.arguments, &mut parts) {
            Ok(values) => {
                let complete = parts.received;
                let deadline = endpoint::deadline(complete, &parts);
                let mut running = Running::of(&parts, parts.lane, deadline);
                if parts.taken_by().running.is_some() {
                    let admitted = Box::pin(endpoint::admit_running(&parts, &mut running));
                    if let Err(problem) = admitted.await {
                        let response = Box::new(problem.into_response());
                        return endpoint::leave(response, &parts, None);
                    }
                }
                handling((self.handler)(values), &parts, running, complete).await
            }
            Err(response) => endpoint::leave(response, &parts, None),
        }
    }

    /// Serves any other.
    async fn serve_in_stages(self: Arc<Self>, call: Call) -> BoxResponse {
        let Call {
            mut parts,
            mut body,
        } = call;
        match self.stages.read(&mut parts, &mut body).await {
            Ok((values, running, complete)) => {
                handling((self.handler)(values), &parts, running, complete).await
            }
            Err(response) => endpoint::leave(Box::new(response), &parts, None),
        }
    }
}

impl<A: Arguments<Values: Send>> Stages<A> {
    /// What the handler is called with, as what, and when its request was
    /// complete.
    async fn read(
        self: &Arc<Self>,
        parts: &mut Parts,
        body: &mut Body,
    ) -> Result<(A::Values, Running, Instant), Response> {
        let prepared = endpoint::prepare(&self.arguments, self.plan, parts, body).await?;
        let complete = endpoint::complete(self.plan, parts);
        let deadline = endpoint::deadline(complete, parts);
        let mut running = Running::of(parts, parts.lane, deadline);
        let values = if prepared.is_large() && !prepared.is_refused() {
            let this = Arc::clone(self);
            // Held until it is parsed, also where the client leaves before.
            let room = parts.room.clone();
            let conclude = move || {
                let _room = room;
                prepared.conclude(&this.arguments)
            };
            match Box::pin(run::on(parts.app.pool(), &running, conclude)).await {
                Ok(values) => values,
                Err(error) => Err(error.problem()),
            }
        } else {
            prepared.conclude(&self.arguments)
        };
        let values = values.map_err(IntoResponse::into_response)?;
        let admitted = endpoint::admit_running(parts, &mut running).await;
        admitted.map_err(IntoResponse::into_response)?;
        Ok((values, running, complete))
    }

    /// Serves under `mode = sync_only`: a thread of the pool drives the handler to
    /// its end.
    async fn serve_on_pool(self: Arc<Self>, call: Call, start: Start<A::Values>) -> BoxResponse {
        let Call {
            mut parts,
            mut body,
        } = call;
        match self.answer_on_pool(&mut parts, &mut body, start).await {
            Ok((response, timing)) => endpoint::leave(response, &parts, Some(&timing)),
            Err(response) => endpoint::leave(Box::new(response), &parts, None),
        }
    }

    /// The handler's answer and what it took, or what stands for it.
    async fn answer_on_pool(
        self: &Arc<Self>,
        parts: &mut Parts,
        body: &mut Body,
        start: Start<A::Values>,
    ) -> Result<(BoxResponse, Timing), Response> {
        let ticket = Arc::new(Ticket::new(Arc::clone(parts.app.pool().orphans())));
        parts.cancel = Cancel::of(Arc::clone(&ticket));
        let prepared = endpoint::prepare(&self.arguments, self.plan, parts, body).await?;
        if prepared.is_refused() {
            return Err(prepared.refuse(&self.arguments).into_response());
        }
        let deadline = endpoint::deadline(endpoint::complete(self.plan, parts), parts);
        let longest = endpoint::longest_wait(parts);
        let permit = endpoint::admit(parts, deadline, Some(longest)).await;
        let permit = permit.map_err(IntoResponse::into_response)?;
        let running = Running::of(parts, Lane::Pool, deadline);
        let this = Arc::clone(self);
        let room = parts.room.clone();
        let work = move || {
            // The job owns its permit and its room: they are free again when the job ends.
            let _held = (permit, room);
            let values = match prepared.conclude(&this.arguments) {
                Ok(values) => values,
                Err(problem) => return Box::new(problem.into_response()),
            };
            let response = run::block_on(within(deadline, start(values)));
            response.unwrap_or_else(|| Box::new(endpoint::timed_out().into_response()))
        };
        let patience = Patience {
            longest,
            on_disconnect: parts.taken_by().on_disconnect,
        };
        let queued = on_pool::queue(parts.app.for_tickets(), ticket, running, patience, work).await;
        queued.map_err(|refusal| {
            refusal.count(&parts.app, parts.taken_by());
            refusal.problem(parts.taken_by().spec.name).into_response()
        })
    }
}
