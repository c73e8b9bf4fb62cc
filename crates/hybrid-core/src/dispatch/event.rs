//! The event lane: an `async fn`, polled on its connection's own event loop. A
//! large body is parsed on the pool; everything else happens where it arrived.

use std::{future::Future, sync::Arc};

use super::{
    Call, Endpoint, Serve, Serving,
    current::{Running, entered},
    endpoint::{self, Stopwatch},
    run,
    within::within,
};
use crate::{
    Response,
    body::Body,
    extract::{Arguments, BodyPlan, Describe},
    head::Parts,
    respond::IntoResponse,
    spec::Lane,
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
        let Call {
            mut parts,
            mut body,
        } = call;
        Box::pin(async move {
            let stopwatch = Stopwatch::start(&parts);
            let mut response = self.answer(&mut parts, &mut body).await;
            endpoint::finish(&mut response, &parts);
            stopwatch.place(Lane::Event, &mut response, &parts);
            response
        })
    }
}

impl<A, F, Fut> Event<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    async fn answer(self: &Arc<Self>, parts: &mut Parts, body: &mut Body) -> Response {
        let prepared = match endpoint::prepare(&self.arguments, self.plan, parts, body).await {
            Ok(prepared) => prepared,
            Err(response) => return response,
        };
        let deadline = endpoint::deadline(self.plan, parts);
        let mut running = Running::of(parts, Lane::Event, deadline);
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
        let values = match values {
            Ok(values) => values,
            Err(problem) => return problem.into_response(),
        };
        match endpoint::admit(parts, deadline, endpoint::longest_wait).await {
            Ok(permit) => running.permit = permit.map(Arc::new),
            Err(problem) => return problem.into_response(),
        }
        if let Some(ticket) = parts.cancel.ticket() {
            // From here on a route that is detached outlives its client.
            ticket.start();
        }
        // The answer is made as the request too: `IntoResponse` may ask for it.
        let answer = async { (self.handler)(values).await.into_response() };
        match within(deadline, entered(running, answer)).await {
            Some(response) => response,
            None => endpoint::timed_out().into_response(),
        }
    }
}
