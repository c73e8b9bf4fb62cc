//! A job on its way through the pool: it waits for a thread, runs there, and its value
//! comes back. See [`ticket`](hybrid_engine::ticket) for which side owns what when.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use hybrid_engine::{
    catch::{Panicked, catch, drop_safely},
    clock::{self, Instant, nanoseconds},
    deadline::with_far_deadline,
    far_deadlines::FarDeadlines,
    pool::{Disposition, Job, Pool, SubmitError},
    telemetry::Shed,
    ticket::{LetGo, Ticket},
    timing::Timing,
};
use tokio::sync::oneshot;

use crate::{
    context::{Running, ServerContext},
    head::Route,
    problem::Problem,
    spec::OnDisconnect,
};

/// What came back from the pool, and what it took.
pub(crate) type Done<R> = (R, Timing);

/// Why a ticket brought no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
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
    pub(crate) fn count(&self, context: &ServerContext, route: &Route) {
        let why = match self {
            Self::Full => Shed::QueueFull,
            Self::TooLong(_) => Shed::ExpectedWait,
            Self::Overload => Shed::Overload,
            Self::Waited => Shed::Waited,
            Self::Closed => Shed::Closed,
            Self::Deadline | Self::Panicked(_) => return,
        };
        context.telemetry().shed(&route.class, why);
    }

    pub(crate) fn problem(&self, what: &str) -> Problem {
        match self {
            Self::Full => Problem::overloaded("the queue for a thread is full"),
            Self::TooLong(expected) => {
                Problem::overloaded_for(*expected, "no thread is expected to be free in time")
            }
            Self::Overload => Problem::overloaded("more requests came than can be answered"),
            Self::Waited => Problem::overloaded("no thread was free in time"),
            Self::Deadline => Problem::handler_timeout(),
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
pub(crate) struct Patience {
    pub(crate) longest: Instant,
    pub(crate) on_disconnect: OnDisconnect,
}

/// Queues a job and waits for its answer, within the deadline of what runs and
/// the pool's `queue_wait`.
pub(crate) fn queue<R: Send + 'static>(
    way: (&Pool, Option<&FarDeadlines>),
    ticket: Arc<Ticket>,
    running: Running,
    patience: Patience,
    work: impl FnOnce() -> R + Send + 'static,
) -> impl Future<Output = Result<Done<R>, Refusal>> {
    // Outside of the job, so that a ticket that is given up frees at once what
    // the job holds: bodies, permits.
    let work = Arc::new(JobSlot(Mutex::new(Some(work))));
    queue_held(way, ticket, running, patience, work)
}

async fn queue_held<R: Send + 'static>(
    (pool, alarms): (&Pool, Option<&FarDeadlines>),
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
        SubmitError::Full => Refusal::Full,
        SubmitError::TooLong(expected) => Refusal::TooLong(expected),
        SubmitError::Closed => Refusal::Closed,
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
) -> impl FnOnce(Disposition) -> Option<Timing> + Send + 'static {
    let span = tracing::Span::current();
    move |turn| {
        let started = clock::now();
        let deadline = running.deadline;
        let late = deadline.is_some_and(|deadline| started >= deadline);
        if turn != Disposition::Run || late {
            if ticket.give_up() {
                work.discard();
                // Where it is late, the waiter's timer answers; all that matters is
                // that it never runs.
                let refusal = match turn {
                    Disposition::Run => return None,
                    Disposition::Shed => Refusal::Overload,
                    Disposition::Cut => Refusal::Closed,
                };
                // An error means that nothing waits for it any more.
                let _ = reply.send(Err(refusal));
            }
            return None;
        }
        if !ticket.start() {
            // Given up by its waiter, which took the work out.
            return None;
        }
        let context = running.context.clone();
        let route = &*context.routes()[running.route];
        let queue_ns = nanoseconds(started - queued_at);
        let run = || span.in_scope(|| running.enter(|| work.run()));
        let (ran, timing) = route.timed(queue_ns, || catch(run));
        ticket.end();
        let is_late = |at| deadline.is_some_and(|deadline| at >= deadline);
        let done = match ran {
            Ok(Some(response)) => Ok((response, timing)),
            // Only this worker runs what the ticket let it start.
            Ok(None) => return None,
            // Unwound by `block_on`, or for whatever reason: it is too late.
            Err(_) if is_late(clock::now()) => Err(Refusal::Deadline),
            Err(panicked) => Err(Refusal::Panicked(panicked)),
        };
        // The receiver is gone where the request is over; then the answer is dropped, and
        // what it took is written down here.
        if let Err(unheard) = reply.send(done) {
            context.telemetry().ran_unanswered(&route.class, &timing);
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
struct JobSlot<W>(Mutex<Option<W>>);

impl<W> JobSlot<W> {
    fn take(&self) -> Option<W> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<R, W: FnOnce() -> R + Send> Work<R> for JobSlot<W> {
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
        alarms: Option<&FarDeadlines>,
        deadline: Option<Instant>,
        longest: Instant,
    ) -> Result<Done<R>, Refusal> {
        let first = deadline.map_or(longest, |deadline| deadline.min(longest));
        if let Some(answer) = with_far_deadline(alarms, Some(first), Answer(self)).await {
            return answer;
        }
        if self.give_up() {
            return Err(match deadline {
                Some(deadline) if deadline <= longest => Refusal::Deadline,
                _ => Refusal::Waited,
            });
        }
        match with_far_deadline(alarms, deadline, Answer(self)).await {
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
