//! Closures on the pool, from an `async fn` and from the framework itself.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use hybrid_engine::{
    clock,
    pool::{Pool, RunError},
    ticket::Ticket,
    timing::Timing,
};

use super::{Patience, count_refusal, problem_of, queue};
use crate::{
    context::Running,
    problem::{Conversion, Problem, Submitted},
    spec::{Lane, OnDisconnect},
};

/// Why a closure on the pool gave no value. Under `?` in a handler it is the
/// answer: 503, 504 or 500.
#[derive(Debug)]
pub struct PoolError {
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Refused(RunError),
    /// Not called from within a request.
    NoRequest,
}

impl PoolError {
    /// The queue was full, or no thread was free in time; the closure never ran.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        matches!(
            self.cause,
            Cause::Refused(
                RunError::Full | RunError::TooLong(_) | RunError::Overload | RunError::Waited
            )
        )
    }

    /// The request's deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.cause, Cause::Refused(RunError::Deadline))
    }

    /// The closure panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Refused(RunError::Panicked(_)))
    }

    pub(crate) fn problem(&self) -> Problem {
        match &self.cause {
            Cause::Refused(refusal) => problem_of(refusal, "a closure on the pool"),
            Cause::NoRequest => Problem::internal(self.to_string()),
        }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Refused(error) => error.fmt(f),
            Cause::NoRequest => {
                f.write_str("`hybrid::run_on_pool` was called outside of a request")
            }
        }
    }
}

impl std::error::Error for PoolError {}

inventory::submit! {
    Submitted::new(|| {
        Some(Conversion::by::<PoolError>(|error| {
            error.downcast_ref().map(PoolError::problem)
        }))
    })
}

/// Runs a closure on the pool, from an `async fn`: the part of a handler that
/// computes or blocks.
///
/// It waits, is refused and times out as a plain handler of the same route
/// would. The handler's deadline is its deadline.
///
/// # Errors
/// The pool refuses it, the deadline passes, or it panics. Outside of a request
/// there is no pool to run it.
///
/// # Cancel safety
/// Dropped before a thread took it, the closure never runs; after that it runs
/// to its end and its value is dropped.
pub async fn run_on_pool<T, F>(f: F) -> Result<T, PoolError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let Some(running) = Running::here() else {
        return Err(PoolError {
            cause: Cause::NoRequest,
        });
    };
    run_as(&running, f).await
}

/// Runs a closure on the pool as a part of that request.
pub(crate) async fn run_as<T: Send + 'static>(
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    run_counted(running.context.pool(), running, f).await
}

/// As [`run_as`], for the framework's own closures: no route has them on account.
pub(crate) async fn run_uncounted<T: Send + 'static>(
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    let done = run_timed(running.context.pool(), running, f).await;
    done.map(|(value, _)| value)
}

/// Runs a closure on that pool as a part of that request.
pub(crate) async fn run_counted<T: Send + 'static>(
    pool: &Pool,
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    let (value, timing) = run_timed(pool, running, f).await?;
    let telemetry = running.context.telemetry();
    telemetry.ran_unanswered(&running.route().class, &timing);
    Ok(value)
}

/// As [`run_counted`], with what it took, which is not counted as a closure's.
async fn run_timed<T: Send + 'static>(
    pool: &Pool,
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Timing), PoolError> {
    // The value comes back beside the ticket, so that closures of all types share
    // the code of the queue.
    let made = Arc::new(Mutex::new(None));
    let put = {
        let made = Arc::clone(&made);
        move || {
            let value = f();
            *made.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    };
    let timing = queued(pool, running, Box::new(put)).await?;
    let value = made.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((value.expect("a closure that ran has put its value"), timing))
}

async fn queued(
    pool: &Pool,
    running: &Running,
    f: Box<dyn FnOnce() + Send>,
) -> Result<Timing, PoolError> {
    let part = Running {
        lane: Lane::Pool,
        ..running.clone()
    };
    let ticket = Arc::new(Ticket::new(Arc::clone(pool.orphans())));
    let patience = Patience {
        longest: clock::now() + running.context.settings().queue_wait,
        on_disconnect: OnDisconnect::Cancel,
    };
    let done = match queue((pool, running.context.alarms()), ticket, part, patience, f) {
        Ok(mut queued) => queued.done().await,
        Err(refused) => Err(refused),
    };
    done.map(|((), timing)| timing).map_err(|refusal| {
        count_refusal(&refusal, &running.context, running.route());
        PoolError {
            cause: Cause::Refused(refusal),
        }
    })
}
