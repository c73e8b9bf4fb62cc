//! The thread pool of plain functions, with managed concurrency: at most as many jobs
//! compute at once as there are processors, and any number may be blocked.
//!
//! ```text
//! loop ─Pool::submit→ handoff ─drained by a worker→ order ─pick, permits→ worker
//!                       │                             ▲                     │
//!                       └─ wakes one that rests       └── cost, of the run ─┘
//! thread starter: starts threads; while tickets wait, the scan: frees the permits of
//!         blocked workers and finds those that have turned long, once a
//!         millisecond
//! ```
//!
//! All of this is there twice, for short tickets and for long ones (`side`), which
//! compute for milliseconds in one stretch (`job_length`): a long one waits for long
//! ones only, and a short one for short ones. A ticket that turns out to be long
//! takes its thread with it to the other side (`stretch`, `worker_slot`).
//!
//! - `handoff`: loops put tickets and wake a worker, without a lock.
//! - `fair_queue`: which ticket is next; behind a mutex that only the side's workers and
//!   the thread starter take.
//! - `job_cost` and `permits`: a ticket holds as much of a processor as its class is
//!   known to compute, so a class that blocks runs many at once and one that
//!   computes never more than there are processors.
//! - `scan`, for what is not known yet or changes.
//!
//! Threads are started by the thread starter, never by a loop: a few in a row, while
//! tickets could run that no thread is there to take. Idle ones leave after ten
//! seconds. One thread beyond `max_threads` is kept for classes that hold none.
//!
//! Shutdown: [`Pool::close`] refuses new jobs and wakes every worker; they finish
//! what is queued and leave; [`Pool::join`] waits for them.

mod blocked;

mod blocked_scan;
mod class_load;
mod fair_queue;
mod handoff;
mod idle_stack;
mod job;
mod job_cost;
mod job_length;
mod overload;
mod permits;
mod run;
mod side;
mod start_rate;
mod stretch;
mod thread_starter;
mod worker;
mod worker_slot;

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
    thread::Thread,
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    clock::{self, Instant},
    os::cores,
    sync::{AtomicBool, AtomicUsize, Ordering, fence},
    timing::Timing,
};
use class_load::ClassLoad;
use fair_queue::{Asker, Discarded, FairQueue, Needs, Pick, Terms};
use handoff::{Handoff, Places, Woken};
pub use job::{Disposition, Job, SubmitError};
use job_length::Length;
use permits::{Account, HeldPermits, PERMIT, PermitAccounts};
pub use run::{Done, JobContext, JobOptions, Queued, RunError, Wait};
use side::Side;
use worker_slot::{Expectation, WorkerSlot};

/// The pool.
pub struct Pool {
    shared: Arc<PoolShared>,
    /// Ends once the thread starter and every worker have left.
    all_left: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
}

/// The bounds of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Jobs that wait, at most.
    pub queue_depth: usize,
    /// Threads, at most; at least 1.
    pub threads_max: usize,
    /// How much lower than the event loops' the priority of long threads is, 0 to
    /// 19.
    pub nice: u8,
    /// Whether as much computes at once as there are processors, or as there are
    /// threads; then all are alike.
    pub is_managed: bool,
    /// The longest wait; `None` where overload is not looked for.
    pub overload: Option<Duration>,
}

impl Default for Limits {
    /// 1 024 jobs that wait, 512 threads, a priority lower by 10, managed, and overload
    /// looked for at waits of 5 s.
    fn default() -> Self {
        Self {
            queue_depth: 1024,
            threads_max: 512,
            nice: 10,
            is_managed: true,
            overload: Some(Duration::from_secs(5)),
        }
    }
}

/// The pool's numbers at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauges {
    /// Threads that live.
    pub threads: usize,
    /// Those of them that run long tickets, at a lower priority.
    pub long: usize,
    /// Those that run a job.
    pub busy: usize,
    /// Those of them that are blocked in it.
    pub blocked: usize,
    /// Those that wait for one.
    pub idle: usize,
    /// Processors' worth of permits that are held.
    pub permits: f64,
    /// Processors' worth that there are.
    pub capacity: f64,
    /// Jobs that wait.
    pub queue_depth: usize,
    /// Jobs that run without a caller that waits for them.
    pub orphans: usize,
}

