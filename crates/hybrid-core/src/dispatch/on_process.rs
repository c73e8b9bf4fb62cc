//! The process lane: a plain `fn` in a worker process, where a crash, a leak or a
//! runaway loop harms one request and nothing else.
//!
//! The server receives the body and checks what needs no worker. The worker checks all of
//! it again and goes on: guards, values, body, handler, response. Without worker processes
//! (in tests, with `max_processes = 0`) the endpoint is the pool's.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use hybrid_engine::{
    catch::{Panicked, catch},
    clock::{self, Instant},
    deadline::with_deadline,
    process::{CallError, CancelHandle, NotTaken, ProcessCall},
    ticket::Ticket,
    timing::Timing,
};
use tokio::runtime::Handle;

use super::{
    Endpoint, RoutedRequest, Serve, admission, placement,
    plain_fn::PlainFn,
    process_http::{self, BodyState, CallFailure, HttpCaller, HttpResult, REFUSED_MAX},
    stages,
};
use crate::{
    Response, ResponseFuture,
    body::Body,
    context::{Parts, Processes, Running, ServerContext},
    extract::{
        Arguments, Describe,
        receive::{Raw, read_to_end, receive_raw},
    },
    head::Route,
    problem::{Carried, Problem},
    respond::IntoResponse,
    spec::{Lane, OnDisconnect},
    telemetry::count_refused_sources,
};

/// How long a worker has to finish a call whose client left, where `on_disconnect` is
/// `cancel`. A kill costs more than to wait for most handlers that are nearly done.
const LEFT_GRACE: Duration = Duration::from_millis(500);

/// Called by `#[get]` and its kin for a plain `fn` with `lane = process`: the
/// handler runs in a worker process.
pub fn process<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    let here = Arc::new(PlainFn::new(arguments, handler));
    Endpoint::new(Lane::Process, OnProcess { here })
}

/// A request inside a worker process, on its way to its handler.
pub(crate) struct Work {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) deadline: Option<Instant>,
}

/// What came of it.
pub(crate) struct Worked {
    pub(crate) response: Response,
    pub(crate) timing: Option<Timing>,
    /// Where the values stood that were refused, as numbers of sources.
    pub(crate) refused: Vec<u8>,
}

struct OnProcess<A: Arguments> {
    /// The same endpoint in this process.
    here: Arc<PlainFn<A>>,
}

impl<A: Arguments> Serve for OnProcess<A> {
    fn describe(&self, to: &mut Describe) {
        self.here.arguments.describe(to);
    }

    fn serve(self: Arc<Self>, call: RoutedRequest) -> ResponseFuture {
        if call.parts.lane != Lane::Process {
            return Arc::clone(&self.here).serve(call);
        }
        let RoutedRequest { mut parts, body } = call;
        Box::pin(async move {
            let received = self.receive(&mut parts, body).await;
            let parts = Arc::new(parts);
            let answered = match received {
                Ok(body) => self.answer(&parts, body).await,
                Err(response) => Err(response),
            };
            let (mut response, timing) = match answered {
                Ok(answered) => answered,
                Err(mut response) => {
                    placement::finish(&mut response, &parts);
                    (response, None)
                }
            };
            placement::place(&mut response, &parts, timing.as_ref());
            Box::new(response)
        })
    }

    fn work(self: Arc<Self>, work: Work) -> Worked {
        let Work {
            mut parts,
            mut body,
            deadline,
        } = work;
        let (response, timing) = self.run(&mut parts, &mut body, deadline);
        let mut response = catch(|| gathered(response))
            .unwrap_or_else(|panic| panicked(panic, parts.matched_route()));
        let refused = refused_sources(&response);
        placement::finish(&mut response, &parts);
        Worked {
            response,
            timing,
            refused,
        }
    }
}

// === In the server ===

