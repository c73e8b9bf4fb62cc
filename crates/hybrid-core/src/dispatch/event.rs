//! The event lane: an `async fn`, polled on its connection's own event loop. A
//! large body is parsed on the pool; everything else happens where it arrived.

use std::{future::Future, sync::Arc};

use super::{
    Call, Endpoint, Placement, Serve, Serving,
    current::{Running, entered},
    endpoint::{self, Prepared},
    run,
    within::within,
};
use crate::{
    Response,
    extract::{Arguments, BodyPlan, Describe},
    head::Parts,
    problem::Problem,
    respond::IntoResponse,
    spec::Lane,
    telemetry::clock,
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
        Box::pin(async move {
            let Call { mut parts, body } = call;
            let started = clock::now();
            let answer = self.answer(&mut parts, body).await;
            let mut response = endpoint::finish(answer, &parts);
            let ran = clock::now() - started;
            let placement = Placement {
                lane: Lane::Event,
                queued: Default::default(),
                ran,
            };
            endpoint::place(&mut response, &parts, placement);
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
    async fn answer(self: &Arc<Self>, parts: &mut Parts, body: crate::body::Body) -> Response {
        let prepared = match endpoint::prepare(&self.arguments, self.plan, parts, body).await {
            Ok(prepared) => prepared,
            Err(response) => return response,
        };
        let deadline = endpoint::deadline(parts);
        let running = Running::of(parts, Lane::Event, deadline);
        match self.judge(parts, prepared, &running).await {
            Ok(values) => self.handle(parts, values, running).await,
            Err(problem) => problem.into_response(),
        }
    }

    async fn judge(
        self: &Arc<Self>,
        parts: &Parts,
        prepared: Prepared<A::Held>,
        running: &Running,
    ) -> Result<A::Values, Problem> {
        if !prepared.is_large() || prepared.is_refused() {
            return prepared.conclude(&self.arguments);
        }
        let this = Arc::clone(self);
        let conclude = move || prepared.conclude(&this.arguments);
        let pool = parts.app.pool();
        run::on(pool, running, conclude)
            .await
            .map_err(|error| error.problem())?
    }

    async fn handle(&self, parts: &Parts, values: A::Values, running: Running) -> Response {
        let deadline = running.deadline;
        let _permit = match endpoint::admit(parts, deadline).await {
            Ok(permit) => permit,
            Err(problem) => return problem.into_response(),
        };
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
