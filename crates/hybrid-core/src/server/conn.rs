//! What is known of one connection while it lives: where it stands, since when,
//! and which of its limits has passed.
//!
//! The I/O object, the service and the bodies write it as they go; the sweeper
//! reads it once a tick and wakes the connection's task, which judges again and
//! acts. So no decision is made on a stale reading, and nothing is timed on the
//! request's path. All values stand alone, hence `Relaxed` throughout.
//!
//! ```text
//! HTTP/1   Waiting ─bytes→ Head ─request→ Busy ─answer's body dropped→ Waiting
//!          (or → Head again where bytes of a next request are there already)
//! HTTP/2   Head ─preface and SETTINGS→ Waiting ⇄ Busy (streams running)
//! ```

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;

use hyper::body::Incoming;

use super::{
    delivery::Delivery,
    shared::{ServerState, Stage},
    stream::Stream,
    ticks::Millis,
    waiting::BodyWait,
};
use crate::head::Peer;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// No byte of a request is there.
    Waiting,
    /// A part of a head is there.
    Head,
    /// A request is being served.
    Busy,
    /// The connection speaks another protocol now.
    Upgraded,
}

/// A limit that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// No request came.
    Idle,
    /// A head began and did not end.
    SlowHead,
    /// The client takes nothing of what is written.
    Stuck,
}

/// One connection, as its parts and the sweeper see it.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) shared: Arc<ServerState>,
    pub(crate) peer: Peer,
    phase: AtomicU8,
    since: AtomicU64,
    /// What is on its way to the client: while something is, no other clock runs.
    delivery: Delivery,
    /// No request has come yet.
    fresh: AtomicBool,
    /// HTTP/2: bytes do not begin a head.
    multiplexed: AtomicBool,
    /// The last read found bytes, so hyper may hold some of a next request.
    more: AtomicBool,
    /// Bytes are known to wait that have not been read yet.
    expecting: AtomicBool,
    /// The client has closed its side.
    ended: AtomicBool,
    /// The last answer left a part of its request's body unread.
    unread: AtomicBool,
    /// The end of the connection tells where its answer ends.
    ends_with_answer: AtomicBool,
    /// The status of an answer of hyper's own that was held back, 0 for none.
    held_back: AtomicU16,
    /// Woken by the sweeper and by changes of the stage.
    waker: AtomicWaker,
    /// The body of the request that an HTTP/1 connection serves.
    pub(crate) body: BodyWait,
    /// The small rest of that body where its reader is gone.
    rest: Mutex<Option<Box<Incoming>>>,
    /// The streams of an HTTP/2 connection that run.
    streams: Mutex<Vec<Arc<Stream>>>,
}

