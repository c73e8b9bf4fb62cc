//! The pool lane: a plain `fn`. The loop takes the request up to its complete
//! body, makes a ticket and waits; a pool thread parses what is large, runs the
//! handler and serialises the answer. See [`ticket`](super::ticket) for who owns
//! what when.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Call, Cancel, Endpoint, Serve, Serving,
    alarms::Alarms,
    catch::{Panicked, catch, drop_safely},
    current::Running,
    endpoint::{self, Prepared},
    pool::{Job, Pool, Refused, Turn},
    ticket::{LetGo, Ticket},
    within::within_far,
};
use crate::{
    BoxResponse, Response,
    app::Frozen,
    balance,
    extract::{Arguments, BodyPlan, Describe},
    head::Parts,
    problem::Problem,
    respond::IntoResponse,
    router::Route,
    spec::{Lane, OnDisconnect},
    telemetry::{
        Shed,
        clock::{self, Instant},
        timing::{Timing, nanoseconds},
    },
};

/// Handlers of the same arguments share its code: what is compiled for each of them
/// is the call and no more.
pub(super) struct OnPool<A: Arguments> {
    pub(super) arguments: A,
    pub(super) plan: Option<BodyPlan>,
    pub(super) handler: Handler<A::Values>,
}

type Handler<V> = Box<dyn Fn(V) -> BoxResponse + Send + Sync>;

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

/// Called by `#[get]` and its kin for a plain `fn`: the handler runs on a thread
/// of the pool, never on an event loop.
pub fn pool<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    Endpoint::new(Lane::Pool, OnPool::new(arguments, handler))
}

impl<A: Arguments> OnPool<A> {
    pub(super) fn new<F, R>(arguments: A, handler: F) -> Self
    where
        F: Fn(A::Values) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        let mut described = Describe::default();
        arguments.describe(&mut described);
        let plan = described.described_body().map(|body| body.plan);
        Self {
            arguments,
            plan,
            handler: Box::new(move |values| Box::new(handler(values).into_response())),
        }
    }
}

impl<A: Arguments> Serve for OnPool<A> {
    fn describe(&self, to: &mut Describe) {
        self.arguments.describe(to);
    }

    fn serve(self: Arc<Self>, call: Call) -> Serving {
        let is_immediate = endpoint::is_immediate::<A>(&call.parts);
        if call.parts.lane == Lane::Inline && is_immediate {
            Box::pin(self.serve_on_loop(call.parts))
        } else {
            Box::pin(self.serve_in_stages(call))
        }
    }
}

impl<A: Arguments> OnPool<A> {
    /// Serves where the balancer has put the route, on the event loop, a request
    /// that waits for nothing.
    async fn serve_on_loop(self: Arc<Self>, mut parts: Parts) -> BoxResponse {
        match endpoint::read_at_once(&self.arguments, &mut parts) {
            Ok(values) => {
                let deadline = endpoint::deadline(parts.received, &parts);
                let running = Running::of(&parts, Lane::Inline, deadline);
                let handle = || (self.handler)(values);
                let (response, timing) = balance::run_inline(&parts, || running.enter(handle));
                endpoint::leave(response, &parts, Some(&timing))
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
        let ticket = Arc::new(Ticket::new(Arc::clone(parts.app.pool().orphans())));
        parts.cancel = Cancel::of(Arc::clone(&ticket));
        let prepared = if endpoint::is_immediate::<A>(&parts) {
            endpoint::prepare_at_once(&self.arguments, &mut parts).map_err(|refused| *refused)
        } else {
            // Boxed: its state is large, and over when the ticket waits.
            Box::pin(endpoint::prepare(
                &self.arguments,
                self.plan,
                &mut parts,
                &mut body,
            ))
            .await
        };
        if parts.lane == Lane::Inline && prepared.as_ref().is_ok_and(Prepared::is_large) {
            // Where most requests of the route run on the loop, one with a large
            // body still does not.
            parts.lane = Lane::Pool;
        }
        let parts = Arc::new(parts);
        let answered = match prepared {
            Ok(prepared) => self.answer(&parts, ticket, prepared).await,
            Err(response) => Err(response),
        };
        let (mut response, timing) = match answered {
            Ok((response, timing)) => (response, Some(timing)),
            Err(mut response) => {
                endpoint::finish(&mut response, &parts);
                (Box::new(response), None)
            }
        };
        endpoint::place(&mut response, &parts, timing.as_ref());
        response
    }

    /// The handler's answer and what it took, or what stands for it.
    async fn answer(
        self: Arc<Self>,
        parts: &Arc<Parts>,
        ticket: Arc<Ticket>,
        prepared: Prepared<A::Held>,
    ) -> Result<(BoxResponse, Timing), Response> {
        if prepared.is_refused() {
            // A bad request never takes a thread: what is small is judged here,
            // what is large is not looked at.
            return Err(prepared.refuse(&self.arguments).into_response());
        }
        let deadline = endpoint::deadline(endpoint::complete(self.plan, parts), parts);
        let longest = endpoint::longest_wait(parts);
        let permit = endpoint::admit(parts, deadline, Some(longest)).await;
        let permit = permit.map_err(IntoResponse::into_response)?;
        let running = Running::of(parts, parts.lane, deadline);
        let work = {
            let parts = Arc::clone(parts);
            move || {
                // The job owns its permit: it is free again when the job ends.
                let _permit = permit;
                let mut response = match prepared.conclude(&self.arguments) {
                    Ok(values) => (self.handler)(values),
                    Err(problem) => Box::new(problem.into_response()),
                };
                endpoint::finish(&mut response, &parts);
                response
            }
        };
        if parts.lane == Lane::Inline {
            return Ok(balance::run_inline(parts, || running.enter(work)));
        }
        let patience = Patience {
            longest,
            on_disconnect: parts.taken_by().on_disconnect,
        };
        let queued = queue(parts.app.for_tickets(), ticket, running, patience, work).await;
        queued.map_err(|refusal| {
            refusal.count(&parts.app, parts.taken_by());
            refusal.problem(parts.taken_by().spec.name).into_response()
        })
    }
}

/// What came back from the pool, and what it took.
pub(super) type Done<R> = (R, Timing);

/// Why a ticket brought no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The queue is full.
    Full,
    /// It was expected to wait for that long, which is longer than it may.
    TooLong(Duration),
    /// It was the oldest in an overloaded queue.
    Overload,
    /// The pool is closed.
    Closed,
    /// It waited for `queue_wait` and never ran.
    Waited,
    /// Its deadline passed, in the queue or while it ran.
    Deadline,
    /// It panicked.
    Panicked(Panicked),
}

impl Refusal {
    /// Counts it among what that route was refused, where it was for lack of room
    /// or time.
    pub(super) fn count(&self, app: &Frozen, route: &Route) {
        let why = match self {
            Self::Full => Shed::QueueFull,
            Self::TooLong(_) => Shed::ExpectedWait,
            Self::Overload => Shed::Overload,
            Self::Waited => Shed::Waited,
            Self::Closed => Shed::Closed,
            Self::Deadline | Self::Panicked(_) => return,
        };
        app.telemetry().shed(&route.class, why);
    }

