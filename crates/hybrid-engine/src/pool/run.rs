//! A job from its queue to its result: what the caller waits for, and what a worker
//! does with the ticket.

use std::{
    fmt,
    future::Future,
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

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue for a thread is full",
            Self::TooLong(_) => "no thread is expected to be free in time",
            Self::Overload => "more jobs came than can be run",
            Self::Waited => "no thread was free in time",
            Self::Deadline => "the deadline passed",
            Self::Closed => "the pool is closed",
            Self::Panicked(_) => "the closure panicked",
        })
    }
}

impl std::error::Error for RunError {}

impl From<SubmitError> for RunError {
    fn from(refused: SubmitError) -> Self {
        match refused {
            SubmitError::Full => Self::Full,
            SubmitError::TooLong(expected) => Self::TooLong(expected),
            SubmitError::Closed => Self::Closed,
        }
    }
}

/// What a job runs as: its class, and what surrounds its closure on the worker. It is
/// dropped when the job has ended or was given up.
pub trait JobContext: Send + 'static {
    /// The number of the class.
    fn class(&self) -> usize;

    /// Runs the closure as this job, after that long in the queue, and measures it. Called
    /// once.
    fn run<R>(&mut self, queue_ns: u64, f: impl FnOnce() -> R) -> (Result<R, Panicked>, Timing);

    /// The job has run, and its caller had left before.
    fn unanswered(&self, timing: &Timing);
}

impl JobContext for Arc<Class> {
    fn class(&self) -> usize {
        self.id
    }

    fn run<R>(&mut self, queue_ns: u64, f: impl FnOnce() -> R) -> (Result<R, Panicked>, Timing) {
        self.timed(queue_ns, || catch(f))
    }

    fn unanswered(&self, _: &Timing) {}
}

/// How long a caller waits for its job.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// When the caller stops waiting, in the queue or for the result.
    pub deadline: Option<Instant>,
    /// When the job must have started.
    pub start_by: Instant,
    /// Where its timers wait until they are near.
    pub far_deadlines: Option<&'a FarDeadlines>,
    /// A caller that leaves cancels a job that runs: see [`Ticket::cancel`].
    pub cancels_on_drop: bool,
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
        let wait = Wait {
            deadline: options.deadline,
            start_by: clock::now() + options.queue_wait,
            far_deadlines: options.far_deadlines,
            cancels_on_drop: false,
        };
        let mut queued = self.queue(ticket, Arc::clone(class), wait, f)?;
        queued.done().await
    }

    /// Queues a closure as the job of that ticket.
    ///
    /// # Errors
    /// The queue is full, the expected wait is too long, or the pool is closed.
    pub fn queue<'a, R: Send + 'static>(
        &self,
        ticket: Arc<Ticket>,
        context: impl JobContext,
        wait: Wait<'a>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Queued<'a, R>, RunError> {
        // Outside of the job: a ticket that is given up frees at once what the closure
        // holds.
        let work: Arc<dyn Work<R>> = Arc::new(JobSlot(Mutex::new(Some(f))));
        let (reply, result) = oneshot::channel();
        let queued_at = clock::now();
        self.submit(Job {
            class: context.class(),
            ticket: Arc::clone(&ticket),
            queued_at,
            patience: wait.first().saturating_duration_since(queued_at),
            work: Box::new(run_of(
                context,
                Arc::clone(&ticket),
                (wait.deadline, queued_at),
                Arc::clone(&work),
                reply,
            )),
        })?;
        Ok(Queued {
            result,
            ticket: Some(ticket),
            work,
            wait,
        })
    }
}

impl Wait<'_> {
    /// When the caller stops waiting for a job that has not started.
    fn first(&self) -> Instant {
        self.deadline
            .map_or(self.start_by, |deadline| deadline.min(self.start_by))
    }
}