/// What loops, workers and the thread starter share.
struct PoolShared {
    limits: Limits,
    short: Side,
    long: Side,
    places: Arc<Places>,
    accounts: PermitAccounts,
    classes: Box<[Arc<ClassLoad>]>,
    /// By place; the last is the reserve's. See [`slots`](Self::slots).
    all_slots: Box<[WorkerSlot]>,
    /// How many of the places were ever taken: the first ones are taken first.
    places_taken: AtomicUsize,
    /// Jobs that were submitted and neither run nor discarded.
    queued: AtomicUsize,
    closed: AtomicBool,
    /// Threads that live, on their way included.
    threads: AtomicUsize,
    /// Jobs that run though their requests are over.
    orphans: Arc<AtomicUsize>,
    /// Every pool thread carries the runtime's context.
    runtime: tokio::runtime::Handle,
    /// Set once, when the pool starts.
    thread_starter: OnceLock<Thread>,
    /// The thread starter will look at what waits within a millisecond.
    is_scan_on: AtomicBool,
    started: Instant,
}

/// A job to run.
struct NextJob {
    job: Job,
    length: Length,
    held: HeldPermits,
    turn: Brief,
    kind: Expectation,
}

/// Whether a job, with what waits behind it, is over so soon that waking another
/// worker would cost more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brief {
    /// The worker counts as looking while it runs: no other is woken.
    Yes,
    /// Another worker looks meanwhile, if anything waits.
    No { more: bool },
}

/// A job that has run.
struct EndedJob {
    class: usize,
    /// Of which side it was in the end: its worker is, from now on.
    length: Length,
    turn: Brief,
    timing: Option<Timing>,
}

impl Pool {
    /// Starts the thread starter; workers come with the first jobs, which are of that
    /// many classes.
    ///
    /// # Errors
    /// The system refuses the thread starter's thread.
    pub fn start(
        limits: Limits,
        classes: usize,
        runtime: tokio::runtime::Handle,
    ) -> std::io::Result<Self> {
        let (alive, all_left) = mpsc::channel(1);
        let shared = Arc::new(PoolShared::new(limits, classes, runtime));
        let thread_starter = thread_starter::start(Arc::clone(&shared), alive)?;
        shared.thread_starter.get_or_init(|| thread_starter);
        Ok(Self {
            shared,
            all_left: tokio::sync::Mutex::new(all_left),
        })
    }

