//! Across the border: a closure on the pool from an `async fn`, a future awaited
//! in a plain `fn`, and extractors of either colour.

use std::{
    cell::Cell,
    fmt,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use hybrid_validate::{Report, Source};

use super::{
    current::Running,
    endpoint,
    on_pool::{Patience, Refusal, queue},
    pool::Pool,
    ticket::Ticket,
    within::within,
};
use crate::{
    Response,
    extract::{Arguments, Received, Texts},
    head::Parts,
    problem::Problem,
    respond::IntoResponse,
    spec::{Lane, OnDisconnect},
    telemetry::{clock, timing::Timing},
};

/// Why a closure on the pool gave no value. Under `?` in a handler it is the
/// answer: 503, 504 or 500.
#[derive(Debug)]
pub struct PoolError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Refused(Refusal),
    /// Not called from within a request.
    NoRequest,
}

impl PoolError {
    /// The queue was full, or no thread was free in time; the closure never ran.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        matches!(
            self.kind,
            Kind::Refused(
                Refusal::Full | Refusal::TooLong(_) | Refusal::Overload | Refusal::Waited
            )
        )
    }

    /// The request's deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Refused(Refusal::Deadline))
    }

    /// The closure panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.kind, Kind::Refused(Refusal::Panicked(_)))
    }

    pub(crate) fn problem(&self) -> Problem {
        match &self.kind {
            Kind::Refused(refusal) => refusal.problem("a closure on the pool"),
            Kind::NoRequest => Problem::internal(self.to_string()),
        }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Refused(Refusal::Full) => "the queue for a thread is full",
            Kind::Refused(Refusal::TooLong(_)) => "no thread is expected to be free in time",
            Kind::Refused(Refusal::Overload) => "more requests came than can be answered",
            Kind::Refused(Refusal::Waited) => "no thread was free in time",
            Kind::Refused(Refusal::Deadline) => "the deadline passed",
            Kind::Refused(Refusal::Closed) => "the pool is closed",
            Kind::Refused(Refusal::Panicked(_)) => "the closure panicked",
            Kind::NoRequest => "`hybrid::run_on_pool` was called outside of a request",
        })
    }
}

impl std::error::Error for PoolError {}

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
            kind: Kind::NoRequest,
        });
    };
    let app = running.app.clone();
    on(app.pool(), &running, f).await
}

/// Runs a closure on the pool as a part of that request.
pub(crate) async fn run_as<T: Send + 'static>(
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    on(running.app.pool(), running, f).await
}

/// As [`run_as`], for the framework's own closures: no route has them on account.
pub(crate) async fn run_uncounted<T: Send + 'static>(
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    let done = timed_on(running.app.pool(), running, f).await;
    done.map(|(value, _)| value)
}

/// Runs a closure on that pool as a part of that request.
pub(super) async fn on<T: Send + 'static>(
    pool: &Pool,
    running: &Running,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    let (value, timing) = timed_on(pool, running, f).await?;
    let telemetry = running.app.telemetry();
    telemetry.ran_unanswered(&running.route().class, &timing);
    Ok(value)
}

/// As [`on`], with what it took, which is not counted as a closure's.
pub(super) async fn timed_on<T: Send + 'static>(
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
        longest: clock::now() + running.app.settings().queue_wait,
        on_disconnect: OnDisconnect::Cancel,
    };
    let done = queue((pool, running.app.alarms()), ticket, part, patience, f).await;
    done.map(|((), timing)| timing).map_err(|refusal| {
        refusal.count(&running.app, running.route());
        PoolError {
            kind: Kind::Refused(refusal),
        }
    })
}

