//! The messages between the server and its workers, and the checks of what a worker
//! sends.
//!
//! A message is one packet of [`super::socket`]: a type of this file as [`super::codec`]
//! writes it, with bytes borrowed from the packet. A call and an answer end in a head,
//! which the caller writes, reads and checks.
//!
//! The server trusts nothing that a worker sends: lists have bounds while they are
//! decoded, and [`check`] makes of an [`AnswerMessage`] what cannot harm the server. The
//! worker trusts the server, which is its parent and the same program.
//!
//! Whether a range lies inside a segment is checked by
//! [`SharedRange::of`](super::segment::SharedRange::of).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    codec::{self, HeadBytes},
    fields::{at_most, bytes as raw},
    types::{Malformed, TooLong},
};
use crate::timing::{Detail, Timing};

/// A body above this is put into shared memory where some can be had: it is copied
/// once there, and four times in a message.
pub(super) const SHARED_BYTES_MIN: usize = 8 * 1024;

/// The largest body that travels in the message itself.
pub(super) const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The version of the envelope and of every head. Both sides are the same program,
/// unless it was replaced on disk while the server ran.
pub(super) const VERSION: u32 = 4;

/// The most segments that one message returns, and the most notes that it brings.
pub(super) const LIST_MAX: usize = 64;

// === The calls' socket ===

/// To the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum ToWorker<'a> {
    /// Its head follows.
    #[serde(borrow)]
    Call(CallMessage<'a>),
    /// The segment that was asked for. Its descriptor is attached where it is new.
    LendSegment { id: u32, is_new: bool },
    /// No segment can be had.
    NoSegment,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CallMessage<'a> {
    pub(super) number: u64,
    pub(super) class: u32,
    pub(super) time_left_us: Option<u64>,
    #[serde(borrow)]
    pub(super) body: BodyMessage<'a>,
    /// A segment that is lent for the answer beforehand.
    pub(super) spare: Option<u32>,
    /// The segments whose descriptors are attached, in their order.
    pub(super) segments_new: Vec<u32>,
}

/// A call's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum BodyMessage<'a> {
    Inline(#[serde(serialize_with = "raw")] &'a [u8]),
    /// The first bytes of a segment.
    Segment {
        id: u32,
        bytes: u64,
    },
}

/// From the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum FromWorker<'a> {
    #[serde(borrow)]
    Ready(Ready<'a>),
    /// A segment is wanted for an answer of that size.
    WantSegment { call: u64, bytes: u64 },
    /// Its head follows.
    #[serde(borrow)]
    Answer(AnswerMessage<'a>),
    /// A piece of a streamed answer: reserved, sent by no worker yet.
    Piece {
        call: u64,
        #[serde(serialize_with = "raw")]
        bytes: &'a [u8],
        is_last: bool,
    },
}

/// The worker can take its first call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ready<'a> {
    pub(super) version: u32,
    pub(super) fingerprint: u64,
    /// What could not be applied of the sandbox.
    #[serde(borrow, deserialize_with = "at_most::<LIST_MAX, _, _>")]
    pub(super) notes: Vec<&'a str>,
}

/// An answer. Nothing in it was checked: see [`check`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AnswerMessage<'a> {
    pub(super) call: u64,
    pub(super) ran: Option<Ran>,
    #[serde(borrow)]
    pub(super) body: AnswerBodyMessage<'a>,
    /// The segments that the worker uses no more. One that holds this answer may
    /// be among them: it is read first.
    #[serde(deserialize_with = "at_most::<LIST_MAX, _, _>")]
    pub(super) returned: Vec<u32>,
    /// The worker takes no other call.
    pub(super) retires: bool,
    /// The server has not yet read all that was written during the call.
    pub(super) has_output: bool,
}

/// How long the call ran, and where that time went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ran {
    pub(super) wall_ns: u64,
    pub(super) detail: Option<RanDetail>,
}

