//! What the admin pages and the metrics know of worker processes.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{Doom, IDLE, Worker};

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, in the middle of a call or between two.
    Crashed,
    /// Killed: the deadline of its call had passed.
    Deadline,
    /// Killed: the client of its call had left.
    Left,
    /// Killed: it said what cannot be, or nothing when it was asked.
    Broken,
    /// It had served enough, or used too much memory.
    Recycled,
    /// It was never ready.
    Failed,
}

/// A worker, for people.
#[derive(Debug, Clone)]
pub(crate) struct WorkerGauge {
    pub(crate) pid: Option<i32>,
    pub(crate) state: &'static str,
    pub(crate) route: Option<String>,
    pub(crate) restarts: u64,
    pub(crate) rss_bytes: usize,
}

/// Every state of a worker, for people.
pub(crate) const WORKER_STATES: [&str; 5] = ["starting", "idle", "busy", "ending", "ended"];

/// Written by the supervisor, read by admin requests.
#[derive(Default)]
pub(super) struct Counts {
    slots: Mutex<Vec<Slot>>,
    ended: [AtomicU64; Ended::ALL.len()],
}

#[derive(Default)]
struct Slot {
    restarts: u64,
    seen: Seen,
}

/// What is in a slot.
#[derive(Default, Clone)]
pub(super) enum Seen {
    /// Nothing: a worker is to be started there before long.
    #[default]
    Nobody,
    Starting(i32),
    Worker(Arc<Worker>),
}

impl Ended {
    pub(crate) const ALL: [Self; 6] = [
        Self::Crashed,
        Self::Deadline,
        Self::Left,
        Self::Broken,
        Self::Recycled,
        Self::Failed,
    ];

    /// The word that metrics use.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Deadline => "deadline",
            Self::Left => "client_left",
            Self::Broken => "broken",
            Self::Recycled => "recycled",
            Self::Failed => "start_failed",
        }
    }
}

impl Counts {
    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn see(&self, slot: usize, seen: Seen) {
        let mut slots = self.slots();
        if slots.len() <= slot {
            slots.resize_with(slot + 1, Slot::default);
        }
        slots[slot].seen = seen;
    }

    /// A worker ended so, and another takes its place.
    pub(super) fn end(&self, slot: usize, how: Ended) {
        self.ended[how as usize].fetch_add(1, Ordering::Relaxed);
        self.see(slot, Seen::Nobody);
        self.slots()[slot].restarts += 1;
    }

    pub(super) fn ended(&self, how: Ended) -> u64 {
        self.ended[how as usize].load(Ordering::Relaxed)
    }

    pub(super) fn workers(&self, routes: &[String]) -> Vec<WorkerGauge> {
        let slots = self.slots();
        slots.iter().map(|slot| slot.gauge(routes)).collect()
    }
}

impl Slot {
    fn gauge(&self, routes: &[String]) -> WorkerGauge {
        let (pid, state, worker) = match &self.seen {
            Seen::Nobody => (None, "ended", None),
            Seen::Starting(pid) => (Some(*pid), "starting", None),
            Seen::Worker(worker) => {
                let state = match worker.doom() {
                    Doom::Lives if worker.is_busy() => "busy",
                    Doom::Lives => "idle",
                    _ => "ending",
                };
                (Some(worker.pid.as_raw_pid()), state, Some(worker))
            }
        };
        let route = worker.map_or(IDLE, |worker| worker.route.load(Ordering::Relaxed));
        WorkerGauge {
            pid,
            state,
            route: routes.get(route).cloned(),
            restarts: self.restarts,
            rss_bytes: worker.map_or(0, |worker| worker.rss_bytes.load(Ordering::Relaxed)),
        }
    }
}