impl Conn {
    pub(crate) fn new(shared: &Arc<ServerState>, peer: Peer) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(shared),
            peer,
            phase: AtomicU8::new(Phase::Waiting as u8),
            since: AtomicU64::new(shared.ticks.now()),
            delivery: Delivery::default(),
            fresh: AtomicBool::new(true),
            multiplexed: AtomicBool::new(false),
            more: AtomicBool::new(false),
            expecting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            ends_with_answer: AtomicBool::new(false),
            held_back: AtomicU16::new(0),
            waker: AtomicWaker::new(),
            body: BodyWait::default(),
            rest: Mutex::default(),
            streams: Mutex::default(),
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Waiting,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Upgraded,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.shared.ticks.now(), Relaxed);
    }

    /// The limit that has passed, if one has for certain: what is still on its way
    /// to the client was looked at since.
    pub(crate) fn lapse(&self) -> Option<Lapse> {
        let due = self.due()?;
        let is_certain = due
            .unless_owed
            .is_none_or(|at| self.delivery.was_looked_at(at));
        is_certain.then_some(due.lapse)
    }

    /// The limit that has passed, as far as is known without a look.
    fn due(&self) -> Option<Due> {
        let limits = &self.shared.limits;
        let passed = |since, limit| (self.shared.ticks.passed(since, limit)).then(|| since + limit);
        if let Some(still) = self.delivery.still_since() {
            return passed(still, limits.write).map(|at| Lapse::Stuck.unless_owed(at));
        }
        if self.delivery.is_owing() {
            return None;
        }
        let since = self.since.load(Relaxed);
        match self.phase() {
            Phase::Waiting if self.is_new() => {
                passed(since, limits.header).map(|_| Lapse::Idle.certain())
            }
            Phase::Waiting => passed(since, limits.idle).map(|at| Lapse::Idle.unless_owed(at)),
            Phase::Head if self.fresh.load(Relaxed) => {
                passed(since, limits.header).map(|_| Lapse::SlowHead.certain())
            }
            Phase::Head => passed(since, limits.header).map(|at| Lapse::SlowHead.unless_owed(at)),
            Phase::Busy | Phase::Upgraded => None,
        }
    }

    /// Whether nothing was asked and nothing was sent on it.
    fn is_new(&self) -> bool {
        self.fresh.load(Relaxed) && !self.multiplexed.load(Relaxed)
    }

    /// Whether the connection has nothing to do and nothing to write.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase() == Phase::Waiting && !self.delivery.is_owing() && !self.expecting.load(Relaxed)
    }

    /// Bytes wait that tokio has not heard of yet: the connection is not idle.
    pub(crate) fn expect_bytes(&self) {
        self.expecting.store(true, Relaxed);
    }

    // === what the I/O object tells ===

    pub(crate) fn bytes_read(&self, bytes: &[u8]) {
        self.more.store(true, Relaxed);
        self.expecting.store(false, Relaxed);
        // Empty lines before a head are none of it: RFC 9112, section 2.2.
        if self.phase() == Phase::Waiting
            && !self.multiplexed.load(Relaxed)
            && !are_empty_lines(bytes)
        {
            self.enter(Phase::Head);
        }
    }

    /// A read found nothing: the reader has used up what came before.
    pub(crate) fn nothing_to_read(&self) {
        self.more.store(false, Relaxed);
    }

    pub(crate) fn end_read(&self) {
        self.expecting.store(false, Relaxed);
        self.ended.store(true, Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    pub(crate) fn write_refused(&self) {
        self.delivery.refused(self.shared.ticks.now());
    }

    /// All that was to be written is, for now.
    pub(crate) fn flushed(&self) {
        if self.delivery.is_owing() && (self.is_multiplexed() || self.is_between_requests()) {
            self.delivery.flushed();
            self.since.store(self.shared.ticks.now(), Relaxed);
        }
    }

    fn is_between_requests(&self) -> bool {
        matches!(self.phase(), Phase::Waiting | Phase::Head)
    }

    /// Whether the sweeper wants to know what the socket's buffer holds.
    pub(crate) fn wants_look(&self) -> bool {
        self.delivery.is_asked()
    }

    /// Notes that so many bytes were written in all, and that so many of them wait in
    /// the socket's buffer. What waits for the client judges the limits that wait for
    /// this.
    pub(crate) fn looked(&self, written: u64, unsent: usize) {
        let now = self.shared.ticks.now();
        let is_delivered = self.delivery.look(now, written, unsent as u64);
        if is_delivered && self.is_between_requests() {
            self.since.store(now, Relaxed);
        }
        let is_behind = unsent > 0;
        self.body.judge(now, is_behind);
        if self.is_multiplexed() {
            let mut streams = self.lock_streams();
            streams.retain(|stream| stream.judge(now, is_behind));
            if streams.is_empty() && self.phase() == Phase::Busy {
                self.enter(Phase::Waiting);
            }
        }
    }

    /// Whether what is written now can only be an answer that hyper makes by
    /// itself, to a head that it cannot parse.
    pub(crate) fn owes_nothing(&self) -> bool {
        !self.delivery.is_owing()
            && self.phase() != Phase::Upgraded
            && !self.multiplexed.load(Relaxed)
    }

    pub(crate) fn hold_back(&self, status: u16) {
        self.held_back.store(status, Relaxed);
    }

    /// The status of hyper's own answer that was held back.
    pub(crate) fn held_back(&self) -> Option<u16> {
        Some(self.held_back.load(Relaxed)).filter(|status| *status != 0)
    }

    // === HTTP/1 ===

    /// A request's head is complete.
    pub(crate) fn begin_request(&self) {
        self.fresh.store(false, Relaxed);
        self.unread.store(false, Relaxed);
        self.delivery.begin();
        self.phase.store(Phase::Busy as u8, Relaxed);
    }

    /// Keeps the rest of a body whose reader is gone, for the end of its answer.
    pub(crate) fn keep_rest(&self, rest: Incoming) {
        *self.lock_rest() = Some(Box::new(rest));
    }

    pub(crate) fn take_rest(&self) -> Option<Incoming> {
        self.lock_rest().take().map(|rest| *rest)
    }

    fn lock_rest(&self) -> MutexGuard<'_, Option<Box<Incoming>>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer's body is produced, or was dropped.
    pub(crate) fn end_answer(&self) {
        if self.phase() == Phase::Busy {
            self.enter(if self.has_more() {
                Phase::Head
            } else {
                Phase::Waiting
            });
        }
    }

    /// The answer has no other end than that of the connection.
    pub(crate) fn end_with_answer(&self) {
        self.ends_with_answer.store(true, Relaxed);
    }

    pub(crate) fn ends_with_answer(&self) -> bool {
        self.ends_with_answer.load(Relaxed)
    }

    pub(crate) fn upgrade(&self) {
        self.enter(Phase::Upgraded);
    }

    /// Whether bytes of a next request may have been read already. While a
    /// request without an unread body is served, hyper reads if and only if its
    /// own buffer is empty, so a read that found nothing proves that it is.
    pub(crate) fn has_more(&self) -> bool {
        self.more.load(Relaxed)
    }

    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    pub(crate) fn has_left_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// Whether closing now could take the answer away from the client.
    pub(crate) fn must_linger(&self) -> bool {
        !self.has_ended() && (self.has_left_unread() || self.has_more())
    }

    // === HTTP/2 ===

    /// The connection speaks HTTP/2; its SETTINGS are still to come.
    pub(crate) fn multiplex(&self) {
        self.multiplexed.store(true, Relaxed);
        self.phase.store(Phase::Head as u8, Relaxed);
    }

    pub(crate) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Relaxed)
    }

    /// Preface and SETTINGS are there.
    pub(crate) fn settled(&self) {
        if self.phase() == Phase::Head {
            self.enter(Phase::Waiting);
        }
    }

    pub(crate) fn begin_stream(&self, stream: Arc<Stream>) {
        self.lock_streams().push(stream);
        self.phase.store(Phase::Busy as u8, Relaxed);
    }

    pub(crate) fn end_stream(&self, stream: &Arc<Stream>) {
        let mut streams = self.lock_streams();
        if let Some(at) = streams.iter().position(|known| Arc::ptr_eq(known, stream)) {
            streams.swap_remove(at);
        }
        if streams.is_empty() {
            self.enter(Phase::Waiting);
        }
    }

    /// Ends every stream, answered or not.
    pub(crate) fn cut_streams(&self) {
        for stream in self.lock_streams().iter() {
            stream.cut();
        }
    }

    fn lock_streams(&self) -> MutexGuard<'_, Vec<Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // === the sweeper and the task ===

    /// Has the task woken by `sweep` and by `wake`; to be called before it
    /// judges anything.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
        if self.shared.stage() == Stage::Cutting {
            self.cut_streams();
        }
    }

    /// Wakes the task where a limit has passed or may have, and has it look first at
    /// what is on its way to the client.
    pub(crate) fn sweep(&self) {
        let is_late = self.body.sweep(&self.shared) | self.sweep_streams();
        if is_late || self.due().is_some() || self.needs_look() {
            self.delivery.ask();
            self.waker.wake();
        }
    }

    fn sweep_streams(&self) -> bool {
        if !self.is_multiplexed() {
            return false;
        }
        let sweep = |is_late, stream: &Arc<Stream>| stream.sweep(&self.shared) | is_late;
        self.lock_streams().iter().fold(false, sweep)
    }

    fn needs_look(&self) -> bool {
        let rests = self.is_between_requests() && !self.is_new();
        let since = rests.then(|| self.since.load(Relaxed));
        // So often that a limit lasts at most an eighth longer because of it.
        let often = self.shared.limits.write.min(self.shared.limits.header) / 8;
        self.delivery.needs_look(since, &self.shared.ticks, often)
    }
}

/// A limit that has passed.
struct Due {
    lapse: Lapse,
    /// When it passed, where it does not count while something is owed.
    unless_owed: Option<Millis>,
}

impl Lapse {
    fn certain(self) -> Due {
        Due {
            lapse: self,
            unless_owed: None,
        }
    }

    fn unless_owed(self, at: Millis) -> Due {
        Due {
            lapse: self,
            unless_owed: Some(at),
        }
    }
}

/// Whether bytes are nothing but ends of lines.
pub(crate) fn are_empty_lines(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}