/// What a worker does with a ticket: claims it, runs the closure, replies.
fn run_of<R: Send + 'static>(
    mut context: impl JobContext,
    ticket: Arc<Ticket>,
    (deadline, queued_at): (Option<Instant>, Instant),
    work: Arc<dyn Work<R>>,
    reply: oneshot::Sender<Result<Done<R>, RunError>>,
) -> impl FnOnce(Disposition) -> Option<Timing> + Send + 'static {
    let span = tracing::Span::current();
    move |turn| {
        let started = clock::now();
        let is_late = |at| deadline.is_some_and(|deadline| at >= deadline);
        if turn != Disposition::Run || is_late(started) {
            if ticket.give_up() {
                work.discard();
                // An error means that nothing waits for it any more.
                let _ = reply.send(Err(match turn {
                    Disposition::Run => RunError::Deadline,
                    Disposition::Shed => RunError::Overload,
                    Disposition::Cut => RunError::Closed,
                }));
            }
            return None;
        }
        if !ticket.start() {
            // Given up by its caller, which took the closure out.
            return None;
        }
        let queue_ns = nanoseconds(started - queued_at);
        let (ran, timing) = context.run(queue_ns, || span.in_scope(|| work.run()));
        ticket.end();
        let done = match ran {
            Ok(Some(value)) => Ok((value, timing)),
            // Only this worker runs what the ticket let it start.
            Ok(None) => return None,
            // Unwound by a wait that ends at the deadline, or for another reason: it is
            // too late.
            Err(_) if is_late(clock::now()) => Err(RunError::Deadline),
            Err(panicked) => Err(RunError::Panicked(panicked)),
        };
        // The receiver is gone where the caller has left: the value is dropped, and its
        // cost is noted here.
        if let Err(unheard) = reply.send(done) {
            context.unanswered(&timing);
            drop_safely(unheard);
        }
        Some(timing)
    }
}

/// What a ticket runs. Its type is erased, so that one code queues every closure.
trait Work<R>: Send + Sync {
    /// Runs it; once.
    fn run(&self) -> Option<R>;

    /// Drops it, if it is there still.
    fn discard(&self);
}

/// A closure, until it runs or is given up: the state of its ticket decides which side
/// takes it.
struct JobSlot<F>(Mutex<Option<F>>);

impl<F> JobSlot<F> {
    fn take(&self) -> Option<F> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<R, F: FnOnce() -> R + Send> Work<R> for JobSlot<F> {
    fn run(&self) -> Option<R> {
        self.take().map(|f| f())
    }

    fn discard(&self) {
        drop_safely(self.take());
    }
}

/// A job that was queued, as its caller holds it.
///
/// When it is dropped before a thread has taken the job, the closure never runs. After
/// that the closure runs to its end, and its value is dropped.
pub struct Queued<'a, R> {
    result: oneshot::Receiver<Result<Done<R>, RunError>>,
    ticket: Option<Arc<Ticket>>,
    work: Arc<dyn Work<R>>,
    wait: Wait<'a>,
}

impl<R> Queued<'_, R> {
    /// Waits for the value of the job. To be called once.
    ///
    /// # Errors
    /// The job was refused in the queue, a deadline passed, or it panicked.
    pub async fn done(&mut self) -> Result<Done<R>, RunError> {
        let far = self.wait.far_deadlines;
        let first = Some(self.wait.first());
        if let Some(result) = with_far_deadline(far, first, Received(self)).await {
            return result;
        }
        let deadline = self.wait.deadline;
        if self.give_up() {
            return Err(match deadline {
                Some(deadline) if deadline <= self.wait.start_by => RunError::Deadline,
                _ => RunError::Waited,
            });
        }
        match with_far_deadline(far, deadline, Received(self)).await {
            Some(result) => result,
            None => {
                self.cancel();
                self.let_go();
                Err(RunError::Deadline)
            }
        }
    }

    /// Gives the ticket up, unless a worker has it.
    fn give_up(&self) -> bool {
        let is_given_up = self.ticket.as_ref().is_some_and(|ticket| ticket.give_up());
        if is_given_up {
            self.work.discard();
        }
        is_given_up
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

impl<R> fmt::Debug for Queued<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<R> Drop for Queued<'_, R> {
    fn drop(&mut self) {
        if self.wait.cancels_on_drop {
            self.cancel();
        }
        self.let_go();
    }
}

/// The result of a ticket, as it comes.
struct Received<'a, 'w, R>(&'a mut Queued<'w, R>);

impl<R> Future for Received<'_, '_, R> {
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
