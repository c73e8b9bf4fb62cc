//! Worker processes: the same program, started again, each of which answers one
//! request at a time and can be killed at any moment.
//!
//! [`Workers`] is the lane as the server sees it: who is idle, who waits.
//! [`call`] takes one request through a worker, on the event loop; `supervisor`
//! is the one thread that starts, watches, kills and buries workers; `worker` is
//! what runs inside of them. README.md in this folder is the protocol: who owns
//! what, the states of a worker, and how all of it ends.

mod call;
mod counts;
mod frame;
mod limits;
mod output;
mod payload;
mod poison;
mod queue;
mod sandbox;
mod segment;
mod socket;
mod spawn;
mod supervisor;
mod worker;

use std::{
    fmt, io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, eventfd},
    process::Pid,
};
use tokio::{io::unix::AsyncFd, runtime::Handle, sync::watch};

pub(crate) use call::{Answered, Call, Failed, Interrupt};
pub(crate) use counts::{Ended, WORKER_STATES, WorkerGauge};
pub(crate) use frame::LIST_MAX as REFUSED_MAX;
#[doc(hidden)]
pub use frame::{fuzz_answer, fuzz_call};
pub(crate) use payload::Payload;
pub(crate) use sandbox::IS_AVAILABLE as SANDBOX_IS_AVAILABLE;
pub(crate) use spawn::{Program, sockets};
pub(crate) use worker::{Inside, Work, Worked, serve as serve_worker};

use counts::Counts;
use frame::Order;
use poison::Poison;
use queue::Queue;
use segment::{Budget, Segments};

use crate::telemetry::clock::{self, Instant};

/// Where an application's process routes run.
pub(crate) enum Processes {
    /// On the pool: in tests, or since `max_processes` is 0.
    OnPool,
    /// In worker processes.
    Apart(Workers),
    /// Here: this is a worker process.
    Inside(Inside),
}

/// How the lane is run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) program: Program,
    /// Workers at most.
    pub(crate) processes_max: usize,
    /// Calls that may wait for a worker.
    pub(crate) queue_depth: usize,
    /// Bytes of all segments together.
    pub(crate) segment_limit: usize,
    /// Requests after which a worker is replaced; 0 is never.
    pub(crate) recycle_requests: usize,
    /// Resident bytes above which a worker is replaced; 0 is never.
    pub(crate) recycle_memory: usize,
    /// What the routes of a worker must be, as a number.
    pub(crate) fingerprint: u64,
    /// What a line of a log calls each route.
    pub(crate) routes: Vec<String>,
}

/// The worker processes of an application. Dropped, it is closed: each of them ends by
/// itself, and is killed where it does not.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    left: watch::Receiver<bool>,
}

/// What event loops and the supervisor share.
struct Shared {
    plan: Plan,
    runtime: Handle,
    queue: Queue,
    counts: Counts,
    poison: Poison,
    budget: Arc<Budget>,
    /// Written to wake the supervisor.
    bell: OwnedFd,
    closes: AtomicBool,
    /// What could not be applied of the sandbox was logged.
    has_notes_said: AtomicBool,
}

/// One worker process, from the moment it is ready until it is buried.
struct Worker {
    pid: Pid,
    pidfd: OwnedFd,
    calls: AsyncFd<OwnedFd>,
    control: OwnedFd,
    segments: Segments,
    /// The last call's number.
    number: AtomicU64,
    /// The route that it runs, by index.
    route: AtomicUsize,
    /// The route that it runs or ran last: what it wrote is often read later than its
    /// answer.
    route_last: AtomicUsize,
    /// Since when it is to end, and why: a [`Doom`].
    doom: AtomicU8,
    /// Calls that it has answered.
    served: AtomicU64,
    /// How many it had served when it was last looked at.
    served_before: AtomicU64,
    /// It is to be replaced after its call: it uses too much memory, say.
    retires: AtomicBool,
    /// It wrote something during its last call. The supervisor reads that, and gives the
    /// worker back: what the next call writes belongs to another route.
    has_output: AtomicBool,
    rss_bytes: AtomicUsize,
    /// How large its answers are, so that a segment for the next one can be lent
    /// beforehand: the last one, or what is left of a larger one before.
    answer_bytes: AtomicUsize,
    /// What messages are received into, by whoever holds the worker.
    buffer: std::sync::Mutex<Vec<u8>>,
}

