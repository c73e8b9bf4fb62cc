//! The thread pool of plain handlers, with managed concurrency: at most as much
//! computes at once as there are processors, and as much sleeps as wants to.
//!
//! ```text
//! loop ─Pool::submit→ handoff ─drained by a worker→ order ─pick, permits→ worker
//!                       │                             ▲                     │
//!                       └─ wakes who rests            └── cost, of the run ─┘
//! keeper: starts threads; while tickets wait, the pulse: frees the permits of
//!         workers that are asleep, once a millisecond
//! ```
//!
//! - `handoff`: loops put tickets and wake somebody, without a lock.
//! - `order`: which ticket is next; behind a mutex that only workers and the
//!   keeper take.
//! - `cost` and `permits`: a ticket holds as much of a processor as its route is
//!   known to compute, so a route that sleeps runs many at once and one that
//!   computes never more than there are processors.
//! - `pulse`, for what is not known yet or changes.
//!
//! Threads are started by the keeper, never by a loop: a few in a row, while
//! tickets could run that nobody is there to take. Idle ones leave after ten
//! seconds. One thread beyond `max_threads` is kept for routes that hold none.
//!
//! Shutdown: [`Pool::close`] refuses new jobs and wakes everybody; workers finish
//! what is queued and leave; [`Pool::join`] waits for them.

mod asleep;
pub(crate) mod cores;
mod cost;
mod gauge;
mod handoff;
mod hold;
mod job;
mod keeper;
mod order;
mod overload;
mod pace;
mod permits;
mod pulse;
mod stack;
mod worker;

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock, PoisonError},
    thread::Thread,
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, fence},
    telemetry::{
        clock::{self, Instant},
        timing::Detail,
    },
};
use gauge::RouteGauge;
use handoff::{Handoff, Woken};
use hold::{Hold, Kind};
pub(crate) use job::{Job, Refused, Turn};
use order::{Asker, Discarded, Order, Pick, Terms};
use permits::{PERMIT, Permits};

/// The pool.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    /// Ends once the keeper and every worker have left.
    all_left: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
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
    /// Whether as much computes at once as there are processors, or as there are
    /// threads.
    pub(crate) is_managed: bool,
    /// The longest wait; `None` where overload is not looked for.
    pub(crate) overload: Option<Duration>,
}

/// The pool's numbers at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gauges {
    /// Threads that live.
    pub(crate) threads: usize,
    /// Those that run a job.
    pub(crate) busy: usize,
    /// Those of them that are asleep in it.
    pub(crate) blocked: usize,
    /// Those that wait for one.
    pub(crate) idle: usize,
    /// Processors' worth of permits that are held.
    pub(crate) permits: f64,
    /// Processors' worth that there are.
    pub(crate) capacity: f64,
    /// Jobs that wait.
    pub(crate) queue_depth: usize,
    /// Jobs that run though nobody waits for them.
    pub(crate) orphans: usize,
}

/// What loops, workers and the keeper share.
struct Shared {
    limits: Limits,
    handoff: Handoff<Job>,
    /// Taken by workers, the keeper and the balancer's thread, never by a loop.
    order: Mutex<Order<Job>>,
    permits: Permits,
    routes: Box<[Arc<RouteGauge>]>,
    /// By place; the last is the reserve's.
    holds: Box<[Hold]>,
    /// Jobs that were submitted and neither run nor discarded.
    queued: AtomicUsize,
    /// Jobs that were refused since a worker last looked.
    refused: AtomicU64,
    closed: AtomicBool,
    /// Threads that live, on their way included.
    threads: AtomicUsize,
    /// Jobs that run though nobody waits for them.
    orphans: Arc<AtomicUsize>,
    /// Every pool thread carries the runtime's context.
    runtime: tokio::runtime::Handle,
    /// Set once, when the pool starts.
    keeper: OnceLock<Thread>,
    /// A thread is wanted; it counts as looking already.
    is_thread_wanted: AtomicBool,
    /// It is on its way. One at a time.
    is_thread_coming: AtomicBool,
    /// The keeper will look at what waits within a millisecond.
    is_pulse_on: AtomicBool,
}

