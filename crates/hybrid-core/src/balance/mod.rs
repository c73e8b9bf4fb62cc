//! The balancer: what was measured becomes decisions, and decisions lanes.
//!
//! ```text
//! Table ─measured→ Snapshot ─policy→ Decision ─tick→ lanes, limits, Board, log
//! polls ─watch→ stalls ──────┘
//! ```
//!
//! One thread an application, `hybrid-balancer`, does all of it: [`watch`] every
//! few milliseconds, [`tick`] every 100. [`policy`] is a pure function, its
//! constants are in [`rules`]. Requests read their route's effective lane, write
//! their thread's slot of the watch, and are never waited for or made to wait.
//! Two things happen on the loops: [`guarded`] takes a promoted route back at its
//! first violation, and [`quarantine`] receives the futures of routes that were
//! moved there.
//!
//! It ends with the application: [`Balancer::close`], or its drop, wakes the
//! thread, which leaves; [`Balancer::join`] waits for it.

mod accounts;
mod board;
mod cost;
mod guarded;
mod hop;
mod inline;
mod limit;
mod log;
mod loops;
mod measured;
mod policy;
mod quarantine;
mod rules;
mod snapshot;
mod stalls;
mod tick;
mod watch;

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

pub(crate) use board::Board;
pub(crate) use guarded::run_inline;
pub(crate) use rules::Rules;

use crate::{
    ResponseFuture,
    config::{Balancing, Mode, Settings},
    context::ServerContext,
    sync::{AtomicBool, Ordering},
};
use guarded::Reported;
use quarantine::Quarantine;
use snapshot::Violation;
use watch::{Slots, Watching};

/// The balancer of an application.
pub(crate) struct Balancer {
    shared: Arc<Shared>,
    /// Ends once its threads have left.
    all_left: AsyncMutex<mpsc::Receiver<Infallible>>,
    /// For the threads; taken when they start.
    alive: Mutex<Option<mpsc::Sender<Infallible>>>,
}

/// What requests, the admin endpoints and the balancer's thread share.
struct Shared {
    rules: Rules,
    power: Balancing,
    slots: Arc<Slots>,
    reported: Box<[Reported]>,
    board: Mutex<Board>,
    quarantine: OnceLock<Quarantine>,
    /// Processor time of a hop, once it was measured.
    hop_ns: OnceLock<u64>,
    stops: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Balancer {
    /// For so many routes, whose requests are polled by that runtime.
    pub(crate) fn new(settings: &Settings, rules: Rules, routes: usize, runtime: &Handle) -> Self {
        let power = match settings.mode {
            // A lane that is the same for all is nothing to move routes between.
            Mode::AsyncOnly | Mode::SyncOnly if settings.balancer == Balancing::On => {
                Balancing::Observe
            }
            _ => settings.balancer,
        };
        let (alive, all_left) = mpsc::channel(1);
        Self {
            shared: Arc::new(Shared {
                rules,
                power,
                slots: Slots::new(runtime.metrics().num_workers()),
                reported: (0..routes).map(|_| Reported::default()).collect(),
                board: Mutex::new(Board::new(power, routes)),
                quarantine: OnceLock::new(),
                hop_ns: OnceLock::new(),
                stops: AtomicBool::new(false),
                thread: OnceLock::new(),
            }),
            all_left: AsyncMutex::new(all_left),
            alive: Mutex::new(Some(alive)),
        }
    }

    /// Starts its thread.
    ///
    /// # Errors
    /// The system refuses it.
    pub(crate) fn start(&self, app: &Arc<ServerContext>) -> io::Result<()> {
        let alive = self
            .alive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(alive) = alive else { return Ok(()) };
        let thread = tick::start(Arc::clone(&self.shared), app, alive)?;
        self.shared.slots.set_watch(thread.clone());
        self.shared.thread.get_or_init(|| thread);
        Ok(())
    }

    /// Around a poll of that route on an event loop, until it is dropped.
    #[inline]
    pub(crate) fn watching(&self, route: usize) -> Watching<'_> {
        self.shared.slots.watching(route)
    }

    /// The future of a request of a route that is in quarantine; `refused` is told
    /// where there is no room in it.
    pub(crate) fn confine(
        &self,
        serving: ResponseFuture,
        route: usize,
        refused: impl FnOnce() + Send + 'static,
    ) -> ResponseFuture {
        let slots = Arc::clone(&self.shared.slots);
        match self.shared.quarantine.get() {
            Some(quarantine) => quarantine.confine(serving, slots, route, refused),
            // No route is moved there before it is made.
            None => serving,
        }
    }

    /// What is published.
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.shared.board()
    }

    /// Ends its threads.
    pub(crate) fn close(&self) {
        self.shared.stops.store(true, Ordering::Release);
        if let Some(thread) = self.shared.thread.get() {
            thread.unpark();
        }
        // Where it never started, nobody is waited for.
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
    pub(crate) async fn join(&self) {
        // Nothing is ever sent: the channel ends with its last sender.
        let _ = self.all_left.lock().await.recv().await;
    }

    fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    fn violated(&self, route: usize, violation: &Violation) {
        self.shared.reported[route].report(violation);
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
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
