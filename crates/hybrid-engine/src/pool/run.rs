//! A job from its queue to its result: what the caller waits for, and what a worker
//! does with the ticket.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{Disposition, Job, Pool, SubmitError};
use crate::{
    catch::{Panicked, catch, drop_safely},
    class::Class,
    clock::{self, Instant, nanoseconds},
    deadline::with_far_deadline,
    far_deadlines::FarDeadlines,
    telemetry::Shed,
    ticket::{LetGo, Ticket},
    timing::Timing,
};

/// The value of a job, and what its run took.
pub type Done<R> = (R, Timing);

/// How long a job may wait and run.
#[derive(Clone, Copy, Debug)]
pub struct JobOptions<'a> {
    /// When the caller stops waiting, in the queue or for the result. A job that has
    /// started runs on. None by default.
    pub deadline: Option<Instant>,
    /// The longest wait for a thread, 5 s by default.
    pub queue_wait: Duration,
    /// Where its timers wait until they are near. Without it, which is the default,
    /// each job that waits has a timer at once.
    pub far_deadlines: Option<&'a FarDeadlines>,
}

impl Default for JobOptions<'_> {
    fn default() -> Self {
        Self {
            deadline: None,
            queue_wait: Duration::from_secs(5),
            far_deadlines: None,
        }
    }
}

/// Why a job has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The queue is full.
    Full,
    /// It was refused at once: it would wait for that long, which is longer than it
    /// may.
    TooLong(Duration),
    /// It was refused in the queue, since the pool is overloaded.
    Overload,
    /// The pool is closed.
    Closed,
    /// It waited as long as it may, and never ran.
    Waited,
    /// Its deadline passed, in the queue or while it ran.
    Deadline,
    /// It panicked.
    Panicked(Panicked),
}

impl RunError {
    /// The reason of a refusal for lack of room or time.
    #[must_use]
    pub fn shed(&self) -> Option<Shed> {
        match self {
            Self::Full => Some(Shed::QueueFull),
            Self::TooLong(_) => Some(Shed::ExpectedWait),
            Self::Overload => Some(Shed::Overload),
            Self::Waited => Some(Shed::Waited),
            Self::Closed => Some(Shed::Closed),
            Self::Deadline | Self::Panicked(_) => None,
        }
    }
}

impl From<SubmitError> for RunError {
    fn from(refused: SubmitError) -> Self {
        match refused {
            SubmitError::Full => Self::Full,
            SubmitError::TooLong(expected) => Self::TooLong(expected),
            SubmitError::Closed => Self::Closed,
        }
    }
}

impl Pool {
    /// Runs a closure as a job of that class. It is counted nowhere; see
    /// [`Engine::run`](crate::Engine::run).
    ///
    /// # Errors
    /// The pool refuses the job, its deadline passes, or it panics.
    ///
    /// # Cancel safety
    /// When the future is dropped before a thread has taken the job, the closure never
    /// runs. After that it runs to its end, and its value is dropped.
    pub async fn run<R: Send + 'static>(
        &self,
        class: &Arc<Class>,
        options: JobOptions<'_>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Done<R>, RunError> {
        let ticket = Arc::new(Ticket::new(Arc::clone(self.orphans())));
        // Outside of the job: a ticket that is given up frees at once what the closure
        // holds.
        let work = Arc::new(Work(Mutex::new(Some(f))));
        let (reply, result) = oneshot::channel();
        let queued_at = clock::now();
        let start_by = queued_at + options.queue_wait;
        let first = options.deadline.map_or(start_by, |at| at.min(start_by));
        self.submit(Job {
            class: class.id,
            ticket: Arc::clone(&ticket),
            queued_at,
            patience: first.saturating_duration_since(queued_at),
            work: Box::new(run_of(
                Arc::clone(class),
                Arc::clone(&ticket),
                options.deadline,
                queued_at,
                Arc::clone(&work),
                reply,
            )),
        })?;
        let discard = move || drop_safely(work.take());
        let mut waiter = Waiter {
            result,
            ticket: Some(ticket),
            discard,
        };
        waiter.wait(options, start_by).await
    }
}

