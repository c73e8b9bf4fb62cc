//! One worker process, as the server knows it from the moment when it is ready until it
//! is reaped.

use std::{
    fmt,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};

use rustix::process::Pid;
use tokio::io::unix::AsyncFd;

use super::{
    codec,
    messages::Control,
    segment::{SegmentBudget, Segments},
    socket,
};

/// No class of work: the worker is idle.
pub(super) const IDLE: usize = usize::MAX;

pub(super) struct WorkerHandle {
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
    pub(super) calls: AsyncFd<OwnedFd>,
    pub(super) control: OwnedFd,
    pub(super) segments: Segments,
    /// The last call's number.
    pub(super) number: AtomicU64,
    /// The class of work that it runs, by index; or [`IDLE`].
    pub(super) class: AtomicUsize,
    /// The class of work that it runs or ran last: its output is often read later than
    /// its answer.
    pub(super) class_last: AtomicUsize,
    /// An [`EndReason`].
    end_reason: AtomicU8,
    /// Calls that it has answered.
    pub(super) served: AtomicU64,
    /// How many calls it had answered when the supervisor last checked it.
    pub(super) served_before: AtomicU64,
    /// It is to be replaced after its call: it uses too much memory, say.
    pub(super) retires: AtomicBool,
    /// It wrote something during its last call. The supervisor reads that and gives the
    /// worker back: what the next call writes belongs to another class.
    pub(super) has_output: AtomicBool,
    pub(super) rss_bytes: AtomicUsize,
    /// How large its answers are, so that a segment for the next one can be lent
    /// beforehand: the last one, or what is left of a larger one before.
    pub(super) answer_bytes: AtomicUsize,
    /// What messages are received into, by the call that holds the worker.
    pub(super) buffer: Mutex<Vec<u8>>,
}

/// Why a worker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum EndReason {
    /// It is not to end.
    None,
    /// The deadline of its call passed.
    Deadline,
    /// The client of its call left.
    ClientLeft,
    /// It sent a malformed message.
    Malformed,
    /// It is gone already, or has closed its socket.
    Lost,
    /// It was stopped from outside, or did not reply to a ping.
    Unresponsive,
    /// It has served enough, or uses too much memory. It ends by itself.
    Recycled,
    /// The lane is closed. It ends by itself.
    Closed,
}

impl EndReason {
    const ALL: [Self; 8] = [
        Self::None,
        Self::Deadline,
        Self::ClientLeft,
        Self::Malformed,
        Self::Lost,
        Self::Unresponsive,
        Self::Recycled,
        Self::Closed,
    ];

    /// Whether the worker ends by itself, when it learns that no call comes any more.
    pub(super) const fn is_graceful(self) -> bool {
        matches!(self, Self::Recycled | Self::Closed)
    }
}

impl WorkerHandle {
    pub(super) fn new(
        pid: Pid,
        pidfd: OwnedFd,
        calls: AsyncFd<OwnedFd>,
        control: OwnedFd,
        segment_budget: Arc<SegmentBudget>,
    ) -> Self {
        Self {
            pid,
            pidfd,
            calls,
            control,
            segments: Segments::new(segment_budget),
            number: AtomicU64::new(0),
            class: AtomicUsize::new(IDLE),
            class_last: AtomicUsize::new(IDLE),
            end_reason: AtomicU8::new(EndReason::None as u8),
            served: AtomicU64::new(0),
            served_before: AtomicU64::new(0),
            retires: AtomicBool::new(false),
            has_output: AtomicBool::new(false),
            rss_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            buffer: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.end_reason() == EndReason::None
    }

    pub(super) fn end_reason(&self) -> EndReason {
        EndReason::ALL[usize::from(self.end_reason.load(Ordering::Acquire))]
    }

    /// `false` where there is a reason already, which stays.
    pub(super) fn set_end_reason(&self, why: EndReason) -> bool {
        self.end_reason
            .compare_exchange(
                EndReason::None as u8,
                why as u8,
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.class.load(Ordering::Relaxed) != IDLE
    }

    pub(super) fn set_busy(&self, class: usize) {
        self.class.store(class, Ordering::Relaxed);
        self.class_last.store(class, Ordering::Relaxed);
    }

    pub(super) fn set_idle(&self) {
        self.class.store(IDLE, Ordering::Relaxed);
    }

    /// Remembers how large an answer was. A large one counts for a while, among small
    /// ones.
    pub(super) fn note_answer(&self, bytes: usize) {
        let before = self.answer_bytes.load(Ordering::Relaxed);
        let left = before - before / 8;
        self.answer_bytes.store(bytes.max(left), Ordering::Relaxed);
    }

    /// Drops free segments, until those that are left take at most that many bytes.
    pub(super) fn trim_segments(&self, keep_bytes: usize) {
        let dropped = self.segments.trim(keep_bytes);
        if !dropped.is_empty() {
            self.send_control(&Control::Unmap(dropped));
        }
    }

    /// Sends it something besides its calls. An error shows later: the worker does not
    /// reply to the next ping.
    pub(super) fn send_control(&self, control: &Control) {
        let mut message = Vec::with_capacity(64);
        if codec::encode(control, &mut message).is_ok() {
            let _ = socket::send_now(&self.control, &message, &[]);
        }
    }
}

impl fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerHandle({})", self.pid.as_raw_pid())
    }
}