impl<A: Arguments> OnProcess<A> {
    /// The body, and what can be said without a worker: a bad value of the head
    /// where no guard is asked before it.
    async fn receive(&self, parts: &mut Parts, mut body: Body) -> Result<Raw, Response> {
        let (arguments, plan) = (&self.here.arguments, self.here.plan);
        if !A::HAVE_GUARDS && stages::refuses_head(arguments, parts).map_err(|refused| *refused)? {
            let prepared = stages::prepare(arguments, plan, parts, &mut body).await?;
            return Err(prepared.refuse(arguments).into_response());
        }
        let raw = Box::pin(receive_raw(plan, parts, body, A::HAVE_GUARDS)).await;
        raw.map_err(IntoResponse::into_response)
    }

    /// The handler's answer and what it took, or what stands for it.
    async fn answer(
        &self,
        parts: &Arc<Parts>,
        body: Raw,
    ) -> Result<(Response, Option<Timing>), Response> {
        let (body, state) = sent_body(body);
        let complete = stages::complete(self.here.plan, parts);
        let deadline = stages::deadline(complete, parts);
        let wait_until = admission::longest_wait(parts);
        let permit = admission::admit(parts, deadline, Some(wait_until)).await;
        let permit = permit.map_err(IntoResponse::into_response)?;
        let running = Running {
            // Held until the worker has ended its call, or was killed.
            permit: permit.map(Arc::new),
            ..Running::of(parts, Lane::Process, deadline)
        };
        let ticket = Arc::new(Ticket::new(Arc::clone(parts.context.pool().orphans())));
        let cancel = CancelHandle::default();
        let call = ProcessCall {
            class: parts.matched_route().index,
            may_share_answer: parts.context.sends_in_place()
                && parts.matched_route().stack.is_none(),
            cancel: cancel.clone(),
            ticket: Arc::clone(&ticket),
            caller: HttpCaller {
                parts: Arc::clone(parts),
                running,
                body: state,
            },
            deadline,
            wait_until,
            body,
        };
        let mut calling = Calling {
            call: Some(Box::pin(call_worker(call))),
            parts,
            ticket,
            cancel,
            deadline,
        };
        match with_deadline(deadline, &mut calling).await {
            Some(Ok(answered)) => {
                let (telemetry, refused) = (parts.context.telemetry(), &answered.head.refused);
                let (route, method) = (parts.matched_route(), &parts.head.method);
                count_refused_sources(telemetry, route, method, refused.iter().copied());
                let timing = answered.timing;
                Ok((process_http::into_response(answered), timing))
            }
            Some(Err(failure)) => Err(refuse(&parts.context, parts.matched_route(), failure)),
            None => {
                // What is dropped in the middle of a call is killed.
                calling.call = None;
                Err(Problem::handler_timeout().into_response())
            }
        }
    }
}

/// The pieces of a body that are sent to a worker, and what the worker is told of it.
fn sent_body(body: Raw) -> (Vec<Bytes>, BodyState) {
    match body {
        Raw::Nothing => (Vec::new(), BodyState::Complete),
        Raw::Bytes(pieces) => (pieces, BodyState::Complete),
        Raw::TooLarge => (Vec::new(), BodyState::TooLarge),
        Raw::Unread => (Vec::new(), BodyState::Unread),
    }
}

/// Takes a call through a worker process.
async fn call_worker(call: ProcessCall<HttpCaller>) -> HttpResult {
    // Checked before a worker is waited for.
    let head_bytes = process_http::encoded_bytes(&call.caller.parts.head);
    if head_bytes > process_http::HEAD_BYTES_MAX {
        return Err(CallError::HeadTooLong);
    }
    let context = call.caller.parts.context.clone();
    match context.processes() {
        Processes::InWorkers(workers) => workers.call(call).await,
        // The lane of a request is `process` only where there are workers.
        Processes::OnPool | Processes::Here { .. } => Err(CallError::NotTaken(NotTaken::Closed)),
    }
}

fn refuse(context: &ServerContext, route: &Route, failure: CallFailure) -> Response {
    if let Some(why) = process_http::shed_of(&failure) {
        context.telemetry().shed(&route.class, why);
    }
    process_http::problem_of(failure, route.spec.name).into_response()
}

