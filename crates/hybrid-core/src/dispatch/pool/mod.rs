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

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
    thread::Thread,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::{Mutex, mpsc};

use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// One job of the queue.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// What a worker takes out of the queue.
enum Work {
    Run(Job),
    /// The worker that takes it leaves, and passes it on: the pool closes.
    Leave,
}

/// The pool.
pub(crate) struct Pool {
    shared: Arc<Shared>,
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
    queue: Sender<Work>,
    waiting: Receiver<Work>,
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
    /// Set once, when the pool starts.
    keeper: OnceLock<Thread>,
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
            queue,
            waiting,
            limits,
            closed: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            orphans: Arc::default(),
            runtime,
            keeper: OnceLock::new(),
        });
        let keeper = keeper::start(Arc::clone(&shared), alive)?;
        shared.keeper.get_or_init(|| keeper);
        Ok(Self {
            shared,
            all_left: Mutex::new(all_left),
        })
    }

    /// Queues a job. Never waits.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Refused> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        match self.shared.queue.try_send(Work::Run(job)) {
            Ok(()) => {
                self.shared.call_keeper_if_needed();
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
        self.shared.call_keeper();
        self.shared.say_leave();
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
        // SeqCst: whoever changes the queue or `idle` looks at both afterwards
        // (the loop that queues a job, the worker that takes one or leaves), so
        // the last of them sees what the others did.
        self.waiting.len() > self.idle.load(Ordering::SeqCst)
            && self.threads.load(Ordering::SeqCst) < self.limits.threads_max.max(1)
    }

    /// Wakes a worker to leave; each that leaves wakes the next. Where the queue
    /// is full nobody sleeps: who is awake leaves once it is empty.
    fn say_leave(&self) {
        let _ = self.queue.try_send(Work::Leave);
    }

    fn call_keeper_if_needed(&self) {
        if self.needs_thread() {
            self.call_keeper();
        }
    }

    fn call_keeper(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.unpark();
        }
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
