//! What waits for a thread.

use std::{sync::Arc, time::Duration};

use crate::{
    dispatch::ticket::Ticket,
    telemetry::{clock::Instant, timing::Timing},
};

/// A ticket with its work.
pub(crate) struct Job {
    /// The route's place among the application's routes.
    pub(crate) route: usize,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) queued_at: Instant,
    /// The longest that it may wait: it is refused at once where more is to be
    /// expected.
    pub(crate) patience: Duration,
    pub(crate) work: Box<dyn FnOnce(Turn) -> Option<Timing> + Send>,
}

/// What becomes of a job. Its work answers in either case, and says what it took
/// where it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Run,
    /// It is refused, since the pool is overloaded.
    Shed,
    /// It is refused, since the server's time to finish is over.
    Cut,
}

/// Why a job was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The queue is full.
    Full,
    /// It would wait for that long, which is longer than it may.
    TooLong(Duration),
    /// The pool is closed.
    Closed,
}