/// What a worker does with a ticket: claims it, runs the closure, replies.
fn run_of<R: Send + 'static, F: FnOnce() -> R + Send + 'static>(
    class: Arc<Class>,
    ticket: Arc<Ticket>,
    deadline: Option<Instant>,
    queued_at: Instant,
    work: Arc<Work<F>>,
    reply: oneshot::Sender<Result<Done<R>, RunError>>,
) -> impl FnOnce(Disposition) -> Option<Timing> + Send + 'static {
    let span = tracing::Span::current();
    move |turn| {
        let started = clock::now();
        let is_late = deadline.is_some_and(|deadline| started >= deadline);
        if turn != Disposition::Run || is_late {
            if ticket.give_up() {
                drop_safely(work.take());
                let error = match turn {
                    Disposition::Run => RunError::Deadline,
                    Disposition::Shed => RunError::Overload,
                    Disposition::Cut => RunError::Closed,
                };
                // An error means that nothing waits for it any more.
                let _ = reply.send(Err(error));
            }
            return None;
        }
        if !ticket.start() {
            return None;
        }
        let f = work.take()?;
        let queue_ns = nanoseconds(started - queued_at);
        let (ran, timing) = class.timed(queue_ns, || catch(|| span.in_scope(f)));
        ticket.end();
        let done = ran.map(|value| (value, timing)).map_err(RunError::Panicked);
        if let Err(unheard) = reply.send(done) {
            drop_safely(unheard);
        }
        Some(timing)
    }
}

/// A closure, until it runs or is given up: the state of its ticket decides which side
/// takes it.
struct Work<F>(Mutex<Option<F>>);

impl<F> Work<F> {
    fn take(&self) -> Option<F> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The caller's side of a ticket. Dropping it lets go of the ticket.
struct Waiter<R, D: Fn()> {
    result: oneshot::Receiver<Result<Done<R>, RunError>>,
    ticket: Option<Arc<Ticket>>,
    discard: D,
}

impl<R, D: Fn()> Waiter<R, D> {
    async fn wait(
        &mut self,
        options: JobOptions<'_>,
        start_by: Instant,
    ) -> Result<Done<R>, RunError> {
        let JobOptions {
            deadline,
            far_deadlines: far,
            ..
        } = options;
        let first = deadline.map_or(start_by, |deadline| deadline.min(start_by));
        if let Some(result) = with_far_deadline(far, Some(first), Received(self)).await {
            return result;
        }
        if self.give_up() {
            return Err(match deadline {
                Some(deadline) if deadline <= start_by => RunError::Deadline,
                _ => RunError::Waited,
            });
        }
        match with_far_deadline(far, deadline, Received(self)).await {
            Some(result) => result,
            None => {
                self.let_go();
                Err(RunError::Deadline)
            }
        }
    }

    /// Gives the ticket up, unless a worker has it.
    fn give_up(&self) -> bool {
        let is_given_up = self.ticket.as_ref().is_some_and(|ticket| ticket.give_up());
        if is_given_up {
            (self.discard)();
        }
        is_given_up
    }

    fn let_go(&mut self) {
        if let Some(ticket) = self.ticket.take()
            && ticket.let_go() == LetGo::NeverRuns
        {
            (self.discard)();
        }
    }
}

impl<R, D: Fn()> Drop for Waiter<R, D> {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// The result of a ticket, as it comes.
struct Received<'a, R, D: Fn()>(&'a mut Waiter<R, D>);

impl<R, D: Fn()> Future for Received<'_, R, D> {
    type Output = Result<Done<R>, RunError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.0.result).poll(cx);
        polled.map(|result| match result {
            Ok(result) => {
                self.0.ticket = None;
                result
            }
            // Dropped without a reply: the pool ended with it.
            Err(_) => Err(RunError::Closed),
        })
    }
}