    /// Queues a job. Never waits.
    pub fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.shared.submit(job)
    }

    /// The gauge of orphans, which tickets raise and lower.
    pub fn orphans(&self) -> &Arc<AtomicUsize> {
        &self.shared.orphans
    }

    /// How many jobs of a class may run at once; more wait.
    pub fn set_limit(&self, class: usize, limit: Option<usize>) {
        self.shared.classes[class].set_limit(limit);
        self.shared.wake(Length::Short);
        self.shared.wake(Length::Long);
    }

    /// Its numbers now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.shared.gauges()
    }

    /// Its bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Refuses new jobs; workers finish what is queued and leave.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.wake_all();
        self.shared.call_thread_starter();
    }

    /// As [`close`](Self::close), and refuses what is queued; says how much that was.
    pub fn cut(&self) -> usize {
        self.close();
        let jobs = Length::BOTH.map(|length| {
            let mut order = self.shared.side(length).order();
            self.shared.drain(length, &mut order);
            order.take_all()
        });
        let mut refused = 0;
        for job in jobs.into_iter().flatten() {
            self.shared.leave_queue(&self.shared.classes[job.class]);
            // One that is over already is refused by nothing.
            refused += usize::from(!job.ticket.has_started());
            worker::run(job, Disposition::Cut);
        }
        refused
    }

    /// Waits until every thread has left, after [`close`](Self::close).
    pub async fn join(&self) {
        // Nothing is ever sent: the channel ends with its last sender.
        let _ = self.all_left.lock().await.recv().await;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl PoolShared {
    fn new(limits: Limits, classes: usize, runtime: tokio::runtime::Handle) -> Self {
        let limits = Limits {
            queue_depth: limits.queue_depth.max(1),
            threads_max: limits.threads_max.max(1),
            ..limits
        };
        let cores = cores::allowed();
        // As many as there are threads for may be blocked beside what computes.
        let weight_least = (cores * PERMIT as f64) as i64 / limits.threads_max as i64 / 8;
        let terms = Terms {
            threads_max: limits.threads_max,
            thread_worth: cores / limits.threads_max as f64,
            weight_least: weight_least.max(1),
            queue_wait: limits.overload,
        };
        let gauges: Box<[_]> = (0..classes)
            .map(|_| Arc::new(ClassLoad::default()))
            .collect();
        let is_over = |job: &Job| job.ticket.has_started();
        let (places, now) = (Arc::new(Places::new(limits.threads_max)), clock::now());
        let side = || {
            Side::new(
                Handoff::new(limits.queue_depth, Arc::clone(&places)),
                FairQueue::new(terms, &gauges, is_over, now),
            )
        };
        Self {
            short: side(),
            long: side(),
            accounts: PermitAccounts::new(limits.is_managed.then_some(cores)),
            all_slots: (0..=limits.threads_max)
                .map(|_| WorkerSlot::default())
                .collect(),
            places_taken: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            orphans: Arc::default(),
            runtime,
            thread_starter: OnceLock::new(),
            is_scan_on: AtomicBool::new(false),
            started: now,
            places,
            classes: gauges,
            limits,
        }
    }

    // === From the loops ===

    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(SubmitError::Closed);
        }
        let gauge = &self.classes[job.class];
        let length = gauge.length();
        let side = self.side(length);
        let expected = gauge.expected_wait();
        if expected > job.patience {
            side.refused.fetch_add(1, Ordering::Relaxed);
            return Err(SubmitError::TooLong(expected));
        }
        if self.queued.fetch_add(1, Ordering::SeqCst) >= self.limits.queue_depth {
            self.queued.fetch_sub(1, Ordering::SeqCst);
            side.refused.fetch_add(1, Ordering::Relaxed);
            return Err(SubmitError::Full);
        }
        gauge.come();
        self.account(length).note_coming(gauge.weight());
        if side.handoff.put(job).is_err() {
            // The channel is as deep as what may be queued.
            self.leave_queue(gauge);
            return Err(SubmitError::Full);
        }
        self.wake(length);
        Ok(())
    }

    /// Sees to it that a worker looks at what waits of a side, as far as there is
    /// room.
    fn wake(&self, length: Length) {
        let side = self.side(length);
        loop {
            if !self.accounts.have_room(length) {
                return self.call_scan();
            }
            match side.handoff.wake() {
                // The worker that looks may run a brief job that turns out not to be.
                Woken::Looking => return self.call_scan(),
                Woken::Resting => return,
                Woken::None if self.may_start_thread() => return self.want_thread(length),
                Woken::None if self.side(length.other()).handoff.call_over() => return,
                // All are busy, and will look: but for one that has lain down in
                // this moment and relied on us.
                Woken::None => {
                    side.lacks_thread.store(true, Ordering::SeqCst);
                    if !side.handoff.stop_looking() || !side.handoff.has_resting() {
                        return self.call_scan();
                    }
                }
            }
        }
    }

    /// Sees to it that another worker looks at short tickets than the one that does:
    /// that has been held up, by what was brief before.
    fn wake_another(&self) {
        let side = &self.short;
        if !self.accounts.have_room(Length::Short) || side.handoff.wake_another() {
            return;
        }
        let is_first = self.may_start_thread() && !side.is_thread_coming.load(Ordering::SeqCst);
        if is_first {
            self.want_thread(Length::Short);
        } else {
            side.handoff.stop_looking();
        }
    }

    fn wake_all(&self) {
        self.short.handoff.wake_all();
        self.long.handoff.wake_all();
    }

    /// The thread that is on its way does not come.
    fn stay_away(&self, length: Length) {
        let side = self.side(length);
        side.is_thread_coming.store(false, Ordering::SeqCst);
        side.handoff.stop_looking();
    }

    fn account(&self, length: Length) -> &permits::Permits {
        self.accounts.of(match length {
            Length::Short => Account::Short,
            Length::Long => Account::Long,
        })
    }

    /// Of which account a ticket may start, if it may.
    fn room(&self, length: Length, asker: Asker, needs: Needs) -> Option<Account> {
        match (length, asker) {
            (Length::Short, Asker::Reserve) => Some(Account::Short),
            _ => self.accounts.room(length, needs),
        }
    }

    /// How many threads would find something to run.
    fn startable(&self, length: Length) -> usize {
        let Some(mut order) = self.order_for_thread_starter(length) else {
            return 1;
        };
        self.drain(length, &mut order);
        order.startable(self.accounts.left(length))
    }

    fn may_start_thread(&self) -> bool {
        self.threads.load(Ordering::SeqCst) < self.limits.threads_max
    }

    fn want_thread(&self, length: Length) {
        let side = self.side(length);
        side.is_thread_coming.store(true, Ordering::SeqCst);
        side.is_thread_wanted.store(true, Ordering::SeqCst);
        self.call_thread_starter();
    }

    /// Something waits, and no worker takes it.
    fn call_scan(&self) {
        if !self.is_scan_on.load(Ordering::SeqCst) {
            self.call_thread_starter();
        }
    }

    fn call_thread_starter(&self) {
        if let Some(thread_starter) = self.thread_starter.get() {
            thread_starter.unpark();
        }
    }

    // === From the workers ===

    /// The next job, if one may start; and what the last one took.
    fn next(&self, length: Length, asker: Asker, ended: Option<EndedJob>) -> Option<NextJob> {
        let mut aside = Vec::new();
        let (picked, turn, kind) = {
            let mut order = self.side(length).order();
            if let Some(ended) = ended {
                settle(&mut order, &ended);
            }
            self.drain(length, &mut order);
            let room = |needs| self.room(length, asker, needs);
            let picked = order.pick(clock::now, asker, room, &mut aside);
            if let Pick::Run { held, .. } = &picked {
                // Before the lock is gone: the next worker that looks counts with it.
                self.accounts.take(*held);
            }
            let turn = match &picked {
                Pick::Run { class, .. } => Brief::of(&mut order, *class, length),
                Pick::NoRoom { .. } | Pick::Nothing => Brief::No {
                    more: order.waiting() > 0,
                },
            };
            let kind = match &picked {
                _ if turn == Brief::Yes => Expectation::Brief,
                Pick::Run { class, .. } if !order.knows(*class) => Expectation::Unknown,
                _ => Expectation::Known,
            };
            (picked, turn, kind)
        };
        self.put_aside(aside);
        match picked {
            Pick::Run {
                ticket: job,
                class,
                held,
            } => {
                self.account(length).note_needed(0);
                self.leave_queue(&self.classes[class]);
                Some(NextJob {
                    job,
                    length,
                    held,
                    turn,
                    kind,
                })
            }
            Pick::NoRoom { weight } => {
                self.account(length).note_needed(weight);
                self.call_scan();
                None
            }
            Pick::Nothing => {
                if turn == (Brief::No { more: true }) {
                    self.call_scan();
                }
                None
            }
        }
    }

    /// Notes what a job took, for a worker that does not look for another.
    fn settle(&self, ended: &EndedJob) {
        settle(&mut self.side(ended.length).order(), ended);
    }

    fn drain(&self, length: Length, order: &mut FairQueue<Job>) {
        let side = self.side(length);
        for job in side.handoff.taken() {
            let (class, since) = (job.class, job.queued_at);
            order.push(class, job, since);
        }
        if length == Length::Short {
            self.hand_over(order);
        }
        if side.refused.load(Ordering::Relaxed) > 0 {
            order.note_refused(side.refused.swap(0, Ordering::Relaxed));
        }
    }

    /// Ends what will not run, outside of the lock: it drops what users made.
    fn put_aside(&self, aside: Vec<Discarded<Job>>) {
        for discarded in aside {
            let job = match discarded {
                Discarded::Over(job) | Discarded::Shed(job) => job,
            };
            self.leave_queue(&self.classes[job.class]);
            // Where its waiter gave it up, nothing is left to say.
            worker::run(job, Disposition::Shed);
        }
    }

    /// A worker has run a job: it looks for another, of the side that the job was of
    /// in the end.
    fn end(&self, slot: &WorkerSlot, turn: Brief) -> Length {
        let length = slot.end();
        // What was brief and turned long does not count as looking any more.
        if turn != Brief::Yes || length == Length::Long {
            self.side(length).handoff.start_looking();
        }
        slot.release(&self.accounts);
        // Pairs with the fence in `Handoff::put`: a loop that found no room was
        // before us, and what it put will be seen.
        fence(Ordering::SeqCst);
        length
    }

    fn leave_queue(&self, gauge: &ClassLoad) {
        gauge.go();
        self.queued.fetch_sub(1, Ordering::SeqCst);
    }

    fn is_waiting(&self) -> bool {
        self.queued.load(Ordering::SeqCst) > 0
    }

    /// Whether the pool is closed and everything has run.
    fn is_done(&self) -> bool {
        self.closed.load(Ordering::SeqCst) && !self.is_waiting()
    }

    fn gauges(&self) -> Gauges {
        let running = || self.slots().filter_map(|(_, slot)| slot.look());
        let (busy, looked) = (running().count(), running().take(LOOKED_MAX).count());
        let blocked = running()
            .take(LOOKED_MAX)
            .filter(|looked| blocked::is_blocked(looked.thread));
        let blocked = blocked.count() * busy.max(1) / looked.max(1);
        let threads = self.threads.load(Ordering::Relaxed);
        let (permits, capacity) = self.accounts.gauges();
        Gauges {
            threads,
            long: self.long.threads.load(Ordering::Relaxed).min(threads),
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

fn settle(order: &mut FairQueue<Job>, ended: &EndedJob) {
    // Long tickets are never taken for brief ones.
    if ended.turn == Brief::Yes && ended.length == Length::Short {
        order.end_brief();
    }
    let detail = ended.timing.as_ref().and_then(|timing| timing.detail);
    order.end(ended.class, detail.as_ref());
}

impl Brief {
    fn of(order: &mut FairQueue<Job>, class: usize, length: Length) -> Self {
        if length == Length::Short && order.begin_brief(class) {
            return Self::Yes;
        }
        Self::No {
            more: order.waiting() > 0,
        }
    }
}

/// How many threads are looked at for the gauge of blocked ones;
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
mod policy_tests;
#[cfg(all(test, not(hybrid_loom)))]
mod run_tests;
#[cfg(all(test, not(hybrid_loom)))]
mod tests;