/// Waits for a future in a plain `fn`. The pool thread is blocked meanwhile; its
/// share of the processors goes to other threads.
///
/// The wait ends at the handler's deadline: the client has its 504 then, and the
/// handler is unwound as by a panic, without a message, so that what it holds is
/// free again. Two handlers that wait for each other's permits do not do so for
/// ever.
///
/// A future that is waited for may call plain code that waits in turn: `block_on`
/// inside `block_on` works, and the outer future makes no progress until the inner
/// one is ready.
///
/// ```
/// # mod hybrid { pub use hybrid_core::dispatch::block_on; }
/// # let runtime = tokio::runtime::Runtime::new().expect("a runtime");
/// # let _guard = runtime.enter();
/// fn total() -> u32 {
///     hybrid::block_on(async { 40 })
/// }
///
/// assert_eq!(hybrid::block_on(async { total() + 2 }), 42);
/// ```
///
/// # Panics
/// On an event loop, where the caller writes `.await`, and outside of a runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let running = Running::here();
    refuse_on_a_loop(running.as_ref());
    let deadline = running.and_then(|running| running.deadline);
    let runtime = tokio::runtime::Handle::current();
    let wait = || runtime.block_on(async { within(deadline, pin!(future)).await });
    let waiting = Waiting::begin();
    let waited = match waiting.is_nested {
        // The runtime counts this thread as its own until the outer wait ends.
        true => tokio::task::block_in_place(wait),
        false => wait(),
    };
    match waited {
        Some(output) => output,
        None => std::panic::resume_unwind(Box::new("the deadline passed in `block_on`")),
    }
}

/// An event loop serves other requests as well, and must not wait.
fn refuse_on_a_loop(running: Option<&Running>) {
    let of_request =
        running.is_some_and(|running| matches!(running.lane, Lane::Event | Lane::Inline));
    assert!(
        !of_request,
        "`hybrid::block_on` was called on an event loop, which it would block: write `.await` in \
         an `async fn`, and remove `lane = inline` from a plain `fn` that waits"
    );
}

thread_local! {
    static IS_WAITING: Cell<bool> = const { Cell::new(false) };
}

/// This thread waits in [`block_on`], until it is dropped.
struct Waiting {
    is_nested: bool,
}

impl Waiting {
    fn begin() -> Self {
        Self {
            is_nested: IS_WAITING.replace(true),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        IS_WAITING.set(self.is_nested);
    }
}

// === Extractors ===

/// Reads the arguments of an `#[extractor]`.
async fn read<A: Arguments>(parts: &mut Parts, arguments: &A) -> Result<A::Values, Response> {
    let guarded = arguments.guard(parts).await?;
    let mut report = Report::new(Source::Path);
    let held = {
        let texts = Texts::new(&parts.head);
        let held = arguments.read_head(guarded, &texts, &mut report);
        if let Some(problem) = texts.malformed() {
            return Err(problem.into_response());
        }
        held
    };
    let values = arguments.read_body(held, &mut Received::Nothing, &mut report);
    match values.map_err(IntoResponse::into_response)? {
        Some(values) if report.is_empty() => Ok(values),
        _ => Err(Problem::refused(report).into_response()),
    }
}

/// Called by `#[extractor]` for an `async fn`.
///
/// # Errors
/// The answer that the extractor, or a value it reads, refuses with.
pub async fn extract<A, F, Fut, T, E>(parts: &mut Parts, arguments: A, f: F) -> Result<T, Response>
where
    A: Arguments<Values: Send>,
    F: FnOnce(A::Values) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    E: IntoResponse,
{
    let values = read(parts, &arguments).await?;
    let running = Running::of(parts, Lane::Event, None);
    let made = super::current::entered(running, f(values)).await;
    made.map_err(IntoResponse::into_error_response)
}

/// Called by `#[extractor]` for a plain `fn`: a ticket of its own on the pool.
///
/// # Errors
/// As [`extract`], and where the pool refuses it.
pub async fn extract_on_pool<A, F, T, E>(
    parts: &mut Parts,
    arguments: A,
    f: F,
) -> Result<T, Response>
where
    A: Arguments<Values: Send>,
    F: FnOnce(A::Values) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: IntoResponse + Send + 'static,
{
    let values = read(parts, &arguments).await?;
    let deadline = endpoint::deadline(endpoint::complete(None, parts), parts);
    let running = Running::of(parts, Lane::Pool, deadline);
    let app = parts.app.clone();
    match on(app.pool(), &running, move || f(values)).await {
        Ok(made) => made.map_err(IntoResponse::into_error_response),
        Err(error) => Err(error.problem().into_response()),
    }
}
