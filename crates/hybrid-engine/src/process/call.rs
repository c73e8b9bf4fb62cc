//! One call through one worker, on its event loop: take a worker, send the call, serve
//! what the worker asks for, check what it answers.
//!
//! Work that grows with the body (copying it into shared memory, making that memory)
//! runs off the event loop where it takes longer than the way there. A caller that drops
//! the future in the middle of a call has the worker killed.

mod exchange;
mod loading;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::{
    Answered, CallError, Caller, NotTaken, ProcessCall,
    call_body::CallBody,
    lease::Lease,
    messages::Control,
    poison::Identity,
    worker_handle::WorkerHandle,
    workers::{Workers, WorkersShared},
};
use crate::clock::{self, nanoseconds};

/// Tells a call in its worker that the answer is not wanted any more.
#[derive(Clone, Default)]
pub struct CancelHandle(Arc<Mutex<SentTo>>);

/// The worker, and the number of the call.
type SentTo = Option<(Weak<WorkerHandle>, u64)>;

impl CancelHandle {
    /// Cancels the call's ticket in the worker, where the call was sent.
    pub fn cancel(&self) {
        let sent_to = self.sent_to().clone();
        if let Some((worker, number)) = sent_to
            && let Some(worker) = worker.upgrade()
        {
            worker.send_control(&Control::Cancel(number));
        }
    }

    fn sent_to(&self) -> MutexGuard<'_, SentTo> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.sent_to().as_ref().map(|(_, number)| *number);
        f.debug_tuple("CancelHandle").field(&number).finish()
    }
}

/// How an attempt on one worker failed.
enum AttemptError<E> {
    /// The worker ended before it took the call: another may have it.
    NeverBegan,
    Failed(CallError<E>),
}

impl<E> From<CallError<E>> for AttemptError<E> {
    fn from(error: CallError<E>) -> Self {
        Self::Failed(error)
    }
}

/// On how many workers a call is tried that none has begun: all of them may have been
/// killed a moment ago. The attempts end sooner by the time that a call may wait.
const ATTEMPTS: usize = 100;
/// A body up to this is copied into memory that is there already, or out of it, on the
/// event loop. That takes some 100 µs, as much as the event loop needs to gather the same
/// body for a handler on the pool, and does not wait behind such handlers.
const COPIED_ON_LOOP_BYTES_MAX: usize = 1 << 20;

impl Workers {
    /// Takes a call through a worker.
    ///
    /// # Errors
    /// No worker took it, or the worker gave no sound answer.
    ///
    /// # Cancel safety
    /// A call that is dropped while it waits for a worker never runs. If it is dropped
    /// after that, the worker is killed.
    pub async fn call<C: Caller>(
        &self,
        mut call: ProcessCall<C>,
    ) -> Result<Answered<C::Answer>, CallError<C::OffLoopError>> {
        let shared = &self.shared;
        let mut body = CallBody::from(std::mem::take(&mut call.body));
        shared.refuse_poison(&call, &body).await?;
        let queued_at = clock::now();
        for _ in 0..ATTEMPTS {
            let lease = Lease::wait(shared, call.deadline, call.wait_until).await;
            let lease = lease.map_err(CallError::NotTaken)?;
            let queue_ns = nanoseconds(clock::now() - queued_at);
            match lease.call(&call, &mut body).await {
                Ok(mut answered) => {
                    if let Some(timing) = &mut answered.timing {
                        timing.queue_ns = queue_ns;
                    }
                    return Ok(answered);
                }
                Err(AttemptError::NeverBegan) => {}
                Err(AttemptError::Failed(error)) => return Err(error),
            }
        }
        let at_once = std::time::Duration::ZERO;
        Err(CallError::NotTaken(NotTaken::NoWorker(at_once)))
    }
}

// === Calls that end their workers ===

impl WorkersShared {
    /// Refuses the very call that ended workers before.
    async fn refuse_poison<C: Caller>(
        self: &Arc<Self>,
        call: &ProcessCall<C>,
        body: &CallBody,
    ) -> Result<(), CallError<C::OffLoopError>> {
        let identity = self
            .poison
            .suspects(|hasher| call.caller.hash_identity(hasher));
        let Some(identity) = identity else {
            return Ok(());
        };
        let (shared, body) = (Arc::clone(self), body.clone());
        let hash = move || {
            let body = body.into_pieces();
            shared.poison.is_refused(&identity, &body, clock::now())
        };
        match call.caller.off_loop(hash).await {
            Ok(Some(left)) => Err(CallError::NotTaken(NotTaken::Poison(left))),
            Ok(None) => Ok(()),
            Err(error) => Err(CallError::OffLoop(error)),
        }
    }

    /// Notes that a call ended its worker.
    async fn note_poison<C: Caller>(self: &Arc<Self>, call: &ProcessCall<C>, body: &CallBody) {
        let identity: Identity = self
            .poison
            .identity(|hasher| call.caller.hash_identity(hasher));
        let (shared, body) = (Arc::clone(self), body.clone());
        // Where this does not run the call is not noted, and tried once more than it
        // should be.
        let _ = call
            .caller
            .off_loop(move || {
                let body = body.into_pieces();
                shared.poison.note(&identity, &body, clock::now());
            })
            .await;
    }
}