/// The three add up to the wall-clock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RanDetail {
    pub(super) cpu_ns: u64,
    pub(super) delay_ns: u64,
    pub(super) blocked_ns: u64,
}

/// An answer's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum AnswerBodyMessage<'a> {
    Inline(#[serde(serialize_with = "raw")] &'a [u8]),
    Segment { id: u32, offset: u64, bytes: u64 },
}

impl<'a> ToWorker<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<(Self, HeadBytes<'a>), Malformed> {
        let (message, head) = codec::split(bytes)?;
        if !matches!(message, Self::Call(_)) {
            codec::nothing_more(head)?;
        }
        Ok((message, HeadBytes::new(head)))
    }
}

impl<'a> FromWorker<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<(Self, HeadBytes<'a>), Malformed> {
        let (message, head) = codec::split(bytes)?;
        if !matches!(message, Self::Answer(_)) {
            codec::nothing_more(head)?;
        }
        Ok((message, HeadBytes::new(head)))
    }
}

// === The control socket ===

/// To the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Control {
    Ping(u64),
    /// That call's answer is not wanted any more.
    Cancel(u64),
    /// The server keeps these segments no more.
    Unmap(Vec<u32>),
}

/// From the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum ControlReply {
    Pong(u64),
}

// === What an answer must be ===

/// An answer's envelope after all checks for which nothing but the message is needed.
#[derive(Clone, Debug)]
pub(super) struct CheckedAnswer {
    /// Within the time that passed on the server; the detail adds up to the wall-clock
    /// time. Nothing is known here of the time in the queue.
    pub(super) timing: Option<Timing>,
    pub(super) body: CheckedBody,
    pub(super) returned: Vec<u32>,
    pub(super) retires: bool,
    pub(super) has_output: bool,
}

/// An answer's body. The segment is still to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CheckedBody {
    Inline(Bytes),
    Segment { id: u32, offset: u64, bytes: u64 },
}

/// Checks the envelope of an answer. The head is the caller's to check.
pub(super) fn check(
    answer: AnswerMessage<'_>,
    expected_call: u64,
    elapsed_ns: u64,
) -> Result<CheckedAnswer, Malformed> {
    if answer.call != expected_call {
        return malformed(format!("call {} instead of {expected_call}", answer.call));
    }
    if answer.returned.len() > LIST_MAX {
        return malformed("too many entries in a list");
    }
    Ok(CheckedAnswer {
        timing: answer.ran.map(|ran| ran.within(elapsed_ns)),
        body: checked_body(&answer.body)?,
        returned: answer.returned,
        retires: answer.retires,
        has_output: answer.has_output,
    })
}

fn malformed<T>(what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed::new(what))
}

fn checked_body(body: &AnswerBodyMessage<'_>) -> Result<CheckedBody, Malformed> {
    match *body {
        AnswerBodyMessage::Inline(bytes) if bytes.len() > INLINE_BYTES_MAX => {
            malformed(format!("a body of {} bytes in the message", bytes.len()))
        }
        AnswerBodyMessage::Inline(bytes) => Ok(CheckedBody::Inline(Bytes::copy_from_slice(bytes))),
        AnswerBodyMessage::Segment { id, offset, bytes } if offset.checked_add(bytes).is_some() => {
            Ok(CheckedBody::Segment { id, offset, bytes })
        }
        AnswerBodyMessage::Segment { .. } => malformed("a range without an end"),
    }
}

impl CheckedBody {
    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Segment { bytes, .. } => *bytes,
        }
    }
}

impl Ran {
    pub(super) fn of(timing: &Timing) -> Self {
        Self {
            wall_ns: timing.wall_ns,
            detail: timing.detail.map(|detail| RanDetail {
                cpu_ns: detail.cpu_ns,
                delay_ns: detail.delay_ns,
                blocked_ns: detail.blocked_ns,
            }),
        }
    }

