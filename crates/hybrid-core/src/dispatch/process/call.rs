//! One request through one worker, as its event loop sees it: take a worker, send
//! the call, serve what it asks for, check what it answers.
//!
//! What grows with the body (copying it into shared memory, making that memory)
//! is done on the pool, where it is more than the way there. Whether the client
//! still waits is not known here: whoever drops the future in the middle of a call
//! has the worker killed.

mod exchange;
mod loaded;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Lease, Shared, Worker, Workers, frame::Order, payload::Payload, queue::Refused};
use crate::{
    Response,
    context::{Parts, Running},
    dispatch::ticket::Ticket,
    offload::run_uncounted,
    problem::{Problem, kinds},
    telemetry::{
        clock::{self, Instant},
        timing::{Timing, nanoseconds},
    },
};

/// A request on its way to a worker.
pub(crate) struct Call {
    pub(crate) parts: Arc<Parts>,
    pub(crate) body: Payload,
    pub(crate) running: Running,
    /// Started when the call is sent.
    pub(crate) ticket: Arc<Ticket>,
    /// When it may wait no longer for a worker.
    pub(crate) longest: Instant,
    /// Knows the worker once the call is sent.
    pub(crate) interrupt: Interrupt,
    /// Nobody but hyper will look at the answer's body.
    pub(crate) is_sent_in_place: bool,
}

/// Tells a handler in its worker that nobody waits any more.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Called>>);

/// The worker, and the number of the call.
type Called = Option<(Weak<Worker>, u64)>;

impl Interrupt {
    /// Sets the handler's `Cancel`, where its call was sent.
    pub(crate) fn cancel(&self) {
        let called = self.called().clone();
        if let Some((worker, number)) = called
            && let Some(worker) = worker.upgrade()
        {
            worker.order(&Order::Cancel(number));
        }
    }

    fn called(&self) -> MutexGuard<'_, Called> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer, and what else the worker said.
pub(crate) struct Answered {
    pub(crate) response: Response,
    pub(crate) timing: Option<Timing>,
    /// Where the values stood that it refused, as numbers of sources.
    pub(crate) refused: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// No worker took it.
    Refused(Refused),
    /// The worker died of it, or was killed.
    Died(String),
    /// What was to be done on the pool was not.
    Pool(Problem),
    /// It is too large for a message.
    HeadTooLarge,
}

/// How a call that was sent to a worker came to nothing.
enum Broken {
    /// The worker ended before it took the call: another may have it.
    NeverBegan,
    Failed(Failed),
}

/// How many workers a call is tried on that none has begun: all of them may have
/// been killed a moment ago. It ends sooner by the time that a call may wait.
const ATTEMPTS: usize = 100;
/// A body up to this is copied into memory that is there already, or out of it, on the
/// event loop: that takes some 100 µs, as much as the same body costs the loop which
/// it gathers for a handler on the pool, and is not left to wait behind such handlers.
const COPIED_ON_LOOP_BYTES_MAX: usize = 1 << 20;
/// The largest head that a message takes besides a body.
const HEAD_BYTES_MAX: usize = 64 * 1024;

impl Workers {
    /// Takes a call through a worker.
    ///
    /// # Cancel safety
    /// Dropped while it waits for a worker, it never runs. Dropped after that, the
    /// worker is killed.
    pub(crate) async fn call(&self, mut call: Call) -> Result<Answered, Failed> {
        let shared = &self.shared;
        if head_bytes(&call) > HEAD_BYTES_MAX {
            return Err(Failed::HeadTooLarge);
        }
        shared.refuse_poison(&call).await?;
        let queued_at = clock::now();
        for _ in 0..ATTEMPTS {
            let lease = Lease::wait(shared, call.running.deadline, call.longest).await;
            let lease = lease.map_err(Failed::Refused)?;
            let queue_ns = nanoseconds(clock::now() - queued_at);
            match lease.call(&mut call).await {
                Ok(mut answered) => {
                    if let Some(timing) = &mut answered.timing {
                        timing.queue_ns = queue_ns;
                    }
                    return Ok(answered);
                }
                Err(Broken::NeverBegan) => {}
                Err(Broken::Failed(failed)) => return Err(failed),
            }
        }
        Err(Failed::Refused(Refused::NoWorker(
            std::time::Duration::ZERO,
        )))
    }
}

/// What a head takes in a message, lengths and numbers included.
fn head_bytes(call: &Call) -> usize {
    const EACH: usize = 8;
    let head = &call.parts.head;
    let headers = head.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + EACH)
        .sum();
    let values: usize = head
        .path_values()
        .map(|(_, value)| value.len() + EACH)
        .sum();
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    headers + values + target
}

// === Requests that kill ===

impl Shared {
    /// Refuses the very request that killed workers before.
    async fn refuse_poison(self: &Arc<Self>, call: &Call) -> Result<(), Failed> {
        let head = &call.parts.head;
        let target = target_of(call);
        if !self.poison.suspects(head.method.as_str(), &target) {
            return Ok(());
        }
        let (shared, method) = (Arc::clone(self), head.method.clone());
        let body = call.body.clone();
        let left = run_uncounted(&call.running, move || {
            let body = body.into_pieces();
            let pieces: Vec<&[u8]> = body.iter().map(AsRef::as_ref).collect();
            let now = clock::now();
            shared
                .poison
                .is_refused(method.as_str(), &target, &pieces, now)
        });
        match left.await {
            Ok(Some(left)) => Err(Failed::Refused(Refused::Poison(left))),
            Ok(None) => Ok(()),
            Err(error) => Err(Failed::Pool(error.problem())),
        }
    }

    /// Writes down that a call killed its worker.
    async fn note_poison(self: &Arc<Self>, call: &Call) {
        let (shared, method) = (Arc::clone(self), call.parts.head.method.clone());
        let target = target_of(call);
        let body = call.body.clone();
        // Without a thread it is not written down, and tried once more than it should.
        let _ = run_uncounted(&call.running, move || {
            let body = body.into_pieces();
            let pieces: Vec<&[u8]> = body.iter().map(AsRef::as_ref).collect();
            shared
                .poison
                .killed(method.as_str(), &target, &pieces, clock::now());
        })
        .await;
    }
}

fn target_of(call: &Call) -> String {
    let uri = &call.parts.head.uri;
    uri.path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

impl Failed {
    /// The application has no worker processes, and no route that wants one.
    pub(crate) fn nowhere() -> Self {
        Self::Pool(Problem::internal("no worker processes were prepared"))
    }

    /// What the client is told; the rest reaches the log.
    pub(crate) fn problem(self, what: &str) -> Problem {
        match self {
            Self::Refused(refused) => refused.problem(),
            Self::Died(text) => {
                Problem::of(&kinds::WORKER_CRASHED).with_detail(format!("`{what}`: {text}"))
            }
            Self::Pool(problem) => problem,
            Self::HeadTooLarge => Problem::of(&kinds::HEADERS_TOO_LARGE)
                .with_detail("the head is too large for a worker process, which takes 64 KiB"),
        }
    }
}
