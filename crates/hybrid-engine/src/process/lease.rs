//! A worker that is held for one call. What the end of a lease means for the worker
//! depends on how far the call came.

use std::sync::{Arc, atomic::Ordering};

use super::{
    worker_handle::{EndReason, WorkerHandle},
    workers::WorkersShared,
};
use crate::clock::{self, Instant};

pub(super) struct Lease {
    pub(super) worker: Arc<WorkerHandle>,
    pub(super) shared: Arc<WorkersShared>,
    pub(super) state: LeaseState,
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseState {
    /// The worker runs nothing. When the lease ends it is idle again.
    Idle,
    /// The worker runs nothing, and its output is not read. The supervisor reads it and
    /// gives the worker back.
    OutputUnread,
    /// The worker runs the call. When the lease ends it is killed.
    Calling,
    /// The worker has an [`EndReason`] already.
    Ended,
}

impl Lease {
    pub(super) fn new(worker: Arc<WorkerHandle>, shared: &Arc<WorkersShared>) -> Self {
        Self {
            worker,
            shared: Arc::clone(shared),
            state: LeaseState::Idle,
            deadline: None,
        }
    }

    pub(super) fn end_worker(&mut self, why: EndReason) {
        self.state = LeaseState::Ended;
        self.shared.end(&self.worker, why);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.state {
            LeaseState::Idle => self.shared.release(Arc::clone(&self.worker)),
            LeaseState::OutputUnread => {
                self.worker.has_output.store(true, Ordering::Release);
                self.shared.wake_supervisor();
            }
            LeaseState::Calling => {
                let is_late = self
                    .deadline
                    .is_some_and(|deadline| clock::now() >= deadline);
                let why = if is_late {
                    EndReason::Deadline
                } else {
                    EndReason::ClientLeft
                };
                self.shared.end(&self.worker, why);
            }
            LeaseState::Ended => {}
        }
    }
}
