//! What one run of a handler took. `wall = cpu + delay + blocked`: on a busy
//! machine most of what is not processor time may be waiting for a processor,
//! and must not be taken for blocking.

use crate::{
    clock::{self, Instant},
    os::thread_times::{self, Reading},
};

/// What one run took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Waiting for a thread.
    pub queue_ns: u64,
    /// From the start of the handler to its answer.
    pub wall_ns: u64,
    /// Where the time went, for the runs that were sampled.
    pub detail: Option<Detail>,
}

/// Where the time of a run went, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// On a processor.
    pub cpu_ns: u64,
    /// On a run queue: the machine is short of processors, not the class.
    pub delay_ns: u64,
    /// Neither: blocked by a sleep, a lock, a disk or a socket.
    pub blocked_ns: u64,
}

/// A run in progress, on one thread.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    reading: Option<Reading>,
}

impl Stopwatch {
    /// Begins; `detailed` reads the thread's accounts too.
    pub fn start(detailed: bool) -> Self {
        // The clock last, so that the reading is not part of the run.
        let reading = if detailed { thread_times::read() } else { None };
        Self {
            started: clock::now(),
            reading,
        }
    }

    /// When it began.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Ends, on the thread where it began.
    pub fn stop(self, queue_ns: u64) -> Timing {
        let wall_ns = clock::now().ns_since(self.started);
        let detail = self.reading.and_then(|before| {
            let used = thread_times::read()? - before;
            Some(Detail::of(wall_ns, used))
        });
        Timing {
            queue_ns,
            wall_ns,
            detail,
        }
    }
}

/// What the polls of a future used so far, on whatever threads they ran.
#[derive(Debug, Default)]
pub struct Meter {
    cpu_ns: u64,
    delay_ns: u64,
}

impl Meter {
    /// Measures one poll.
    pub fn poll<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        let before = thread_times::read();
        let polled = poll();
        if let (Some(before), Some(after)) = (before, thread_times::read()) {
            let used = after - before;
            self.cpu_ns += used.cpu_ns;
            self.delay_ns += used.delay_ns;
        }
        polled
    }

    /// Where the time of a run went that took that long: what its polls used, and
    /// as blocked what it awaited besides what blocked its polls.
    pub fn detail(&self, wall_ns: u64) -> Detail {
        let cpu_ns = self.cpu_ns.min(wall_ns);
        let delay_ns = self.delay_ns.min(wall_ns - cpu_ns);
        Detail {
            cpu_ns,
            delay_ns,
            blocked_ns: wall_ns - cpu_ns - delay_ns,
        }
    }
}

impl Detail {
    /// What a thread used during that time.
    pub fn of(wall_ns: u64, used: Reading) -> Self {
        let cpu_ns = used.cpu_ns.min(wall_ns);
        let delay_ns = used.delay_ns.min(wall_ns - cpu_ns);
        // Never switched away from: the rest is what the readings themselves
        // took. Where the system does not count, nothing is known of it.
        let is_unbroken = used.switches == Some(0);
        let blocked_ns = if is_unbroken {
            0
        } else {
            wall_ns - cpu_ns - delay_ns
        };
        Self {
            cpu_ns,
            delay_ns,
            blocked_ns,
        }
    }
}
