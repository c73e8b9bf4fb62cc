//! Who is idle and who waits: workers and calls find each other here, first come
//! first served.
//!
//! The lock is held for a handful of steps, by event loops and the supervisor;
//! nobody computes or waits under it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{Holds, Lease, Shared, Worker};
use crate::{
    dispatch::within::within,
    problem::Problem,
    telemetry::{
        Shed,
        clock::{self, Instant},
    },
};

/// Workers that are idle, calls that wait, and what is known of the future.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    processes_max: usize,
    depth: usize,
}

struct Inner {
    idle: Vec<Arc<Worker>>,
    waiting: VecDeque<oneshot::Sender<Handed>>,
    /// Workers that are ready, busy ones included.
    ready: usize,
    starting: usize,
    /// A worker could not be started, and until when none is tried.
    failed: Option<Instant>,
    is_closed: bool,
    /// How long a call takes, on average.
    service_ns: f64,
}

/// What a call that waited gets.
enum Handed {
    Worker(Unsent),
    Refused(Refused),
}

/// A worker on its way to whoever waited for it: back to the queue where nobody
/// takes it out.
struct Unsent(Option<(Arc<Worker>, Arc<Shared>)>);

/// Why a call got no worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait already.
    Full,
    /// It would wait for that long, which is longer than it may.
    TooLong(Duration),
    /// It waited for `queue_wait`.
    Waited,
    /// Its deadline passed meanwhile.
    Deadline,
    /// No worker can be started; that long until the next attempt.
    NoWorker(Duration),
    /// The very request killed its worker more than once; that long it is refused.
    Poison(Duration),
    /// The server stops.
    Closed,
}

impl Queue {
    pub(super) fn new(processes_max: usize, depth: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                idle: Vec::new(),
                waiting: VecDeque::new(),
                ready: 0,
                starting: 0,
                failed: None,
                is_closed: false,
                service_ns: 0.0,
            }),
            processes_max,
            depth,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // === for event loops ===

    /// Takes an idle worker, or a place in the queue.
    fn ask(
        &self,
        shared: &Arc<Shared>,
        patience: Duration,
    ) -> Result<Result<Lease, oneshot::Receiver<Handed>>, Refused> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Err(Refused::Closed);
        }
        while let Some(worker) = inner.idle.pop() {
            if worker.is_alive() {
                return Ok(Ok(Lease::of(worker, shared)));
            }
        }
        if let Some(until) = inner.failed.filter(|_| inner.ready + inner.starting == 0) {
            let left = until.saturating_duration_since(clock::now());
            if !left.is_zero() {
                return Err(Refused::NoWorker(left));
            }
        }
        if inner.waiting.len() >= self.depth {
            // Those who left keep no place.
            inner.waiting.retain(|give| !give.is_closed());
        }
        if inner.waiting.len() >= self.depth {
            return Err(Refused::Full);
        }
        let expected = inner.expected();
        if expected > patience {
            return Err(Refused::TooLong(expected));
        }
        let (give, take) = oneshot::channel();
        inner.waiting.push_back(give);
        Ok(Err(take))
    }

    /// An idle worker goes to whoever has waited longest, or lies ready.
    pub(super) fn give(&self, shared: &Arc<Shared>, mut worker: Arc<Worker>) {
        loop {
            let give = {
                let mut inner = self.lock();
                match inner.waiting.pop_front() {
                    Some(give) => give,
                    None => {
                        inner.idle.push(worker);
                        return;
                    }
                }
            };
            let unsent = Unsent(Some((worker, Arc::clone(shared))));
            match give.send(Handed::Worker(unsent)) {
                Ok(()) => return,
                // Whoever waited has left.
                Err(Handed::Worker(mut unsent)) => match unsent.0.take() {
                    Some((back, _)) => worker = back,
                    None => return,
                },
                Err(Handed::Refused(_)) => return,
            }
        }
    }

    /// Learns how long a call took.
    pub(super) fn note_service(&self, took: Duration) {
        const SHARE: f64 = 0.1;
        let ns = took.as_secs_f64() * 1e9;
        let mut inner = self.lock();
        inner.service_ns = if inner.service_ns == 0.0 {
            ns
        } else {
            inner.service_ns + (ns - inner.service_ns) * SHARE
        };
    }

    pub(super) fn waiting(&self) -> usize {
        let inner = self.lock();
        let waiting = inner.waiting.iter().filter(|give| !give.is_closed());
        waiting.count()
    }

    // === for the supervisor ===

    /// How many more workers are wanted for those that wait.
    pub(super) fn wanted(&self) -> usize {
        let inner = self.lock();
        let room = self
            .processes_max
            .saturating_sub(inner.ready + inner.starting);
        let waiting = inner.waiting.iter().filter(|give| !give.is_closed());
        waiting.count().saturating_sub(inner.starting).min(room)
    }

    pub(super) fn starts(&self) {
        self.lock().starting += 1;
    }

    /// A worker is ready for its first call.
    pub(super) fn started(&self) {
        let mut inner = self.lock();
        inner.starting -= 1;
        inner.ready += 1;
        inner.failed = None;
    }

    /// A worker could not be started. Those that wait are told where there is
    /// nobody else to wait for.
    pub(super) fn failed(&self, was_starting: bool, until: Instant) {
        let refused = {
            let mut inner = self.lock();
            inner.starting -= usize::from(was_starting);
            inner.failed = Some(until);
            match inner.ready + inner.starting {
                0 => std::mem::take(&mut inner.waiting),
                _ => VecDeque::new(),
            }
        };
        let left = until.saturating_duration_since(clock::now());
        for give in refused {
            // Whoever has left needs no answer.
            let _ = give.send(Handed::Refused(Refused::NoWorker(left)));
        }
    }

    /// A worker is gone, or about to be.
    pub(super) fn gone(&self, worker: &Arc<Worker>) {
        let mut inner = self.lock();
        inner.ready -= 1;
        inner.idle.retain(|idle| !Arc::ptr_eq(idle, worker));
    }

    /// Takes a worker out that lies idle; `false` where somebody has it.
    pub(super) fn withdraw(&self, worker: &Arc<Worker>) -> bool {
        let mut inner = self.lock();
        let before = inner.idle.len();
        inner.idle.retain(|idle| !Arc::ptr_eq(idle, worker));
        inner.idle.len() < before
    }

    pub(super) fn close(&self) {
        let refused = {
            let mut inner = self.lock();
            inner.is_closed = true;
            std::mem::take(&mut inner.waiting)
        };
        for give in refused {
            let _ = give.send(Handed::Refused(Refused::Closed));
        }
    }
}