/// A job to run.
struct Next {
    job: Job,
    weight: i64,
    turn: Brief,
    kind: Kind,
}

/// Whether a job, with what waits behind it, is over so soon that waking another
/// worker would cost more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brief {
    /// The worker looks on while it runs: nobody is woken.
    Yes,
    /// Somebody else looks meanwhile, if anything waits.
    No { more: bool },
}

/// A job that has run.
struct Ended {
    route: usize,
    turn: Brief,
    detail: Option<Detail>,
}

impl Pool {
    /// Starts the keeper; workers come with the first jobs, which are of that
    /// many routes.
    ///
    /// # Errors
    /// The system refuses the keeper's thread.
    pub(crate) fn start(
        limits: Limits,
        routes: usize,
        runtime: tokio::runtime::Handle,
    ) -> std::io::Result<Self> {
        let (alive, all_left) = mpsc::channel(1);
        let shared = Arc::new(Shared::new(limits, routes, runtime));
        let keeper = keeper::start(Arc::clone(&shared), alive)?;
        shared.keeper.get_or_init(|| keeper);
        Ok(Self {
            shared,
            all_left: tokio::sync::Mutex::new(all_left),
        })
    }

    /// Queues a job. Never waits.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Refused> {
        self.shared.submit(job)
    }

    /// The gauge of orphans, which tickets raise and lower.
    pub(crate) fn orphans(&self) -> &Arc<AtomicUsize> {
        &self.shared.orphans
    }

    /// How many jobs of a route may run at once; more wait.
    pub(crate) fn set_limit(&self, route: usize, limit: Option<usize>) {
        self.shared.routes[route].set_limit(limit);
        self.shared.wake();
    }

    pub(crate) fn gauges(&self) -> Gauges {
        self.shared.gauges()
    }

    /// Refuses new jobs; workers finish what is queued and leave.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.handoff.wake_all();
        self.shared.call_keeper();
    }

    /// As [`close`](Self::close), and refuses what is queued; says how much that was.
    pub(crate) fn cut(&self) -> usize {
        self.close();
        let jobs = {
            let mut order = self.shared.order();
            self.shared.drain(&mut order);
            order.take_all()
        };
        let mut refused = 0;
        for job in jobs {
            self.shared.leave_queue(&self.shared.routes[job.route]);
            // One that is over already is refused by nothing.
            refused += usize::from(!job.ticket.has_started());
            worker::run(job, Turn::Cut);
        }
        refused
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
    fn new(limits: Limits, routes: usize, runtime: tokio::runtime::Handle) -> Self {
        let limits = Limits {
            queue_depth: limits.queue_depth.max(1),
            threads_max: limits.threads_max.max(1),
            ..limits
        };
        let cores = cores::allowed();
        // As many as there are threads for may sleep beside what computes.
        let weight_least = (cores * PERMIT as f64) as i64 / limits.threads_max as i64 / 8;
        let terms = Terms {
            threads_max: limits.threads_max,
            thread_worth: cores / limits.threads_max as f64,
            weight_least: weight_least.max(1),
            queue_wait: limits.overload,
        };
        let gauges: Box<[_]> = (0..routes)
            .map(|_| Arc::new(RouteGauge::default()))
            .collect();
        let is_over = |job: &Job| job.ticket.has_started();
        Self {
            handoff: Handoff::new(limits.queue_depth, limits.threads_max),
            order: Mutex::new(Order::new(terms, &gauges, is_over, clock::now())),
            permits: Permits::new(limits.is_managed.then_some(cores)),
            routes: gauges,
            holds: (0..=limits.threads_max).map(|_| Hold::default()).collect(),
            queued: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            orphans: Arc::default(),
            runtime,
            keeper: OnceLock::new(),
            is_thread_wanted: AtomicBool::new(false),
            is_thread_coming: AtomicBool::new(false),
            is_pulse_on: AtomicBool::new(false),
            limits,
        }
    }

    // === From the loops ===

    fn submit(&self, job: Job) -> Result<(), Refused> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Refused::Closed);
        }
        let gauge = Arc::clone(&self.routes[job.route]);
        let expected = gauge.expected_wait();
        if expected > job.patience {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::TooLong(expected));
        }
        if self.queued.fetch_add(1, Ordering::SeqCst) >= self.limits.queue_depth {
            self.queued.fetch_sub(1, Ordering::SeqCst);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        gauge.come();
        self.permits.note_coming(gauge.weight());
        if self.handoff.put(job).is_err() {
            // The channel is as deep as what may be queued.
            self.leave_queue(&gauge);
            return Err(Refused::Full);
        }
        self.wake();
        Ok(())
    }

    /// Sees to it that somebody looks at what waits, as far as there is room.
    fn wake(&self) {
        loop {
            if !self.permits.have_room() {
                return self.call_pulse();
            }
            match self.handoff.wake() {
                // Who looks may be at something brief that turns out not to be.
                Woken::Looking => return self.call_pulse(),
                Woken::Resting => return,
                Woken::Nobody if self.may_start_thread() => return self.want_thread(),
                // Everybody is busy, and will look: but for one who has lain down
                // in this moment and relied on us.
                Woken::Nobody => {
                    if !self.handoff.stop_looking() || !self.handoff.has_resting() {
                        return self.call_pulse();
                    }
                }
            }
        }
    }

    /// Sees to it that somebody else looks than who does: that one has been held
    /// up, by what was brief before.
    fn wake_another(&self) {
        if !self.permits.have_room() || self.handoff.wake_another() {
            return;
        }
        let is_first = self.may_start_thread() && !self.is_thread_coming.load(Ordering::SeqCst);
        if is_first {
            self.want_thread();
        } else {
            self.handoff.stop_looking();
        }
    }

    /// The thread that is on its way does not come.
    fn stay_away(&self) {
        self.is_thread_coming.store(false, Ordering::SeqCst);
        self.handoff.stop_looking();
    }

    /// How many threads would find something to run.
    fn startable(&self) -> usize {
        let mut order = self.order();
        self.drain(&mut order);
        order.startable(self.permits.left())
    }

    fn may_start_thread(&self) -> bool {
        self.threads.load(Ordering::SeqCst) < self.limits.threads_max
    }

    fn want_thread(&self) {
        self.is_thread_coming.store(true, Ordering::SeqCst);
        self.is_thread_wanted.store(true, Ordering::SeqCst);
        self.call_keeper();
    }

    /// Something waits that nobody takes.
    fn call_pulse(&self) {
        if !self.is_pulse_on.load(Ordering::SeqCst) {
            self.call_keeper();
        }
    }

    fn call_keeper(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.unpark();
        }
    }

    // === From the workers ===

    /// The next job, if one may start; and what the last one took.
    fn next(&self, asker: Asker, ended: Option<Ended>) -> Option<Next> {
        let mut aside = Vec::new();
        let (picked, turn, kind) = {
            let mut order = self.order();
            if let Some(ended) = ended {
                if ended.turn == Brief::Yes {
                    order.end_brief();
                }
                order.end(ended.route, ended.detail.as_ref());
            }
            self.drain(&mut order);
            let fits = |weight| self.permits.fits(weight);
            let picked = order.pick(clock::now(), asker, fits, &mut aside);
            if let Pick::Run { weight, .. } = &picked {
                // Before the lock is gone: the next who looks counts with it.
                self.permits.take(*weight);
            }
            let turn = match &picked {
                Pick::Run { route, .. } => Brief::of(&mut order, *route),
                Pick::NoRoom { .. } | Pick::Nothing => Brief::No {
                    more: order.waiting() > 0,
                },
            };
            let kind = match &picked {
                _ if turn == Brief::Yes => Kind::Brief,
                Pick::Run { route, .. } if !order.knows(*route) => Kind::Unknown,
                _ => Kind::Known,
            };
            (picked, turn, kind)
        };
        self.put_aside(aside);
        match picked {
            Pick::Run {
                ticket: job,
                route,
                weight,
            } => {
                self.permits.note_needed(0);
                self.leave_queue(&self.routes[route]);
                Some(Next {
                    job,
                    weight,
                    turn,
                    kind,
                })
            }
            Pick::NoRoom { weight } => {
                self.permits.note_needed(weight);
                self.call_pulse();
                None
            }
            Pick::Nothing => {
                if turn == (Brief::No { more: true }) {
                    self.call_pulse();
                }
                None
            }
        }
    }

    /// Since when the ticket waits that has waited longest.
    fn oldest(&self) -> Option<Instant> {
        let mut order = self.order();
        self.drain(&mut order);
        order.oldest()
    }

    /// Whether tickets of a route wait that holds no thread.
    fn starves(&self) -> bool {
        let mut order = self.order();
        self.drain(&mut order);
        order.starves()
    }

    fn drain(&self, order: &mut Order<Job>) {
        for job in self.handoff.taken() {
            let (route, since) = (job.route, job.queued_at);
            order.push(route, job, since);
        }
        if self.refused.load(Ordering::Relaxed) > 0 {
            order.note_refused(self.refused.swap(0, Ordering::Relaxed));
        }
    }

    /// Ends what will not run, outside of the lock: it drops what users made.
    fn put_aside(&self, aside: Vec<Discarded<Job>>) {
        for discarded in aside {
            let job = match discarded {
                Discarded::Over(job) | Discarded::Shed(job) => job,
            };
            self.leave_queue(&self.routes[job.route]);
            // Where its waiter gave it up, nothing is left to say.
            worker::run(job, Turn::Shed);
        }
    }

    /// A worker has run a job: it looks for another.
    fn end(&self, hold: &Hold, turn: Brief) {
        if turn != Brief::Yes {
            self.handoff.start_looking();
        }
        hold.end(&self.permits);
        // Pairs with the fence in `Handoff::put`: a loop that found no room was
        // before us, and what it put will be seen.
        fence(Ordering::SeqCst);
    }

    fn leave_queue(&self, gauge: &RouteGauge) {
        gauge.go();
        self.queued.fetch_sub(1, Ordering::SeqCst);
    }

    fn order(&self) -> MutexGuard<'_, Order<Job>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_waiting(&self) -> bool {
        self.queued.load(Ordering::SeqCst) > 0
    }

    /// Whether the pool is closed and everything has run.
    fn is_done(&self) -> bool {
        self.closed.load(Ordering::SeqCst) && !self.is_waiting()
    }

    fn gauges(&self) -> Gauges {
        let running = || self.holds.iter().filter_map(Hold::look);
        let (busy, looked) = (running().count(), running().take(LOOKED_MAX).count());
        let asleep = running()
            .take(LOOKED_MAX)
            .filter(|looked| asleep::is_asleep(looked.thread));
        let blocked = asleep.count() * busy.max(1) / looked.max(1);
        let threads = self.threads.load(Ordering::Relaxed);
        let (permits, capacity) = self.permits.gauges();
        Gauges {
            threads,
            busy,
            blocked: blocked.min(busy),
            idle: threads.saturating_sub(busy),
            permits: permits.max(0.0),
            capacity,
            queue_depth: self.queued.load(Ordering::Relaxed),
            orphans: self.orphans.load(Ordering::Relaxed),
        }
    }
}

impl Brief {
    fn of(order: &mut Order<Job>, route: usize) -> Self {
        if order.begin_brief(route) {
            return Self::Yes;
        }
        Self::No {
            more: order.waiting() > 0,
        }
    }
}

/// How many threads are asked whether they sleep for the gauge of blocked ones;
/// beyond that it is their share of all.
const LOOKED_MAX: usize = 64;

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gauges = self.gauges();
        f.debug_struct("Pool")
            .field("limits", &self.shared.limits)
            .field("gauges", &gauges)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests;
