//! What is sent with a call: the body, in the message or in a segment, and a segment
//! for the answer. Whatever was lent and not sent is taken back.

use std::{
    os::fd::BorrowedFd,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;

use super::{Broken, COPIED_ON_LOOP_BYTES_MAX, Call, Failed, target_of};
use crate::{
    dispatch::process::{
        Lease, Worker,
        frame::{self, INLINE_BYTES_MAX, SHARED_BYTES_MIN, ToWorker},
        payload::{Payload, joined},
        segment::{Lack, Segment},
    },
    head::ClientAddr,
    offload::run_uncounted,
    problem::Problem,
    telemetry::clock,
};

/// Bodies up to this are kept until the answer is there; larger ones are found in
/// their segment, should they be wanted again.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// A call's body where the worker will find it, and a segment for its answer.
pub(super) struct Loaded {
    body: LoadedBody,
    spare: Option<Loan>,
}

enum LoadedBody {
    Nothing,
    Inline(Bytes),
    /// In a segment, of which it takes that many bytes.
    Segment(Loan, usize),
    TooLarge,
    Unread,
}

impl Lease {
    /// Puts the body where the worker finds it.
    pub(super) async fn load(&self, call: &Call) -> Result<Loaded, Broken> {
        let body = match &call.body {
            Payload::Nothing => LoadedBody::Nothing,
            Payload::TooLarge => LoadedBody::TooLarge,
            Payload::Unread => LoadedBody::Unread,
            Payload::Bytes(pieces) if call.body.len() <= INLINE_BYTES_MAX => {
                self.load_small(call, pieces)
            }
            Payload::Bytes(_) | Payload::Shared(..) => self.load_segment(call).await?,
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
    fn load_small(&self, call: &Call, pieces: &[Bytes]) -> LoadedBody {
        let bytes = call.body.len();
        if bytes > SHARED_BYTES_MIN
            && let Ok(loan) = Loan::take(&self.worker, bytes)
        {
            call.body.write_to(&loan.segment);
            return LoadedBody::Segment(loan, bytes);
        }
        LoadedBody::Inline(joined(pieces))
    }

    async fn load_segment(&self, call: &Call) -> Result<LoadedBody, Broken> {
        let bytes = call.body.len();
        if bytes <= COPIED_ON_LOOP_BYTES_MAX
            && let Some(loan) = Loan::free(&self.worker, bytes)
        {
            call.body.write_to(&loan.segment);
            return Ok(LoadedBody::Segment(loan, bytes));
        }
        let (worker, body) = (Arc::clone(&self.worker), call.body.clone());
        let written = run_uncounted(&call.running, move || {
            let loan = Loan::take(&worker, bytes)?;
            body.write_to(&loan.segment);
            Ok(loan)
        });
        let written: Result<_, Lack> = written
            .await
            .map_err(|error| Broken::Failed(Failed::Pool(error.problem())))?;
        match written {
            Ok(loan) => Ok(LoadedBody::Segment(loan, bytes)),
            Err(lack) => Err(Broken::Failed(Failed::Pool(no_memory(&lack)))),
        }
    }
}

impl Loaded {
    pub(super) fn inline_bytes(&self) -> usize {
        match &self.body {
            LoadedBody::Inline(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// The segments that the worker does not know yet.
    fn unknown(&self) -> impl Iterator<Item = &Arc<Segment>> {
        let body = match &self.body {
            LoadedBody::Segment(loan, _) => Some(loan),
            _ => None,
        };
        let loans = body.into_iter().chain(&self.spare);
        loans.filter(|loan| loan.is_new).map(|loan| &loan.segment)
    }

    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.unknown().map(|segment| segment.as_fd())
    }

    /// The worker has it now. A large body is let go of: it is in its segment.
    pub(super) fn sent(self, call: &mut Call) {
        if let LoadedBody::Segment(loan, bytes) = self.body {
            let segment = loan.sent();
            if bytes > KEPT_BYTES_MAX {
                call.body = Payload::Shared(segment, bytes);
            }
        }
        if let Some(spare) = self.spare {
            spare.sent();
        }
    }
}

pub(super) fn no_memory(lack: &Lack) -> Problem {
    tracing::warn!(%lack, "no shared memory for the body of a request or an answer");
    Problem::overloaded("no shared memory is left for a body of this size")
}

/// A segment that is about to be lent: taken back, unless it is sent.
pub(super) struct Loan {
    worker: Arc<Worker>,
    pub(super) segment: Arc<Segment>,
    /// The worker does not have its descriptor yet.
    pub(super) is_new: bool,
    is_sent: bool,
}

impl Loan {
    /// A segment of at least that size, made where none is free.
    pub(super) fn take(worker: &Arc<Worker>, bytes: usize) -> Result<Self, Lack> {
        let (segment, is_new) = worker.segments.take(bytes)?;
        Ok(Self::of(worker, segment, is_new))
    }

    /// One that is free already.
    pub(super) fn free(worker: &Arc<Worker>, bytes: usize) -> Option<Self> {
        let (segment, is_new) = worker.segments.take_free(bytes)?;
        Some(Self::of(worker, segment, is_new))
    }

    fn of(worker: &Arc<Worker>, segment: Arc<Segment>, is_new: bool) -> Self {
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
            debug_assert!(was_held, "nobody else gives it back");
        }
    }
}

pub(super) fn encode_call(
    call: &Call,
    number: u64,
    loaded: &Loaded,
    into: &mut Vec<u8>,
) -> Result<(), Broken> {
    let head = &call.parts.head;
    let target = target_of(call);
    let values = head.path_values().map(|(_, value)| value).collect();
    let headers = head.headers.iter();
    let left = call.running.deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(clock::now());
        u64::try_from(left.as_micros()).unwrap_or(u64::MAX)
    });
    let client: Option<ClientAddr> = head.extensions.get().copied();
    let message = ToWorker::Call(frame::Call {
        number,
        route: u32::try_from(call.parts.matched_route().index).unwrap_or(u32::MAX),
        method: head.method.as_str(),
        target: &target,
        version: version_number(head.version),
        headers: headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect(),
        values,
        peer: head.peer().addr,
        client: client.map(|client| client.ip()),
        time_left_us: left,
        body: match &loaded.body {
            LoadedBody::Nothing => frame::Payload::Nothing,
            LoadedBody::Inline(bytes) => frame::Payload::Inline(bytes),
            LoadedBody::Segment(loan, bytes) => frame::Payload::Segment {
                id: loan.segment.id(),
                bytes: *bytes as u64,
            },
            LoadedBody::TooLarge => frame::Payload::TooLarge,
            LoadedBody::Unread => frame::Payload::Unread,
        },
        spare: loaded.spare.as_ref().map(|loan| loan.segment.id()),
        segments_new: loaded.unknown().map(|segment| segment.id()).collect(),
    });
    frame::encode(&message, into).map_err(|_| Broken::Failed(Failed::HeadTooLarge))
}

fn version_number(version: http::Version) -> u8 {
    match version {
        http::Version::HTTP_09 => 9,
        http::Version::HTTP_10 => 10,
        http::Version::HTTP_2 => 20,
        http::Version::HTTP_3 => 30,
        _ => 11,
    }
}