    pub(super) fn problem(&self, what: &str) -> Problem {
        match self {
            Self::Full => Problem::overloaded("the queue for a thread is full"),
            Self::TooLong(expected) => {
                Problem::overloaded_for(*expected, "no thread is expected to be free in time")
            }
            Self::Overload => Problem::overloaded("more requests came than can be answered"),
            Self::Waited => Problem::overloaded("no thread was free in time"),
            Self::Deadline => endpoint::timed_out(),
            Self::Closed => Problem::shutting_down(),
            Self::Panicked(Panicked(text)) => {
                Problem::internal(format!("`{what}` panicked: {text}"))
            }
        }
    }
}

/// How long a ticket waits for a thread, and what becomes of it when its client
/// leaves.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) longest: Instant,
    pub(super) on_disconnect: OnDisconnect,
}

/// Queues a job and waits for its answer, within the deadline of what runs and
/// the pool's `queue_wait`.
pub(super) fn queue<R: Send + 'static>(
    way: (&Pool, Option<&Alarms>),
    ticket: Arc<Ticket>,
    running: Running,
    patience: Patience,
    work: impl FnOnce() -> R + Send + 'static,
) -> impl Future<Output = Result<Done<R>, Refusal>> {
    // Outside of the job, so that a ticket that is given up frees at once what
    // the job holds: bodies, permits.
    let work = Arc::new(Held(Mutex::new(Some(work))));
    queue_held(way, ticket, running, patience, work)
}

async fn queue_held<R: Send + 'static>(
    (pool, alarms): (&Pool, Option<&Alarms>),
    ticket: Arc<Ticket>,
    running: Running,
    patience: Patience,
    work: Arc<dyn Work<R>>,
) -> Result<Done<R>, Refusal> {
    let Patience {
        longest,
        on_disconnect,
    } = patience;
    let deadline = running.deadline;
    let (reply, answer) = oneshot::channel();
    let queued_at = clock::now();
    let until = deadline.map_or(longest, |deadline| deadline.min(longest));
    let job = Job {
        class: running.route,
        ticket: Arc::clone(&ticket),
        queued_at,
        patience: until.saturating_duration_since(queued_at),
        work: Box::new(work_of(
            Arc::clone(&ticket),
            running,
            reply,
            Arc::clone(&work),
            queued_at,
        )),
    };
    pool.submit(job).map_err(|refused| match refused {
        Refused::Full => Refusal::Full,
        Refused::TooLong(expected) => Refusal::TooLong(expected),
        Refused::Closed => Refusal::Closed,
    })?;
    let mut waiter = Waiter {
        answer,
        ticket: Some(ticket),
        on_disconnect,
        work,
    };
    waiter.wait(alarms, deadline, longest).await
}