    /// Cut to what the server's own clock allows: first the wall-clock time, then the
    /// processor time, then the run-queue delay. The rest was blocked.
    fn within(self, elapsed_ns: u64) -> Timing {
        let wall_ns = self.wall_ns.min(elapsed_ns);
        let detail = self.detail.map(|told| {
            let cpu_ns = told.cpu_ns.min(wall_ns);
            let delay_ns = told.delay_ns.min(wall_ns - cpu_ns);
            Detail {
                cpu_ns,
                delay_ns,
                blocked_ns: wall_ns - cpu_ns - delay_ns,
            }
        });
        Timing {
            queue_ns: 0,
            wall_ns,
            detail,
        }
    }
}

// === What the fuzzer calls ===

/// Decodes and checks whatever a worker may send, and asserts that what is left is
/// sound. Returns the head of an answer and the length of its body.
pub fn fuzz_from_worker(bytes: &[u8]) -> Option<(HeadBytes<'_>, u64)> {
    if let Ok(message) = codec::decode::<ControlReply>(bytes) {
        assert_survives(&message, bytes.len());
    }
    let (message, head) = FromWorker::decode(bytes).ok()?;
    assert_survives(&message, bytes.len());
    let FromWorker::Answer(answer) = message else {
        return None;
    };
    let (call, elapsed_ns) = (answer.call, answer.call.rotate_left(32));
    assert!(check(answer.clone(), !call, elapsed_ns).is_err());
    let checked = check(answer, call, elapsed_ns).ok()?;
    assert_sound(&checked, elapsed_ns);
    Some((head, checked.body.len()))
}

/// Decodes whatever the server may send: nothing panics, and what was read can be
/// written again. Returns the head of a call.
pub fn fuzz_to_worker(bytes: &[u8]) -> Option<HeadBytes<'_>> {
    if let Ok(message) = codec::decode::<Control>(bytes) {
        assert_survives(&message, bytes.len());
    }
    let (message, head) = ToWorker::decode(bytes).ok()?;
    assert_survives(&message, bytes.len());
    matches!(message, ToWorker::Call(_)).then_some(head)
}

/// Asserts that the message is the same after another round, and no longer than it came.
fn assert_survives<T>(message: &T, length: usize)
where
    T: Serialize + for<'a> Same<'a>,
{
    let mut buffer = Vec::new();
    match codec::encode(message, &mut buffer) {
        Ok(()) => {
            assert!(buffer.len() <= length);
            assert!(message.is_in(&buffer), "it came back as another");
        }
        Err(TooLong { bytes_max }) => assert!(length > bytes_max),
    }
}

/// Messages borrow from their buffer, so a second one is of another type than the
/// first, with another lifetime.
trait Same<'a> {
    fn is_in(&self, buffer: &'a [u8]) -> bool;
}

macro_rules! same {
    ($($message:ty => $other:ty),+) => {$(
        impl<'a> Same<'a> for $message {
            fn is_in(&self, buffer: &'a [u8]) -> bool {
                codec::decode::<$other>(buffer).is_ok_and(|other| other == *self)
            }
        }
    )+};
}
same!(ToWorker<'_> => ToWorker<'a>, FromWorker<'_> => FromWorker<'a>, Control => Control, ControlReply => ControlReply);

fn assert_sound(checked: &CheckedAnswer, elapsed_ns: u64) {
    assert!(checked.returned.len() <= LIST_MAX);
    match &checked.body {
        CheckedBody::Inline(bytes) => assert!(bytes.len() <= INLINE_BYTES_MAX),
        CheckedBody::Segment { offset, bytes, .. } => {
            assert!(offset.checked_add(*bytes).is_some());
        }
    }
    if let Some(timing) = checked.timing {
        assert!(timing.wall_ns <= elapsed_ns);
        let sum = |detail: Detail| detail.cpu_ns + detail.delay_ns + detail.blocked_ns;
        assert!(
            timing
                .detail
                .is_none_or(|detail| sum(detail) == timing.wall_ns)
        );
    }
}

#[cfg(test)]
mod tests;
