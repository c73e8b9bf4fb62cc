//! What is sent with a call: the body, in the message or in a segment, and a segment
//! for the answer. A segment that was taken and not sent is given back.

use std::{
    os::fd::BorrowedFd,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;

use super::{AttemptError, COPIED_ON_LOOP_BYTES_MAX};
use crate::{
    clock,
    process::{
        CallError, Caller, ProcessCall, TooLong,
        call_body::{CallBody, joined},
        codec,
        lease::Lease,
        messages::{BodyMessage, CallMessage, INLINE_BYTES_MAX, SHARED_BYTES_MIN, ToWorker},
        segment::{Segment, SegmentError},
        worker_handle::WorkerHandle,
    },
};

/// Bodies up to this are kept until the answer is there. Larger ones are read from their
/// segment, should they be wanted again.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// A call's body where the worker will find it, and a segment for its answer.
pub(super) struct Loaded {
    body: LoadedBody,
    spare: Option<Loan>,
}

enum LoadedBody {
    Inline(Bytes),
    /// The first bytes of a segment, that many.
    Segment(Loan, usize),
}

impl Lease {
    /// Puts the body where the worker finds it.
    pub(super) async fn load<C: Caller>(
        &self,
        call: &ProcessCall<C>,
        body: &CallBody,
    ) -> Result<Loaded, AttemptError<C::OffLoopError>> {
        let body = match body {
            CallBody::Nothing => LoadedBody::Inline(Bytes::new()),
            CallBody::Bytes(pieces) if body.len() <= INLINE_BYTES_MAX => {
                self.load_small(body, pieces)
            }
            CallBody::Bytes(_) | CallBody::Segment(..) => self.load_segment(call, body).await?,
        };
        let hint = self.worker.answer_bytes.load(Ordering::Relaxed);
        let spare = if hint <= SHARED_BYTES_MIN {
            None
        } else if hint <= INLINE_BYTES_MAX {
            // Made here, where it is not there: the worker does not ask for one.
            Loan::take(&self.worker, hint).ok()
        } else {
            Loan::free(&self.worker, hint)
        };
        Ok(Loaded { body, spare })
    }

    /// A body that may travel in the message, but does not have to.
    fn load_small(&self, body: &CallBody, pieces: &[Bytes]) -> LoadedBody {
        let bytes = body.len();
        if bytes > SHARED_BYTES_MIN
            && let Ok(loan) = Loan::take(&self.worker, bytes)
        {
            body.write_to(&loan.segment);
            return LoadedBody::Segment(loan, bytes);
        }
        LoadedBody::Inline(joined(pieces))
    }

    async fn load_segment<C: Caller>(
        &self,
        call: &ProcessCall<C>,
        body: &CallBody,
    ) -> Result<LoadedBody, AttemptError<C::OffLoopError>> {
        let bytes = body.len();
        if bytes <= COPIED_ON_LOOP_BYTES_MAX
            && let Some(loan) = Loan::free(&self.worker, bytes)
        {
            body.write_to(&loan.segment);
            return Ok(LoadedBody::Segment(loan, bytes));
        }
        let (worker, body) = (Arc::clone(&self.worker), body.clone());
        let written = call.caller.off_loop(move || {
            let loan = Loan::take(&worker, bytes)?;
            body.write_to(&loan.segment);
            Ok(loan)
        });
        let written: Result<_, SegmentError> = written.await.map_err(CallError::OffLoop)?;
        match written {
            Ok(loan) => Ok(LoadedBody::Segment(loan, bytes)),
            Err(error) => Err(error.log().into()),
        }
    }
}

impl Loaded {
    pub(super) fn inline_bytes(&self) -> usize {
        match &self.body {
            LoadedBody::Inline(bytes) => bytes.len(),
            LoadedBody::Segment(..) => 0,
        }
    }

    /// The segments that the worker does not know yet.
    fn unknown(&self) -> impl Iterator<Item = &Arc<Segment>> {
        let body = match &self.body {
            LoadedBody::Segment(loan, _) => Some(loan),
            LoadedBody::Inline(_) => None,
        };
        let loans = body.into_iter().chain(&self.spare);
        loans.filter(|loan| loan.is_new).map(|loan| &loan.segment)
    }

    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.unknown().map(|segment| segment.as_fd())
    }

    /// The worker has it now. A large body is let go of: it is in its segment.
    pub(super) fn sent(self, body: &mut CallBody) {
        if let LoadedBody::Segment(loan, bytes) = self.body {
            let segment = loan.sent();
            if bytes > KEPT_BYTES_MAX {
                *body = CallBody::Segment(segment, bytes);
            }
        }
        if let Some(spare) = self.spare {
            spare.sent();
        }
    }

    pub(super) fn encode_call<C: Caller>(
        &self,
        call: &ProcessCall<C>,
        number: u64,
        into: &mut Vec<u8>,
    ) -> Result<(), TooLong> {
        let time_left_us = call.deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(clock::now());
            u64::try_from(left.as_micros()).unwrap_or(u64::MAX)
        });
        let message = ToWorker::Call(CallMessage {
            number,
            class: u32::try_from(call.class).unwrap_or(u32::MAX),
            time_left_us,
            body: match &self.body {
                LoadedBody::Inline(bytes) => BodyMessage::Inline(bytes),
                LoadedBody::Segment(loan, bytes) => BodyMessage::Segment {
                    id: loan.segment.id(),
                    bytes: *bytes as u64,
                },
            },
            spare: self.spare.as_ref().map(|loan| loan.segment.id()),
            segments_new: self.unknown().map(|segment| segment.id()).collect(),
        });
        codec::encode_with(&message, into, |head| call.caller.write_head(head))
    }
}

impl SegmentError {
    pub(super) fn log<E>(&self) -> CallError<E> {
        tracing::warn!(error = %self, "no shared memory for the body of a request or an answer");
        CallError::NoMemory
    }
}

/// A segment that is about to be lent. It is taken back, unless it is sent.
pub(super) struct Loan {
    worker: Arc<WorkerHandle>,
    pub(super) segment: Arc<Segment>,
    /// The worker does not have its descriptor yet.
    pub(super) is_new: bool,
    is_sent: bool,
}

impl Loan {
    /// A segment of at least that size, made where none is free.
    pub(super) fn take(worker: &Arc<WorkerHandle>, bytes: usize) -> Result<Self, SegmentError> {
        let (segment, is_new) = worker.segments.take(bytes)?;
        Ok(Self::of(worker, segment, is_new))
    }

    /// One that is free already.
    pub(super) fn free(worker: &Arc<WorkerHandle>, bytes: usize) -> Option<Self> {
        let (segment, is_new) = worker.segments.take_free(bytes)?;
        Some(Self::of(worker, segment, is_new))
    }

    fn of(worker: &Arc<WorkerHandle>, segment: Arc<Segment>, is_new: bool) -> Self {
        Self {
            worker: Arc::clone(worker),
            segment,
            is_new,
            is_sent: false,
        }
    }

    pub(super) fn sent(mut self) -> Arc<Segment> {
        self.is_sent = true;
        self.segment.mark_sent();
        Arc::clone(&self.segment)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if !self.is_sent {
            let was_held = self.worker.segments.returned(self.segment.id());
            debug_assert!(was_held, "no other code gives it back");
        }
    }
}
