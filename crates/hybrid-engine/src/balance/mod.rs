//! The balancer: what was measured becomes decisions, and decisions lanes.
//!
//! ```text
//! Table ─measured→ Snapshot ─policy→ Decision ─tick→ lanes, limits, Published, log
//! polls ─watch→ stalls ──────┘
//! ```
//!
//! One thread an application, `hybrid-balancer`, does all of it: [`stall_watch`] every
//! few milliseconds, [`tick`] every 100. [`policy`] is a pure function, its
//! constants are in [`rules`]. Requests read their class's effective lane, write
//! their thread's slot of the watch, and are never waited for or made to wait.
//! Two things happen on the loops: [`inline_guard`] takes a promoted class back at its
//! first violation, and [`quarantine`] receives the futures of classes that were
//! moved there.
//!
//! It ends with the application: [`Balancer::close`], or its drop, wakes the
//! thread, which leaves; [`Balancer::join`] waits for it.

mod class_cost;
mod concurrency_limit;
mod hop_cost;
mod inline_guard;
mod inline_policy;
mod log;
mod loop_load;
mod measured;
mod policy;
mod published;
mod quarantine;
mod rules;
mod snapshot;
mod stall_policy;
mod stall_watch;
mod thread_accounting;
mod tick;

use std::{
    convert::Infallible,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::Thread,
};

use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, mpsc},
};

pub use published::{Moved, Published, PublishedClass, STALL_BOUNDS_S, StallHistogram};
pub use quarantine::{BoxFuture, NotConfined};
pub use rules::Rules;
pub use snapshot::Label;
pub use stall_watch::WatchedPoll;

use crate::{
    class::Class,
    engine::Engine,
    sync::{AtomicBool, Ordering},
    timing::Timing,
};
use inline_guard::Reported;
use quarantine::Quarantine;
use snapshot::Violation;
use stall_watch::Slots;

/// What the balancer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balancing {
    /// It decides nothing. What is measured is still shown.
    Off,
    /// It decides and publishes, and moves nothing.
    Observe,
    /// It moves classes between lanes.
    On,
}

impl Balancing {
    /// Its word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::On => "on",
        }
    }
}

/// The balancer of an application.
pub struct Balancer {
    shared: Arc<BalancerShared>,
    /// Ends once its threads have left.
    all_left: AsyncMutex<mpsc::Receiver<Infallible>>,
    /// For the threads; taken when they start.
    alive: Mutex<Option<mpsc::Sender<Infallible>>>,
}

/// What requests, the admin endpoints and the balancer's thread share.
struct BalancerShared {
    rules: Rules,
    power: Balancing,
    slots: Arc<Slots>,
    reported: Box<[Reported]>,
    published: Mutex<Published>,
    quarantine: OnceLock<Quarantine>,
    /// Processor time of a hop, once it was measured.
    hop_ns: OnceLock<u64>,
    stops: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Balancer {
    /// For so many classes, whose futures are polled by that runtime. It does nothing
    /// before [`start`](Self::start).
    #[must_use]
    pub fn new(power: Balancing, rules: Rules, classes: usize, runtime: &Handle) -> Self {
        let (alive, all_left) = mpsc::channel(1);
        Self {
            shared: Arc::new(BalancerShared {
                rules,
                power,
                slots: Slots::new(runtime.metrics().num_workers()),
                reported: (0..classes).map(|_| Reported::default()).collect(),
                published: Mutex::new(Published::new(power, classes)),
                quarantine: OnceLock::new(),
                hop_ns: OnceLock::new(),
                stops: AtomicBool::new(false),
                thread: OnceLock::new(),
            }),
            all_left: AsyncMutex::new(all_left),
            alive: Mutex::new(Some(alive)),
        }
    }

    /// Starts its thread, which reads and steers that engine. A second call does
    /// nothing.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub fn start(&self, engine: &Engine) -> io::Result<()> {
        let alive = self
            .alive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(alive) = alive else { return Ok(()) };
        let thread = tick::start(Arc::clone(&self.shared), engine.clone(), alive)?;
        self.shared.slots.set_watch(thread.clone());
        self.shared.thread.get_or_init(|| thread);
        Ok(())
    }

    /// Around a poll of that class on an event loop, until it is dropped.
    #[inline]
    pub fn watching(&self, class: usize) -> WatchedPoll<'_> {
        self.shared.slots.watching(class)
    }

    /// Wraps a future of a class that is in quarantine: it is polled on the threads of
    /// the quarantine. Where it cannot be, `refuse` makes its output.
    pub fn confine<R: Send + 'static>(
        &self,
        future: BoxFuture<R>,
        class: usize,
        refuse: impl FnOnce(NotConfined) -> R + Send + 'static,
    ) -> BoxFuture<R> {
        let slots = Arc::clone(&self.shared.slots);
        match self.shared.quarantine.get() {
            Some(quarantine) => quarantine.confine(future, slots, class, refuse),
            // No class is moved there before it is made.
            None => future,
        }
    }

    /// Runs a job of a class on this event loop, and measures it. Where the balancer
    /// placed the class here, a run that takes too long or blocks sends the class back
    /// to the pool at once.
    #[inline]
    pub fn run_inline<R>(&self, class: &Class, run: impl FnOnce() -> R) -> (R, Timing) {
        inline_guard::run_inline(self, class, run)
    }

    /// What is published.
    pub fn published(&self) -> MutexGuard<'_, Published> {
        self.shared.published()
    }

    /// Ends its threads.
    pub fn close(&self) {
        self.shared.stops.store(true, Ordering::Release);
        if let Some(thread) = self.shared.thread.get() {
            thread.unpark();
        }
        // Where it never started, there is no thread to wait for.
        drop(
            self.alive
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if let Some(quarantine) = self.shared.quarantine.get() {
            quarantine.close();
        }
    }

    /// Waits until its threads have left, after [`close`](Self::close).
    pub async fn join(&self) {
        // Nothing is ever sent: the channel ends with its last sender.
        let _ = self.all_left.lock().await.recv().await;
    }

    fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    fn violated(&self, class: usize, violation: &Violation) {
        self.shared.reported[class].report(violation);
    }
}

impl BalancerShared {
    fn published(&self) -> MutexGuard<'_, Published> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stops.load(Ordering::Acquire)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // Not joined: it may be the thread itself, or an event loop, that drops
        // the application.
        self.close();
    }
}

impl fmt::Debug for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balancer")
            .field("power", &self.shared.power)
            .field("slots", &self.shared.slots)
            .finish_non_exhaustive()
    }
}