impl Inner {
    /// How long a call would wait that came now.
    fn expected(&self) -> Duration {
        let workers = (self.ready + self.starting).max(1) as f64;
        let ns = self.waiting.len() as f64 / workers * self.service_ns;
        Duration::from_nanos(ns as u64)
    }
}

impl Lease {
    fn of(worker: Arc<Worker>, shared: &Arc<Shared>) -> Self {
        Self {
            worker,
            shared: Arc::clone(shared),
            holds: Holds::Worker,
            deadline: None,
        }
    }

    /// Waits for a worker, first come first served, until `longest` or the
    /// deadline.
    ///
    /// # Cancel safety
    /// Dropped, its place is given up; a worker that was handed over already goes
    /// to the next.
    pub(super) async fn wait(
        shared: &Arc<Shared>,
        deadline: Option<Instant>,
        longest: Instant,
    ) -> Result<Self, Refused> {
        let until = deadline.map_or(longest, |deadline| deadline.min(longest));
        let patience = until.saturating_duration_since(clock::now());
        let mut place = match shared.queue.ask(shared, patience)? {
            Ok(lease) => return Ok(lease),
            Err(place) => place,
        };
        shared.ring();
        match within(Some(until), &mut place).await {
            Some(Ok(Handed::Worker(mut unsent))) => match unsent.0.take() {
                Some((worker, shared)) => Ok(Self::of(worker, &shared)),
                None => Err(Refused::Closed),
            },
            Some(Ok(Handed::Refused(refused))) => Err(refused),
            Some(Err(_)) => Err(Refused::Closed),
            None if deadline.is_some_and(|deadline| deadline <= longest) => Err(Refused::Deadline),
            None => Err(Refused::Waited),
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some((worker, shared)) = self.0.take() {
            shared.queue.give(&shared, worker);
        }
    }
}

impl Refused {
    /// What it is counted as.
    pub(crate) fn shed(self) -> Option<Shed> {
        Some(match self {
            Self::Full => Shed::QueueFull,
            Self::TooLong(_) => Shed::ExpectedWait,
            Self::Waited => Shed::Waited,
            Self::NoWorker(_) => Shed::NoWorker,
            Self::Poison(_) => Shed::Poison,
            Self::Closed => Shed::Closed,
            Self::Deadline => return None,
        })
    }

    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::Full => Problem::overloaded("too many requests wait for a worker process"),
            Self::TooLong(expected) => Problem::overloaded_for(
                expected,
                "no worker process is expected to be free in time",
            ),
            Self::Waited => Problem::overloaded("no worker process was free in time"),
            Self::NoWorker(left) => {
                Problem::overloaded_for(left, "no worker process can be started at the moment")
            }
            Self::Poison(left) => Problem::overloaded_for(
                left,
                "this very request ended its worker process more than once",
            ),
            Self::Deadline => Problem::handler_timeout(),
            Self::Closed => Problem::shutting_down(),
        }
    }
}