/// What a worker does with a ticket: claims it, runs it as its request, answers.
fn work_of<R: Send + 'static>(
    ticket: Arc<Ticket>,
    running: Running,
    reply: oneshot::Sender<Result<Done<R>, Refusal>>,
    work: Arc<dyn Work<R>>,
    queued_at: Instant,
) -> impl FnOnce(Turn) -> Option<Timing> + Send + 'static {
    let span = tracing::Span::current();
    move |turn| {
        let started = clock::now();
        let deadline = running.deadline;
        let late = deadline.is_some_and(|deadline| started >= deadline);
        if turn != Turn::Run || late {
            if ticket.give_up() {
                work.discard();
                // Where it is late, the waiter's timer answers; all that matters is
                // that it never runs.
                let refusal = match turn {
                    Turn::Run => return None,
                    Turn::Shed => Refusal::Overload,
                    Turn::Cut => Refusal::Closed,
                };
                // An error means that nothing waits for it any more.
                let _ = reply.send(Err(refusal));
            }
            return None;
        }
        if !ticket.start() {
            // Given up by its waiter, who took the work out.
            return None;
        }
        let app = running.app.clone();
        let route = &*app.routes()[running.route];
        let queue_ns = nanoseconds(started - queued_at);
        let run = || span.in_scope(|| running.enter(|| work.run()));
        let (ran, timing) = route.timed(queue_ns, || catch(run));
        ticket.end();
        let is_late = |at| deadline.is_some_and(|deadline| at >= deadline);
        let done = match ran {
            Ok(Some(response)) => Ok((response, timing)),
            // Nobody else runs what the ticket let this worker start.
            Ok(None) => return None,
            // Unwound by `block_on`, or for whatever reason: it is too late.
            Err(_) if is_late(clock::now()) => Err(Refusal::Deadline),
            Err(panicked) => Err(Refusal::Panicked(panicked)),
        };
        // Nobody listens where the request is over; then the answer is dropped, and
        // what it took is written down here.
        if let Err(unheard) = reply.send(done) {
            app.telemetry().ran_unanswered(&route.class, &timing);
            drop_safely(unheard);
        }
        Some(timing)
    }
}

/// What a ticket runs, its type erased so that one code queues everything.
trait Work<R>: Send + Sync {
    /// Runs it; once.
    fn run(&self) -> Option<R>;

    /// Drops it, if it is there still.
    fn discard(&self);
}

/// A closure until it runs or is given up. It is locked by whoever the ticket's state
/// lets, never by two.
struct Held<W>(Mutex<Option<W>>);

impl<W> Held<W> {
    fn take(&self) -> Option<W> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<R, W: FnOnce() -> R + Send> Work<R> for Held<W> {
    fn run(&self) -> Option<R> {
        self.take().map(|work| work())
    }

    fn discard(&self) {
        drop_safely(self.take());
    }
}

/// The loop's side of a ticket. Dropping it, which is what a client that leaves
/// comes to, lets go of the ticket.
struct Waiter<R> {
    answer: oneshot::Receiver<Result<Done<R>, Refusal>>,
    ticket: Option<Arc<Ticket>>,
    on_disconnect: OnDisconnect,
    work: Arc<dyn Work<R>>,
}

impl<R> Waiter<R> {
    async fn wait(
        &mut self,
        alarms: Option<&Alarms>,
        deadline: Option<Instant>,
        longest: Instant,
    ) -> Result<Done<R>, Refusal> {
        let first = deadline.map_or(longest, |deadline| deadline.min(longest));
        if let Some(answer) = within_far(alarms, Some(first), Answer(self)).await {
            return answer;
        }
        if self.give_up() {
            return Err(match deadline {
                Some(deadline) if deadline <= longest => Refusal::Deadline,
                _ => Refusal::Waited,
            });
        }
        match within_far(alarms, deadline, Answer(self)).await {
            Some(answer) => answer,
            None => {
                self.cancel();
                self.let_go();
                Err(Refusal::Deadline)
            }
        }
    }

    /// Gives the ticket up, unless a worker has it.
    fn give_up(&self) -> bool {
        let given_up = self.ticket.as_ref().is_some_and(|ticket| ticket.give_up());
        if given_up {
            self.work.discard();
        }
        given_up
    }

    fn cancel(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.cancel();
        }
    }

    fn let_go(&mut self) {
        if let Some(ticket) = self.ticket.take()
            && ticket.let_go() == LetGo::NeverRuns
        {
            self.work.discard();
        }
    }
}

impl<R> Drop for Waiter<R> {
    fn drop(&mut self) {
        if self.on_disconnect == OnDisconnect::Cancel {
            self.cancel();
        }
        self.let_go();
    }
}

/// The answer of a ticket, as it comes.
struct Answer<'a, R>(&'a mut Waiter<R>);

impl<R> Future for Answer<'_, R> {
    type Output = Result<Done<R>, Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.0.answer).poll(cx);
        polled.map(|answer| {
            match answer {
                Ok(answer) => {
                    self.0.ticket = None;
                    answer
                }
                // Dropped without an answer: it was late when it was taken out, or
                // the pool was closed with it.
                Err(_) => Err(Refusal::Deadline),
            }
        })
    }
}
