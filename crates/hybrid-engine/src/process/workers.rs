//! The lane on the server: the workers, and the queue of calls that wait for one.

use std::{
    fmt, io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::event::{EventfdFlags, eventfd};
use tokio::{runtime::Handle, sync::watch};

use super::{
    WorkerEnd, WorkerGauge, WorkersConfig,
    poison::Poison,
    queue::Queue,
    segment::SegmentBudget,
    supervisor,
    worker_counts::WorkerCounts,
    worker_handle::{EndReason, WorkerHandle},
};

/// Free segments that a worker keeps when it has been idle for a while, in bytes.
pub(super) const IDLE_SEGMENT_BYTES: usize = 16 << 20;

/// The worker processes of an application. When it is dropped it is closed: each worker
/// ends by itself, or is killed.
pub struct Workers {
    pub(super) shared: Arc<WorkersShared>,
    has_ended: watch::Receiver<bool>,
}

/// What event loops and the supervisor share.
pub(super) struct WorkersShared {
    pub(super) config: WorkersConfig,
    pub(super) runtime: Handle,
    pub(super) queue: Queue,
    pub(super) counts: WorkerCounts,
    pub(super) poison: Poison,
    pub(super) segment_budget: Arc<SegmentBudget>,
    /// Written to wake the supervisor.
    pub(super) wakeup: OwnedFd,
    pub(super) is_closed: AtomicBool,
    /// What could not be applied of the sandbox was logged.
    pub(super) notes_are_logged: AtomicBool,
}

impl WorkersConfig {
    /// Free segments that a busy worker keeps from one call to the next, in bytes: all
    /// workers together keep a quarter of the limit, so that the rest is free for the
    /// worker that needs more.
    pub(super) fn busy_segment_bytes(&self) -> usize {
        let each = self.segment_limit / 4 / self.processes_max.max(1);
        each.max(IDLE_SEGMENT_BYTES)
    }
}

impl Workers {
    /// Starts the thread that owns the processes. Workers are started when calls wait
    /// for them.
    ///
    /// # Errors
    /// The system refuses a thread or a descriptor.
    pub fn start(config: WorkersConfig, runtime: Handle) -> io::Result<Self> {
        let shared = Arc::new(WorkersShared {
            queue: Queue::new(config.processes_max, config.queue_depth),
            counts: WorkerCounts::default(),
            poison: Poison::new(),
            segment_budget: SegmentBudget::new(config.segment_limit),
            wakeup: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            is_closed: AtomicBool::new(false),
            notes_are_logged: AtomicBool::new(false),
            config,
            runtime,
        });
        let (ended, has_ended) = watch::channel(false);
        supervisor::start(Arc::clone(&shared), ended)?;
        Ok(Self { shared, has_ended })
    }

    /// Lets workers finish what they run and end. No call is taken any more.
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        self.shared.queue.close();
        self.shared.wake_supervisor();
    }

    /// Waits until every worker is gone, after [`close`](Self::close).
    pub async fn join(&self) {
        // An error means that the thread is gone, which is what is waited for.
        let _ = self.has_ended.clone().wait_for(|ended| *ended).await;
    }

    #[cfg(test)]
    pub(super) fn wake_supervisor(&self) {
        self.shared.wake_supervisor();
    }

    /// Whether the supervisor has come to its end, and was not lost by a panic.
    #[cfg(test)]
    pub(super) fn has_ended(&self) -> bool {
        *self.has_ended.borrow()
    }

    /// The workers, as they are now.
    pub fn gauges(&self) -> Vec<WorkerGauge> {
        self.shared.counts.gauges(&self.shared.config.class_names)
    }

    /// Calls that wait for a worker.
    pub fn queue_depth(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// Bytes of shared memory that all workers have.
    pub fn segment_bytes(&self) -> usize {
        self.shared.segment_budget.taken()
    }

    /// How many workers ended so, since the start.
    pub fn ended(&self, how: WorkerEnd) -> u64 {
        self.shared.counts.ended(how)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.close();
    }
}

impl WorkersShared {
    pub(super) fn wake_supervisor(&self) {
        // It can fail only where the counter is full, and then the thread is awake.
        let _ = rustix::io::write(&self.wakeup, &1_u64.to_ne_bytes());
    }

    /// Has a worker ended. The first reason counts.
    pub(super) fn end(&self, worker: &WorkerHandle, why: EndReason) {
        if worker.set_end_reason(why) {
            self.wake_supervisor();
        }
    }

    /// The name of the class of work that a worker runs.
    pub(super) fn class_of(&self, worker: &WorkerHandle) -> Option<&str> {
        self.class_name(worker.class.load(Ordering::Relaxed))
    }

    /// The name of the class of work for which a worker wrote what is read of it now.
    pub(super) fn output_class_of(&self, worker: &WorkerHandle) -> Option<&str> {
        self.class_name(worker.class_last.load(Ordering::Relaxed))
    }

    fn class_name(&self, class: usize) -> Option<&str> {
        self.config.class_names.get(class).map(String::as_str)
    }

    /// Takes a worker back that has ended its call.
    pub(super) fn release(self: &Arc<Self>, worker: Arc<WorkerHandle>) {
        worker.set_idle();
        let served = worker.served.load(Ordering::Relaxed);
        let most = self.config.recycle_calls as u64;
        if worker.retires.load(Ordering::Relaxed) || (most > 0 && served >= most) {
            self.end(&worker, EndReason::Recycled);
        }
        if self.is_closed.load(Ordering::SeqCst) {
            self.end(&worker, EndReason::Closed);
        }
        if worker.is_alive() {
            self.queue.offer(self, worker);
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
