//! The thread pool of plain handlers: a bounded queue, threads of lower priority
//! than the event loops, and a keeper that starts them.
//!
//! The loops only `try_send`: a full queue is refused at once. Threads are
//! started while jobs wait that no idle thread will take, up to `max_threads`,
//! by the keeper and never by a loop; idle ones leave after ten seconds. How many
//! may compute at once is not decided here.
//!
//! Shutdown: [`Pool::close`] refuses new jobs and wakes everybody; workers finish
//! what is queued and leave; [`Pool::join`] waits for them.

mod keeper;
mod worker;

use std::{convert::Infallible, fmt, sync::Arc};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::{Mutex, mpsc};

use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// One job of the queue.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The pool.
pub(crate) struct Pool {
    queue: Sender<Job>,
    shared: Arc<Shared>,
    keeper: std::thread::Thread,
    /// Ends once the keeper and every worker have left.
    all_left: Mutex<mpsc::Receiver<Infallible>>,
}

/// The bounds of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Jobs that wait, at most.
    pub(crate) queue_depth: usize,
    /// Threads, at most; at least 1.
    pub(crate) threads_max: usize,
    /// How much lower than the event loops' the threads' priority is, 0 to 19.
    pub(crate) nice: u8,
}

/// What loops, workers and the keeper share.
struct Shared {
    waiting: Receiver<Job>,
    limits: Limits,
    closed: AtomicBool,
    /// Threads that live, on their way included.
    threads: AtomicUsize,
    /// Threads that wait for a job, on their way included.
    idle: AtomicUsize,
    /// Jobs that run though nobody waits for them.
    orphans: Arc<AtomicUsize>,
    /// Every pool thread carries the runtime's context.
    runtime: tokio::runtime::Handle,
}

/// Why a job was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The queue is full.
    Full,
    /// The pool is closed.
    Closed,
}

impl Pool {
    /// Starts the keeper; workers come with the first jobs.
    ///
    /// # Errors
    /// The system refuses the keeper's thread.
    pub(crate) fn start(limits: Limits, runtime: tokio::runtime::Handle) -> std::io::Result<Self> {
        let (queue, waiting) = bounded(limits.queue_depth.max(1));
        let (alive, all_left) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            waiting,
            limits,
            closed: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            orphans: Arc::default(),
            runtime,
        });
        let keeper = keeper::start(Arc::clone(&shared), alive)?;
        Ok(Self {
            queue,
            shared,
            keeper,
            all_left: Mutex::new(all_left),
        })
    }

    /// Queues a job. Never waits.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Refused> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        match self.queue.try_send(job) {
            Ok(()) => {
                if self.shared.needs_thread() {
                    self.keeper.unpark();
                }
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(Refused::Full),
            Err(TrySendError::Disconnected(_)) => Err(Refused::Closed),
        }
    }

    /// The gauge of orphans, which tickets raise and lower.
    pub(crate) fn orphans(&self) -> &Arc<AtomicUsize> {
        &self.shared.orphans
    }

    /// Refuses new jobs; workers finish what is queued and leave.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.keeper.unpark();
        for _ in 0..self.shared.threads.load(Ordering::SeqCst) {
            // Wakes an idle worker. Where the queue is full nobody is idle.
            let _ = self.queue.try_send(Box::new(|| ()));
        }
    }

    /// Waits until every thread has left, after [`close`](Self::close).
    pub(crate) async fn join(&self) {
        // Nothing is ever sent: the channel ends with its last sender.
        let _ = self.all_left.lock().await.recv().await;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Whether a job waits that no idle thread will take, and a thread may start.
    fn needs_thread(&self) -> bool {
        // SeqCst pairs with the worker that leaves: it lowers `idle`, then looks
        // at the queue; here the job is queued, then `idle` is looked at. One of
        // the two sees the other.
        self.waiting.len() > self.idle.load(Ordering::SeqCst)
            && self.threads.load(Ordering::SeqCst) < self.limits.threads_max.max(1)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("limits", &self.shared.limits)
            .field("threads", &self.shared.threads.load(Ordering::Relaxed))
            .field("idle", &self.shared.idle.load(Ordering::Relaxed))
            .field("waiting", &self.shared.waiting.len())
            .field("orphans", &self.shared.orphans.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests;
