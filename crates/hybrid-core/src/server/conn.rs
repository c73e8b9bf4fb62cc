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

use super::{
    Peer,
    shared::{Shared, Stage},
    stream::Stream,
    waiting::Waiting,
};

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
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Peer,
    phase: AtomicU8,
    since: AtomicU64,
    /// When a write was first refused, 0 where none is.
    stuck_since: AtomicU64,
    /// No request has come yet.
    fresh: AtomicBool,
    /// HTTP/2: bytes do not begin a head.
    multiplexed: AtomicBool,
    /// An answer has begun and is not flushed yet.
    owing: AtomicBool,
    /// The last read found bytes, so hyper may hold some of a next request.
    more: AtomicBool,
    /// Bytes are known to wait that have not been read yet.
    expecting: AtomicBool,
    /// The client has closed its side.
    ended: AtomicBool,
    /// The last answer left a part of its request's body unread.
    unread: AtomicBool,
    /// The status of an answer of hyper's own that was held back, 0 for none.
    held_back: AtomicU16,
    /// Woken by the sweeper and by changes of the stage.
    waker: AtomicWaker,
    /// The body of the request that an HTTP/1 connection serves.
    pub(crate) body: Waiting,
    /// The streams of an HTTP/2 connection that run.
    streams: Mutex<Vec<Arc<Stream>>>,
}

impl Conn {
    pub(crate) fn new(shared: &Arc<Shared>, peer: Peer) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(shared),
            peer,
            phase: AtomicU8::new(Phase::Waiting as u8),
            since: AtomicU64::new(shared.ticks.now()),
            stuck_since: AtomicU64::new(0),
            fresh: AtomicBool::new(true),
            multiplexed: AtomicBool::new(false),
            owing: AtomicBool::new(false),
            more: AtomicBool::new(false),
            expecting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            held_back: AtomicU16::new(0),
            waker: AtomicWaker::new(),
            body: Waiting::default(),
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

    /// The limit that has passed, if one has.
    pub(crate) fn lapse(&self) -> Option<Lapse> {
        let limits = &self.shared.limits;
        let passed = |since: &AtomicU64, limit| {
            let since = since.load(Relaxed);
            since != 0 && self.shared.ticks.passed(since, limit)
        };
        if passed(&self.stuck_since, limits.write) {
            return Some(Lapse::Stuck);
        }
        match self.phase() {
            Phase::Waiting => {
                let fresh = self.fresh.load(Relaxed) && !self.multiplexed.load(Relaxed);
                let limit = if fresh { limits.header } else { limits.idle };
                passed(&self.since, limit).then_some(Lapse::Idle)
            }
            Phase::Head => passed(&self.since, limits.header).then_some(Lapse::SlowHead),
            Phase::Busy | Phase::Upgraded => None,
        }
    }

    /// Whether the connection has nothing to do and nothing to write.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase() == Phase::Waiting && !self.owing.load(Relaxed) && !self.expecting.load(Relaxed)
    }

    /// Bytes wait that tokio has not heard of yet: the connection is not idle.
    pub(crate) fn expect_bytes(&self) {
        self.expecting.store(true, Relaxed);
    }

    // === what the I/O object tells ===

    pub(crate) fn bytes_read(&self) {
        self.more.store(true, Relaxed);
        self.expecting.store(false, Relaxed);
        if self.phase() == Phase::Waiting && !self.multiplexed.load(Relaxed) {
            self.enter(Phase::Head);
        }
    }

    /// A read found nothing: whoever reads has used up what came before.
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
        if self.stuck_since.load(Relaxed) == 0 {
            self.stuck_since.store(self.shared.ticks.now(), Relaxed);
        }
    }

    pub(crate) fn bytes_written(&self) {
        if self.stuck_since.load(Relaxed) != 0 {
            self.stuck_since.store(0, Relaxed);
        }
    }

    /// All that was to be written is.
    pub(crate) fn flushed(&self) {
        if matches!(self.phase(), Phase::Waiting | Phase::Head) {
            self.owing.store(false, Relaxed);
        }
    }

    /// Whether what is written now can only be an answer that hyper makes by
    /// itself, to a head that it cannot parse.
    pub(crate) fn owes_nothing(&self) -> bool {
        !self.owing.load(Relaxed)
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
        self.owing.store(true, Relaxed);
        self.phase.store(Phase::Busy as u8, Relaxed);
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

    /// Wakes whoever has run past a limit.
    pub(crate) fn sweep(&self) {
        if self.lapse().is_some() {
            self.waker.wake();
        }
        self.body.sweep(&self.shared);
        if self.multiplexed.load(Relaxed) {
            for stream in self.lock_streams().iter() {
                stream.sweep(&self.shared);
            }
        }
    }
}
