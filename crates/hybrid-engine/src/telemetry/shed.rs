//! Why a request was refused for lack of room or time, before any work was done.

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// The queue for a thread was full.
    QueueFull,
    /// It would have waited for longer than it may.
    ExpectedWait,
    /// It waited for `queue_wait`, and no thread was free.
    Waited,
    /// More comes than can be done, and this waited longest.
    Overload,
    /// Bodies of requests took all the memory that they may.
    Bodies,
    /// No place under the class's `max_concurrency` was free in time.
    Concurrency,
    /// No worker process could be started.
    NoWorker,
    /// The very request has killed worker processes.
    Poison,
    /// The pool is closed: the server stops.
    Closed,
}

impl Shed {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::QueueFull,
        Self::ExpectedWait,
        Self::Waited,
        Self::Overload,
        Self::Bodies,
        Self::Concurrency,
        Self::NoWorker,
        Self::Poison,
        Self::Closed,
    ];

    /// The word that metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::ExpectedWait => "expected_wait",
            Self::Waited => "queue_wait",
            Self::Overload => "overload",
            Self::Bodies => "bodies_limit",
            Self::Concurrency => "max_concurrency",
            Self::NoWorker => "no_worker",
            Self::Poison => "poison",
            Self::Closed => "shutting_down",
        }
    }

    /// Its place among [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        self as usize
    }
}
