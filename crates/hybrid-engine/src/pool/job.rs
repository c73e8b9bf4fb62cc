//! What waits for a thread.

use std::{fmt, sync::Arc, time::Duration};

use crate::{clock::Instant, ticket::Ticket, timing::Timing};

/// A ticket with its work.
pub struct Job {
    /// The number of its class.
    pub class: usize,
    /// Decides who owns the job: its waiter or a worker.
    pub ticket: Arc<Ticket>,
    /// When it was queued.
    pub queued_at: Instant,
    /// The longest that it may wait: it is refused at once where more is to be
    /// expected.
    pub patience: Duration,
    /// What runs.
    pub work: Box<dyn FnOnce(Disposition) -> Option<Timing> + Send>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("route", &self.class)
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

/// What becomes of a job. Its work answers in either case, and says what it took
/// where it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It runs.
    Run,
    /// It is refused, since the pool is overloaded.
    Shed,
    /// It is refused, since the server's time to finish is over.
    Cut,
}

/// Why a job was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitError {
    /// The queue is full.
    Full,
    /// It would wait for that long, which is longer than it may.
    TooLong(Duration),
    /// The pool is closed.
    Closed,
}
