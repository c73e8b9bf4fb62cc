//! The inline lane: a plain `fn` that its author has put on the event loop. For
//! handlers of a few microseconds that never block.

use std::sync::Arc;

use super::{Call, Endpoint, Serve, Serving, current::Running, endpoint, run};
use crate::{
    Response,
    body::Body,
    extract::{Arguments, BodyPlan, Describe},
    head::Parts,
    respond::IntoResponse,
    spec::Lane,
    telemetry::timing::Timing,
};

struct Inline<A, F> {
    arguments: A,
    plan: Option<BodyPlan>,
    handler: F,
}

/// Called by `#[get]` and its kin for a plain `fn` with `lane = inline`: the
/// handler runs on the event loop, without a hop.
pub fn inline<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    let mut described = Describe::default();
    arguments.describe(&mut described);
    let plan = described.described_body().map(|body| body.plan);
    Endpoint::new(
        Lane::Inline,
        Inline {
            arguments,
            plan,
            handler,
        },
    )
}

impl<A, F, R> Serve for Inline<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
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
            match self.answer(&mut parts, &mut body).await {
                Ok((response, timing)) => {
                    endpoint::leave(Box::new(response), &parts, Some(&timing))
                }
                Err(response) => endpoint::leave(Box::new(response), &parts, None),
            }
        })
    }
}

impl<A, F, R> Inline<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    /// The handler's answer and what it took, or what stands for it.
    async fn answer(
        self: &Arc<Self>,
        parts: &mut Parts,
        body: &mut Body,
    ) -> Result<(Response, Timing), Response> {
        let prepared = endpoint::prepare(&self.arguments, self.plan, parts, body).await?;
        let deadline = endpoint::deadline(endpoint::complete(self.plan, parts), parts);
        let running = Running::of(parts, parts.lane, deadline);
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
        let permit = endpoint::admit(parts, deadline, None).await;
        let permit = permit.map_err(IntoResponse::into_response)?;
        if parts.lane == Lane::Pool {
            let this = Arc::clone(self);
            let work = move || {
                let _permit = permit;
                (this.handler)(values).into_response()
            };
            let ran = Box::pin(run::timed_on(parts.app.pool(), &running, work)).await;
            return ran.map_err(|error| error.problem().into_response());
        }
        let run = || running.enter(|| (self.handler)(values).into_response());
        Ok(parts.taken_by().timed(0, run))
    }
}
