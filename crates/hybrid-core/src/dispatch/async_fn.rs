//! The endpoint of an `async fn`: it is polled on its connection's own event loop. A
//! large body is parsed on the pool; everything else happens where it arrived. Under
//! `mode = sync_only` a thread of the pool drives it to its end.

use std::{future::Future, sync::Arc};

use hybrid_engine::{clock::Instant, deadline::with_deadline};

use super::{
    Endpoint, RoutedRequest, Serve, admission,
    handler_future::{answering, handling},
    placement, pool_lane, stages,
};
use crate::{
    BoxResponse, Response, ResponseFuture,
    body::Body,
    context::{Parts, Running},
    extract::{Arguments, BodyPlan, Describe},
    offload::{block_on, run_counted},
    problem::Problem,
    respond::IntoResponse,
    spec::Lane,
};

struct AsyncFn<A, F> {
    stages: Arc<Stages<A>>,
    handler: F,
}

/// The stages up to the handler: compiled once for all handlers of the same arguments.
struct Stages<A> {
    arguments: A,
    plan: Option<BodyPlan>,
}

/// Starts a handler, whatever it is.
type StartHandler<V> = Box<dyn FnOnce(V) -> ResponseFuture + Send>;

/// Called by `#[get]` and its kin for an `async fn`: the handler runs on the
/// event loop.
pub fn event<A, F, Fut>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    let plan = stages::body_plan(&arguments);
    Endpoint::new(
        Lane::Event,
        AsyncFn {
            stages: Arc::new(Stages { arguments, plan }),
            handler,
        },
    )
}

impl<A, F, Fut> Serve for AsyncFn<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn describe(&self, to: &mut Describe) {
        self.stages.arguments.describe(to);
    }

    fn serve(self: Arc<Self>, call: RoutedRequest) -> ResponseFuture {
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

impl<A, F, Fut> AsyncFn<A, F>
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    /// Serves a request of which nothing is waited for, but its turn where the route
    /// has a limit.
    async fn serve_at_once(self: Arc<Self>, mut parts: Parts) -> BoxResponse {
        match stages::read_at_once(&self.stages.arguments, &mut parts) {
            Ok(values) => {
                let complete = parts.received;
                let deadline = stages::deadline(complete, &parts);
                let mut running = Running::of(&parts, parts.lane, deadline);
                if parts.matched_route().running.is_some() {
                    let admitted = Box::pin(admission::admit_running(&parts, &mut running));
                    if let Err(problem) = admitted.await {
                        let response = Box::new(problem.into_response());
                        return placement::leave(response, &parts, None);
                    }
                }
                handling((self.handler)(values), &parts, running, complete).await
            }
            Err(response) => placement::leave(response, &parts, None),
        }
    }

    /// Serves any other.
    async fn serve_in_stages(self: Arc<Self>, call: RoutedRequest) -> BoxResponse {
        let RoutedRequest {
            mut parts,
            mut body,
        } = call;
        match self.stages.read(&mut parts, &mut body).await {
            Ok((values, running, complete)) => {
                handling((self.handler)(values), &parts, running, complete).await
            }
            Err(response) => placement::leave(Box::new(response), &parts, None),
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
        let prepared = stages::prepare(&self.arguments, self.plan, parts, body).await?;
        let complete = stages::complete(self.plan, parts);
        let deadline = stages::deadline(complete, parts);
        let mut running = Running::of(parts, parts.lane, deadline);
        let values = if prepared.is_large() && !prepared.is_refused() {
            let this = Arc::clone(self);
            // Held until it is parsed, also where the client leaves before.
            let room = parts.reservation.clone();
            let conclude = move || {
                let _room = room;
                prepared.conclude(&this.arguments)
            };
            match Box::pin(run_counted(parts.context.pool(), &running, conclude)).await {
                Ok(values) => values,
                Err(error) => Err(error.problem()),
            }
        } else {
            prepared.conclude(&self.arguments)
        };
        let values = values.map_err(IntoResponse::into_response)?;
        let admitted = admission::admit_running(parts, &mut running).await;
        admitted.map_err(IntoResponse::into_response)?;
        Ok((values, running, complete))
    }

    /// Serves under `mode = sync_only`: a thread of the pool drives the handler to
    /// its end.
    async fn serve_on_pool(
        self: Arc<Self>,
        call: RoutedRequest,
        start: StartHandler<A::Values>,
    ) -> BoxResponse {
        let RoutedRequest {
            mut parts,
            mut body,
        } = call;
        let ticket = pool_lane::ticket_of(&mut parts);
        let prepared = stages::prepare(&self.arguments, self.plan, &mut parts, &mut body).await;
        let parts = Arc::new(parts);
        let answered = match prepared {
            Ok(prepared) if prepared.is_refused() => {
                Err(prepared.refuse(&self.arguments).into_response())
            }
            Ok(prepared) => {
                let plan = self.plan;
                let work = move |deadline| {
                    let values = match prepared.conclude(&self.arguments) {
                        Ok(values) => values,
                        Err(problem) => return stages::into_box(problem),
                    };
                    let response = block_on(with_deadline(deadline, start(values)));
                    response.unwrap_or_else(|| stages::into_box(Problem::handler_timeout()))
                };
                pool_lane::answer(&parts, ticket, plan, work).await
            }
            Err(response) => Err(response),
        };
        placement::leave_answered(answered, &parts)
    }
}