type CallFuture = Pin<Box<dyn Future<Output = HttpResult> + Send>>;

/// A call in progress. Dropped, which is what a client that leaves comes to, it
/// goes on by itself as the route's `on_disconnect` says.
struct Calling<'a> {
    call: Option<CallFuture>,
    parts: &'a Arc<Parts>,
    ticket: Arc<Ticket>,
    cancel: CancelHandle,
    deadline: Option<Instant>,
}

impl Future for Calling<'_> {
    type Output = HttpResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<HttpResult> {
        let Some(call) = &mut self.call else {
            return Poll::Pending;
        };
        let polled = call.as_mut().poll(cx);
        if polled.is_ready() {
            self.call = None;
        }
        polled
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        if !self.ticket.has_started() {
            return;
        }
        let until = match self.parts.matched_route().on_disconnect {
            OnDisconnect::Detach => self.deadline,
            OnDisconnect::Cancel => {
                self.cancel.cancel();
                let grace = clock::now() + LEFT_GRACE;
                Some(self.deadline.map_or(grace, |deadline| deadline.min(grace)))
            }
        };
        let parts = Arc::clone(self.parts);
        let unheard = async move {
            if let Some(Ok(answered)) = with_deadline(until, call).await
                && let Some(timing) = &answered.timing
            {
                parts
                    .context
                    .telemetry()
                    .ran_unanswered(&parts.matched_route().class, timing);
            }
            Box::new(StatusCode::NO_CONTENT.into_response())
        };
        ServerContext::detach(&self.parts.context, Box::pin(unheard), None);
    }
}

// === In a worker ===

impl<A: Arguments> OnProcess<A> {
    fn run(
        &self,
        parts: &mut Parts,
        body: &mut Body,
        deadline: Option<Instant>,
    ) -> (Response, Option<Timing>) {
        let (arguments, plan) = (&self.here.arguments, self.here.plan);
        let prepare = stages::prepare(arguments, plan, parts, body);
        let prepared = match catch(|| Handle::current().block_on(prepare).map_err(Box::new)) {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(response)) => return (*response, None),
            Err(panic) => return (panicked(panic, parts.matched_route()), None),
        };
        if prepared.is_refused() {
            return (prepared.refuse(arguments).into_response(), None);
        }
        let running = Running::of(parts, Lane::Process, deadline);
        let handle = || match prepared.conclude(arguments) {
            Ok(values) => *(self.here.handler)(values),
            Err(problem) => problem.into_response(),
        };
        let route = Arc::clone(parts.matched_route());
        let (ran, timing) = route.timed(0, || catch(|| running.enter(handle)));
        let is_late = || deadline.is_some_and(|deadline| clock::now() >= deadline);
        let response = match ran {
            Ok(response) => response,
            // Unwound by `block_on`, or for another reason: the deadline has passed.
            Err(_) if is_late() => Problem::handler_timeout().into_response(),
            Err(panic) => panicked(panic, &route),
        };
        (response, Some(timing))
    }
}

fn panicked(Panicked(text): Panicked, route: &Route) -> Response {
    let name = route.spec.name;
    Problem::internal(format!("`{name}` panicked: {text}")).into_response()
}

/// An answer whose body is there, whole: one that is streamed is read to its end.
fn gathered(response: Response) -> Response {
    let (head, body) = response.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => Ok(bytes),
        Err(stream) => Handle::current().block_on(read_to_end(stream, usize::MAX)),
    };
    match bytes {
        Ok(bytes) => Response::from_parts(head, bytes.into()),
        Err(problem) => {
            let text = format!("the body of an answer broke off: {problem}");
            Problem::internal(text).into_response()
        }
    }
}

/// Where the values stood that an answer refuses, as numbers of sources.
fn refused_sources(response: &Response) -> Vec<u8> {
    let carried = response.extensions().get::<Carried>();
    let violations = carried.map_or(&[][..], |carried| carried.0.violations());
    let sources = violations
        .iter()
        .map(|violation| violation.location.source as u8);
    sources.take(REFUSED_MAX).collect()
}
