//! The endpoint of a plain `fn`. The event loop takes the request through the stages up
//! to its complete body. Where the handler runs is the lane's: on a thread of the pool,
//! which parses what is large and serialises the response; or on the event loop, for
//! `lane = inline` and where the balancer has moved the route.

use std::{future::Future, pin::Pin, sync::Arc};

use hybrid_engine::timing::Timing;

use super::{
    Endpoint, RoutedRequest, Serve, admission, placement, pool_lane,
    stages::{self, Prepared},
};
use crate::{
    BoxResponse, Response, ResponseFuture,
    context::{Parts, Running},
    extract::{Arguments, BodyPlan, Describe},
    offload::run_counted,
    problem::Problem,
    respond::IntoResponse,
    spec::Lane,
};

/// Handlers of the same arguments share its code: what is compiled for each of them
/// is the call and no more.
pub(super) struct PlainFn<A: Arguments> {
    pub(super) arguments: A,
    pub(super) plan: Option<BodyPlan>,
    pub(super) handler: Handler<A::Values>,
    /// Parses a large body on the pool for a handler that stays on the event loop:
    /// that of `lane = inline`.
    parse_large: Option<ParseLarge<A>>,
}

type Handler<V> = Box<dyn Fn(V) -> BoxResponse + Send + Sync>;

type ParseLarge<A> = for<'a> fn(
    Arc<PlainFn<A>>,
    Prepared<<A as Arguments>::Held>,
    &'a Parts,
    &'a Running,
) -> Pin<
    Box<dyn Future<Output = Result<<A as Arguments>::Values, Problem>> + Send + 'a>,
>;

/// Called by `#[get]` and its kin for a plain `fn`: the handler runs on a thread
/// of the pool, never on an event loop.
pub fn pool<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    Endpoint::new(Lane::Pool, PlainFn::new(arguments, handler))
}

/// Called by `#[get]` and its kin for a plain `fn` with `lane = auto`: it runs on
/// the pool, and on the event loop while the balancer has it proven short and
/// never blocking.
pub fn auto<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    Endpoint {
        is_auto: true,
        ..pool(arguments, handler)
    }
}

/// Called by `#[get]` and its kin for a plain `fn` with `lane = inline`: the
/// handler runs on the event loop, without a hop.
pub fn inline<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments<Values: Send>,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    let endpoint = PlainFn {
        parse_large: Some(PlainFn::parse_on_pool),
        ..PlainFn::new(arguments, handler)
    };
    Endpoint::new(Lane::Inline, endpoint)
}

impl<A: Arguments> PlainFn<A> {
    pub(super) fn new<F, R>(arguments: A, handler: F) -> Self
    where
        F: Fn(A::Values) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        Self {
            plan: stages::body_plan(&arguments),
            arguments,
            handler: Box::new(move |values| Box::new(handler(values).into_response())),
            parse_large: None,
        }
    }
}

impl<A: Arguments> Serve for PlainFn<A> {
    fn describe(&self, to: &mut Describe) {
        self.arguments.describe(to);
    }

    fn serve(self: Arc<Self>, call: RoutedRequest) -> ResponseFuture {
        let is_immediate = stages::is_immediate::<A>(&call.parts);
        if call.parts.lane == Lane::Inline && is_immediate {
            Box::pin(self.serve_at_once(call.parts))
        } else {
            Box::pin(self.serve_in_stages(call))
        }
    }
}

/// Runs a plain `fn` on its event loop, and measures it.
#[inline]
fn run_inline<R>(parts: &Parts, run: impl FnOnce() -> R) -> (R, Timing) {
    let class = &parts.matched_route().class;
    parts.context.balancer().run_inline(class, run)
}

impl<A: Arguments> PlainFn<A> {
    /// Serves a request that waits for nothing, on the event loop.
    async fn serve_at_once(self: Arc<Self>, mut parts: Parts) -> BoxResponse {
        match stages::read_at_once(&self.arguments, &mut parts) {
            Ok(values) => {
                let deadline = stages::deadline(parts.received, &parts);
                let running = Running::of(&parts, Lane::Inline, deadline);
                let handle = || (self.handler)(values);
                let (response, timing) = run_inline(&parts, || running.enter(handle));
                placement::leave(response, &parts, Some(&timing))
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
        let ticket = pool_lane::ticket_of(&mut parts);
        let prepared = if stages::is_immediate::<A>(&parts) {
            stages::prepare_at_once(&self.arguments, &mut parts).map_err(|refused| *refused)
        } else {
            // Boxed: its state is large, and over when the ticket waits.
            Box::pin(stages::prepare(
                &self.arguments,
                self.plan,
                &mut parts,
                &mut body,
            ))
            .await
        };
        let stays_inline = self.parse_large.is_some();
        if parts.lane == Lane::Inline
            && !stays_inline
            && prepared.as_ref().is_ok_and(Prepared::is_large)
        {
            // Where most requests of the route run on the loop, one with a large
            // body still does not.
            parts.lane = Lane::Pool;
        }
        let parts = Arc::new(parts);
        let answered = match prepared {
            // A bad request never takes a thread: what is small is judged here, what is
            // large is not looked at.
            Ok(prepared) if prepared.is_refused() => {
                Err(prepared.refuse(&self.arguments).into_response())
            }
            Ok(prepared) if parts.lane == Lane::Inline => {
                self.answer_on_loop(&parts, prepared).await
            }
            Ok(prepared) => {
                let plan = self.plan;
                let work = move |_| match prepared.conclude(&self.arguments) {
                    Ok(values) => (self.handler)(values),
                    Err(problem) => stages::into_box(problem),
                };
                pool_lane::answer(&parts, ticket, plan, work).await
            }
            Err(response) => Err(response),
        };
        placement::leave_answered(answered, &parts)
    }

    /// The response of a handler that runs on the event loop and what it took, or what
    /// stands for it.
    async fn answer_on_loop(
        self: Arc<Self>,
        parts: &Parts,
        prepared: Prepared<A::Held>,
    ) -> Result<(BoxResponse, Timing), Response> {
        let deadline = stages::deadline(stages::complete(self.plan, parts), parts);
        let _permit = admission::admit(parts, deadline, None)
            .await
            .map_err(IntoResponse::into_response)?;
        let running = Running::of(parts, Lane::Inline, deadline);
        let values = match self.parse_large {
            Some(parse) if prepared.is_large() => {
                parse(Arc::clone(&self), prepared, parts, &running).await
            }
            _ => prepared.conclude(&self.arguments),
        };
        let values = values.map_err(IntoResponse::into_response)?;
        let handle = || {
            let mut response = (self.handler)(values);
            placement::finish(&mut response, parts);
            response
        };
        Ok(run_inline(parts, || running.enter(handle)))
    }
}

impl<A: Arguments<Values: Send>> PlainFn<A> {
    fn parse_on_pool<'a>(
        self: Arc<Self>,
        prepared: Prepared<A::Held>,
        parts: &'a Parts,
        running: &'a Running,
    ) -> Pin<Box<dyn Future<Output = Result<A::Values, Problem>> + Send + 'a>> {
        // Held until it is parsed, also where the client leaves before.
        let reservation = parts.reservation.clone();
        let conclude = move || {
            let _reservation = reservation;
            prepared.conclude(&self.arguments)
        };
        Box::pin(async move {
            match run_counted(parts.context.pool(), running, conclude).await {
                Ok(values) => values,
                Err(error) => Err(error.problem()),
            }
        })
    }
}
