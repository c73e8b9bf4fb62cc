//! The idle workers and the calls that wait for one, first come first served.
//!
//! Event loops and the supervisor hold the lock for a few steps; no thread computes or
//! waits under it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{NotTaken, lease::Lease, worker_handle::WorkerHandle, workers::WorkersShared};
use crate::{
    clock::{self, Instant},
    deadline::with_deadline,
};

pub(super) struct Queue {
    state: Mutex<QueueState>,
    processes_max: usize,
    depth: usize,
}

struct QueueState {
    idle: Vec<Arc<WorkerHandle>>,
    waiting: VecDeque<oneshot::Sender<HandOff>>,
    /// Workers that are ready, busy ones included.
    ready: usize,
    starting: usize,
    /// A worker could not be started, and until when none is tried.
    failed: Option<Instant>,
    is_closed: bool,
    /// How long a call takes, on average.
    service_ns: f64,
}

/// What a call gets that waited.
enum HandOff {
    Worker(InTransit),
    NotTaken(NotTaken),
}

/// A worker on its way to the call that waited for it. It goes back to the queue where
/// that call does not take it out.
struct InTransit(Option<(Arc<WorkerHandle>, Arc<WorkersShared>)>);

impl Queue {
    pub(super) fn new(processes_max: usize, depth: usize) -> Self {
        Self {
            state: Mutex::new(QueueState {
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

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // === for event loops ===

    /// Takes an idle worker, or a place in the queue. `patience` is how long the call may
    /// wait.
    fn take(
        &self,
        shared: &Arc<WorkersShared>,
        patience: Duration,
    ) -> Result<Result<Lease, oneshot::Receiver<HandOff>>, NotTaken> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(NotTaken::Closed);
        }
        while let Some(worker) = state.idle.pop() {
            if worker.is_alive() {
                return Ok(Ok(Lease::new(worker, shared)));
            }
        }
        if let Some(until) = state.failed.filter(|_| state.ready + state.starting == 0) {
            let left = until.saturating_duration_since(clock::now());
            if !left.is_zero() {
                return Err(NotTaken::NoWorker(left));
            }
        }
        if state.waiting.len() >= self.depth {
            // Calls that were given up keep no place.
            state.waiting.retain(|give| !give.is_closed());
        }
        if state.waiting.len() >= self.depth {
            return Err(NotTaken::QueueFull);
        }
        let expected = state.expected();
        if expected > patience {
            return Err(NotTaken::ExpectedWait(expected));
        }
        let (give, take) = oneshot::channel();
        state.waiting.push_back(give);
        Ok(Err(take))
    }

    /// Hands an idle worker to the call that has waited longest, or keeps it.
    pub(super) fn offer(&self, shared: &Arc<WorkersShared>, mut worker: Arc<WorkerHandle>) {
        loop {
            let give = {
                let mut state = self.lock();
                match state.waiting.pop_front() {
                    Some(give) => give,
                    None => {
                        state.idle.push(worker);
                        return;
                    }
                }
            };
            let in_transit = InTransit(Some((worker, Arc::clone(shared))));
            match give.send(HandOff::Worker(in_transit)) {
                Ok(()) => return,
                // The call was given up.
                Err(HandOff::Worker(mut in_transit)) => match in_transit.0.take() {
                    Some((back, _)) => worker = back,
                    None => return,
                },
                Err(HandOff::NotTaken(_)) => return,
            }
        }
    }

    /// Learns how long a call took.
    pub(super) fn note_service(&self, took: Duration) {
        const SHARE: f64 = 0.1;
        let ns = took.as_secs_f64() * 1e9;
        let mut state = self.lock();
        state.service_ns = if state.service_ns == 0.0 {
            ns
        } else {
            state.service_ns + (ns - state.service_ns) * SHARE
        };
    }

    pub(super) fn waiting(&self) -> usize {
        let state = self.lock();
        let waiting = state.waiting.iter().filter(|give| !give.is_closed());
        waiting.count()
    }

    // === for the supervisor ===

    /// How many more workers are wanted for those that wait.
    pub(super) fn wanted(&self) -> usize {
        let state = self.lock();
        let room = self
            .processes_max
            .saturating_sub(state.ready + state.starting);
        let waiting = state.waiting.iter().filter(|give| !give.is_closed());
        waiting.count().saturating_sub(state.starting).min(room)
    }

    pub(super) fn note_start(&self) {
        self.lock().starting += 1;
    }

    /// A worker is ready for its first call.
    pub(super) fn note_ready(&self) {
        let mut state = self.lock();
        state.starting -= 1;
        state.ready += 1;
        state.failed = None;
    }

    /// A worker could not be started. The calls that wait are refused where there is no
    /// other worker to wait for.
    pub(super) fn note_failure(&self, was_starting: bool, until: Instant) {
        let refused = {
            let mut state = self.lock();
            state.starting -= usize::from(was_starting);
            state.failed = Some(until);
            match state.ready + state.starting {
                0 => std::mem::take(&mut state.waiting),
                _ => VecDeque::new(),
            }
        };
        let left = until.saturating_duration_since(clock::now());
        for give in refused {
            // A call that was given up needs no answer.
            let _ = give.send(HandOff::NotTaken(NotTaken::NoWorker(left)));
        }
    }

    /// A worker is gone, or about to be.
    pub(super) fn note_end(&self, worker: &Arc<WorkerHandle>) {
        let mut state = self.lock();
        state.ready -= 1;
        state.idle.retain(|idle| !Arc::ptr_eq(idle, worker));
    }

    /// Takes an idle worker out; `false` where a call has it.
    pub(super) fn withdraw(&self, worker: &Arc<WorkerHandle>) -> bool {
        let mut state = self.lock();
        let before = state.idle.len();
        state.idle.retain(|idle| !Arc::ptr_eq(idle, worker));
        state.idle.len() < before
    }

    pub(super) fn close(&self) {
        let refused = {
            let mut state = self.lock();
            state.is_closed = true;
            std::mem::take(&mut state.waiting)
        };
        for give in refused {
            let _ = give.send(HandOff::NotTaken(NotTaken::Closed));
        }
    }
}

impl QueueState {
    /// How long a call would wait that came now.
    fn expected(&self) -> Duration {
        let workers = (self.ready + self.starting).max(1) as f64;
        let ns = self.waiting.len() as f64 / workers * self.service_ns;
        Duration::from_nanos(ns as u64)
    }
}

impl Lease {
    /// Waits for a worker, first come first served, until `wait_until`
    /// or the deadline.
    ///
    /// # Cancel safety
    /// When it is dropped its place is given up. A worker that was handed over already
    /// goes to the next call.
    pub(super) async fn wait(
        shared: &Arc<WorkersShared>,
        deadline: Option<Instant>,
        wait_until: Instant,
    ) -> Result<Self, NotTaken> {
        let until = deadline.map_or(wait_until, |deadline| deadline.min(wait_until));
        let patience = until.saturating_duration_since(clock::now());
        let mut place = match shared.queue.take(shared, patience)? {
            Ok(lease) => return Ok(lease),
            Err(place) => place,
        };
        shared.wake_supervisor();
        match with_deadline(Some(until), &mut place).await {
            Some(Ok(HandOff::Worker(mut in_transit))) => match in_transit.0.take() {
                Some((worker, shared)) => Ok(Self::new(worker, &shared)),
                None => Err(NotTaken::Closed),
            },
            Some(Ok(HandOff::NotTaken(refused))) => Err(refused),
            Some(Err(_)) => Err(NotTaken::Closed),
            None if deadline.is_some_and(|deadline| deadline <= wait_until) => {
                Err(NotTaken::Deadline)
            }
            None => Err(NotTaken::Waited),
        }
    }
}

impl Drop for InTransit {
    fn drop(&mut self) {
        if let Some((worker, shared)) = self.0.take() {
            shared.queue.offer(&shared, worker);
        }
    }
}