/// What segments a worker keeps for its next call, once it has been idle for a while.
const WARM_BYTES: usize = 16 << 20;

impl Plan {
    /// What segments a worker keeps from one call to the next: together a quarter of
    /// what there may be, so that there is some for who needs more.
    fn hot_bytes(&self) -> usize {
        let each = self.segment_limit / 4 / self.processes_max.max(1);
        each.max(WARM_BYTES)
    }
}

/// No route: the worker is idle.
const IDLE: usize = usize::MAX;

/// Why a worker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Doom {
    /// It is not.
    Lives,
    /// The deadline of its call passed.
    Deadline,
    /// The client of its call left.
    Left,
    /// What it sent was no answer.
    Rubbish,
    /// It is gone already, or has closed its socket.
    Lost,
    /// It was stopped from outside, or said nothing when it was asked.
    Silent,
    /// It has served enough, or uses too much memory. It ends by itself.
    Retires,
    /// The server stops. It ends by itself.
    Closes,
}

impl Workers {
    /// Starts the thread that owns the processes; workers come when they are
    /// wanted.
    ///
    /// # Errors
    /// The system refuses a thread or a descriptor.
    pub(crate) fn start(plan: Plan, runtime: Handle) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Queue::new(plan.processes_max, plan.queue_depth),
            counts: Counts::default(),
            poison: Poison::new(),
            budget: Budget::new(plan.segment_limit),
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            closes: AtomicBool::new(false),
            has_notes_said: AtomicBool::new(false),
            plan,
            runtime,
        });
        let (alive, left) = watch::channel(false);
        supervisor::start(Arc::clone(&shared), alive)?;
        Ok(Self { shared, left })
    }

    /// Lets workers finish what they run and end. No call is taken any more.
    pub(crate) fn close(&self) {
        self.shared.closes.store(true, Ordering::SeqCst);
        self.shared.queue.close();
        self.shared.ring();
    }

    /// Waits until every worker is gone, after [`close`](Self::close).
    pub(crate) async fn join(&self) {
        // An error means that the thread is gone, which is what is waited for.
        let _ = self.left.clone().wait_for(|left| *left).await;
    }

    #[cfg(test)]
    pub(crate) fn ring(&self) {
        self.shared.ring();
    }

    /// Whether its thread has come to its end, and not been lost.
    #[cfg(test)]
    pub(crate) fn has_left(&self) -> bool {
        *self.left.borrow()
    }

    /// The workers, as they are now.
    pub(crate) fn gauges(&self) -> Vec<WorkerGauge> {
        self.shared.counts.workers(&self.shared.plan.routes)
    }

    /// Calls that wait for a worker.
    pub(crate) fn queue_depth(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// Bytes of shared memory that all workers have.
    pub(crate) fn segment_bytes(&self) -> usize {
        self.shared.budget.taken()
    }

    /// How many workers ended so, since the start.
    pub(crate) fn ended(&self, how: Ended) -> u64 {
        self.shared.counts.ended(how)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Wakes the supervisor.
    fn ring(&self) {
        // It can fail only where the counter is full, and then it is awake.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Has a worker ended; the first reason counts.
    fn doom(&self, worker: &Worker, why: Doom) {
        let doomed = worker.doom.compare_exchange(
            Doom::Lives as u8,
            why as u8,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if doomed.is_ok() {
            self.ring();
        }
    }

    /// The route that a worker runs, as the log calls it.
    fn route_of(&self, worker: &Worker) -> Option<String> {
        let route = worker.route.load(Ordering::Relaxed);
        self.plan.routes.get(route).cloned()
    }

    /// The route for which a worker wrote what is read of it now.
    fn writer_of(&self, worker: &Worker) -> Option<String> {
        let route = worker.route_last.load(Ordering::Relaxed);
        self.plan.routes.get(route).cloned()
    }

    /// Takes a worker back that has nothing to do any more.
    fn give_back(self: &Arc<Self>, worker: Arc<Worker>) {
        worker.route.store(IDLE, Ordering::Relaxed);
        let served = worker.served.load(Ordering::Relaxed);
        let most = self.plan.recycle_requests as u64;
        if worker.retires.load(Ordering::Relaxed) || (most > 0 && served >= most) {
            self.doom(&worker, Doom::Retires);
        }
        if self.closes.load(Ordering::SeqCst) {
            self.doom(&worker, Doom::Closes);
        }
        if worker.is_alive() {
            self.queue.give(self, worker);
        }
    }
}

impl Worker {
    fn is_alive(&self) -> bool {
        self.doom() == Doom::Lives
    }

    fn doom(&self) -> Doom {
        Doom::ALL[usize::from(self.doom.load(Ordering::Acquire))]
    }

    fn is_busy(&self) -> bool {
        self.route.load(Ordering::Relaxed) != IDLE
    }

    /// Remembers how large an answer was; a large one for a while, beside small ones.
    fn note_answer(&self, bytes: usize) {
        let before = self.answer_bytes.load(Ordering::Relaxed);
        let left = before - before / 8;
        self.answer_bytes.store(bytes.max(left), Ordering::Relaxed);
    }

    /// Gives up what free segments it has beyond that.
    fn trim(&self, keep_bytes: usize) {
        let dropped = self.segments.trim(keep_bytes);
        if !dropped.is_empty() {
            self.order(&Order::Unmap(dropped));
        }
    }

    /// Tells it something besides its calls. One that reads nothing is found out by
    /// its silence.
    fn order(&self, order: &Order) {
        let mut message = Vec::with_capacity(64);
        if frame::encode(order, &mut message).is_ok() {
            let _ = socket::send_now(&self.control, &message, &[]);
        }
    }
}

impl Doom {
    const ALL: [Self; 8] = [
        Self::Lives,
        Self::Deadline,
        Self::Left,
        Self::Rubbish,
        Self::Lost,
        Self::Silent,
        Self::Retires,
        Self::Closes,
    ];

    /// Whether it ends by itself, when it is told that no call comes any more.
    const fn is_gentle(self) -> bool {
        matches!(self, Self::Retires | Self::Closes)
    }
}

/// A worker that is held for one call.
struct Lease {
    worker: Arc<Worker>,
    shared: Arc<Shared>,
    holds: Holds,
    deadline: Option<Instant>,
}

/// What a lease holds, which says what its end means for the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// A worker that has nothing to do: it is idle again.
    Worker,
    /// A worker that has nothing to do and whose output is not read: the supervisor
    /// reads it and gives the worker back.
    Output,
    /// A worker in the middle of a call: it is killed.
    Calling,
    /// Nothing any more.
    Nothing,
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.holds {
            Holds::Worker => self.shared.give_back(Arc::clone(&self.worker)),
            Holds::Output => {
                self.worker.has_output.store(true, Ordering::Release);
                self.shared.ring();
            }
            Holds::Calling => {
                let is_late = self
                    .deadline
                    .is_some_and(|deadline| clock::now() >= deadline);
                let why = if is_late { Doom::Deadline } else { Doom::Left };
                self.shared.doom(&self.worker, why);
            }
            Holds::Nothing => {}
        }
    }
}

/// How long a worker has between TERM and KILL.
const TERM_GRACE: Duration = Duration::from_millis(100);

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("plan", &self.shared.plan)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.pid.as_raw_pid())
    }
}
