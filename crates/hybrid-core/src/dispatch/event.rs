//! The event lane: an `async fn`, polled on its connection's own event loop. A
//! large body is parsed on the pool; everything else happens where it arrived.

use std::{future::Future, sync::Arc};

use super::{
    Call, Cancel, Endpoint, Serve, Serving,
    current::Running,
    endpoint,
    handling::handling,
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
    arguments: A,
    plan: Option<BodyPlan>,
    handler: F,
}

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
            arguments,
            plan,
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
        self.arguments.describe(to);
    }

    fn serve(self: Arc<Self>, call: Call) -> Serving {
        if call.parts.lane == Lane::Pool {
            Box::pin(self.serve_on_pool(call))
        } else if endpoint::is_immediate::<A>(self.plan, &call.parts) {
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
    /// Serves a request that waits for nothing before its handler.
    async fn serve_at_once(self: Arc<Self>, mut parts: Parts) -> BoxResponse {
        match endpoint::read_at_once(&self.arguments, &mut parts) {
            Ok(values) => {
                let complete = parts.received;
                let deadline = endpoint::deadline(complete, &parts);
                let running = Running::of(&parts, parts.lane, deadline);
                handling((self.handler)(values), &parts, running, complete).await
            }
            Err(response) => endpoint::leave(Box::new(response), &parts, None),
        }
    }

    /// Serves any other.
    async fn serve_in_stages(self: Arc<Self>, call: Call) -> BoxResponse {
        let Call {
            mut parts,
            mut body,
        } = call;
        match self.read_in_stages(&mut parts, &mut body).await {
            Ok((values, running, complete)) => {
                handling((self.handler)(values), &parts, running, complete).await
            }
            Err(response) => endpoint::leave(Box::new(response), &parts, None),
        }
    }

    /// What the handler is called with, as what, and when its request was
    /// complete.
    async fn read_in_stages(
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
            let conclude = move || prepared.conclude(&this.arguments);
            match Box::pin(run::on(parts.app.pool(), &running, conclude)).await {
                Ok(values) => values,
                Err(error) => Err(error.problem()),
            }
        } else {
            prepared.conclude(&self.arguments)
        };
        let values = values.map_err(IntoResponse::into_response)?;
        let permit = endpoint::admit(parts, deadline, endpoint::longest_wait).await;
        running.permit = permit.map_err(IntoResponse::into_response)?.map(Arc::new);
        Ok((values, running, complete))
    }

    /// Serves under `mode = sync_only`: a thread of the pool drives the handler to
    /// its end.
    async fn serve_on_pool(self: Arc<Self>, call: Call) -> BoxResponse {
        let Call {
            mut parts,
            mut body,
        } = call;
        match self.answer_on_pool(&mut parts, &mut body).await {
            Ok((response, timing)) => endpoint::leave(response, &parts, Some(&timing)),
            Err(response) => endpoint::leave(Box::new(response), &parts, None),
        }
    }

    /// The handler's answer and what it took, or what stands for it.
    async fn answer_on_pool(
        self: &Arc<Self>,
        parts: &mut Parts,
        body: &mut Body,
    ) -> Result<(BoxResponse, Timing), Response> {
        let ticket = Arc::new(Ticket::new(Arc::clone(parts.app.pool().orphans())));
        parts.cancel = Cancel::of(Arc::clone(&ticket));
        let prepared = endpoint::prepare(&self.arguments, self.plan, parts, body).await?;
        if prepared.is_refused() {
            return Err(prepared.refuse(&self.arguments).into_response());
        }
        let deadline = endpoint::deadline(endpoint::complete(self.plan, parts), parts);
        let longest = endpoint::longest_wait(parts);
        let permit = endpoint::admit(parts, deadline, |_| longest).await;
        let permit = permit.map_err(IntoResponse::into_response)?;
        let running = Running::of(parts, Lane::Pool, deadline);
        let this = Arc::clone(self);
        let work = move || {
            // The job owns its permit: it is free again when the job ends.
            let _permit = permit;
            let values = match prepared.conclude(&this.arguments) {
                Ok(values) => values,
                Err(problem) => return Box::new(problem.into_response()),
            };
            let handler = async { (this.handler)(values).await.into_response() };
            let response = run::block_on(within(deadline, handler));
            Box::new(response.unwrap_or_else(|| endpoint::timed_out().into_response()))
        };
        let patience = Patience {
            longest,
            on_disconnect: parts.route.on_disconnect,
        };
        let queued = on_pool::queue(parts.app.for_tickets(), ticket, running, patience, work).await;
        queued.map_err(|refusal| {
            refusal.count(&parts.app, &parts.route);
            refusal.problem(parts.route.spec.name).into_response()
        })
    }
}
