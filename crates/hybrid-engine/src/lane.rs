//! The lanes: the kinds of thread or process that work runs on.

use std::fmt;

/// Where a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lane {
    /// On the connection's own event loop: every `async fn`.
    Event,
    /// On a thread of the pool: every plain `fn`.
    Pool,
    /// A plain `fn` on the event loop: its author wrote `lane = inline`, or
    /// `lane = auto` and the balancer has proven it short and never blocking.
    Inline,
    /// An `async fn` that kept holding its loop, on a small runtime of its own
    /// until it behaves.
    Quarantine,
    /// In a worker process of its own: a plain `fn` with `lane = process`.
    Process,
}

impl Lane {
    /// The lane's word in attributes, headers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Pool => "pool",
            Self::Inline => "inline",
            Self::Quarantine => "quarantine",
            Self::Process => "process",
        }
    }

    /// The lane of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == word)
    }

    /// Every lane, in the order of their numbers.
    #[doc(hidden)]
    pub const ALL: [Self; 5] = [
        Self::Event,
        Self::Pool,
        Self::Inline,
        Self::Quarantine,
        Self::Process,
    ];

    /// Its place among [`ALL`](Self::ALL).
    #[doc(hidden)]
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
