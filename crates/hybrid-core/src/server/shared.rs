//! What all connections of one server share: its limits, its coarse clock, the
//! stage of its life, and the list of connections that the sweeper looks through.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};

use hybrid_engine::{
    background::{self, Panics},
    catch::catch,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{MissedTickBehavior, interval},
};

use super::{
    conn::Conn,
    date::Date,
    ticks::{Millis, Ticks, millis},
};
use crate::config::Settings;

/// Where a server stands in its life. It only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Serving.
    Serving,
    /// Answers carry `Connection: close`; HTTP/2 connections say that they go.
    Leaving,
    /// Connections without a request are closed.
    Closing,
    /// Whatever is left is cut.
    Cutting,
}

/// The time limits of a connection, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimits {
    pub(crate) header: Millis,
    pub(crate) idle: Millis,
    pub(crate) write: Millis,
    pub(crate) body: Millis,
    pub(crate) body_grace: Millis,
    /// Bytes a second; 0 is no limit.
    pub(crate) body_rate: u64,
}

impl TimeLimits {
    fn of(settings: &Settings) -> Self {
        Self {
            header: millis(settings.header_timeout),
            idle: millis(settings.keep_alive),
            write: millis(settings.write_timeout),
            body: millis(settings.body_timeout),
            body_grace: millis(settings.body_grace),
            body_rate: settings.body_rate as u64,
        }
    }

    fn all(&self) -> [Millis; 5] {
        [
            self.header,
            self.idle,
            self.write,
            self.body,
            self.body_grace,
        ]
    }
}

/// The part of a server that its connections see.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) limits: TimeLimits,
    pub(crate) ticks: Ticks,
    pub(crate) date: Date,
    stage: AtomicU8,
    next_id: AtomicU64,
    connections_max: usize,
    /// Connections that are read on although they are answered for the last time.
    lingering: AtomicUsize,
    /// Locked once when a connection begins and ends, and by the sweeper.
    shards: [Mutex<HashMap<u64, Arc<Conn>>>; SHARDS],
}

/// The task that looks through the connections, in the log.
const SWEEPER: &str = "sweeper";

/// So many that two event loops rarely want the same one.
const SHARDS: usize = 16;

impl ServerState {
    pub(crate) fn new(settings: &Settings, connections_max: usize) -> Arc<Self> {
        let limits = TimeLimits::of(settings);
        Arc::new(Self {
            limits,
            ticks: Ticks::for_limits(limits.all()),
            date: Date::default(),
            stage: AtomicU8::new(Stage::Serving as u8),
            next_id: AtomicU64::new(0),
            connections_max,
            lingering: AtomicUsize::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
        })
    }

    pub(crate) fn stage(&self) -> Stage {
        // Acquire: pairs with the Release in `enter`.
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            2 => Stage::Closing,
            _ => Stage::Cutting,
        }
    }

    /// Goes on to a later stage and tells every connection.
    pub(crate) fn enter(&self, stage: Stage) {
        // Release: pairs with the Acquire in `stage`.
        self.stage.fetch_max(stage as u8, Ordering::Release);
        self.for_each(Conn::wake);
    }

    /// Registers a connection for as long as the returned guard lives.
    pub(crate) fn open(self: &Arc<Self>, conn: Arc<Conn>, permit: OwnedSemaphorePermit) -> Open {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.shard(id).insert(id, conn);
        Open {
            shared: Arc::clone(self),
            id,
            _permit: permit,
        }
    }

    /// Counts a connection that lingers, and whether there are few of them: fewer than
    /// an eighth of all that may be open.
    pub(crate) fn linger(&self) -> (LingerPlace<'_>, bool) {
        let others = self.lingering.fetch_add(1, Ordering::Relaxed);
        let are_few = others.saturating_mul(8) < self.connections_max;
        (LingerPlace(self), are_few)
    }

    /// Advances the clock and wakes what has run past a limit; never returns.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let mut interval = interval(self.ticks.length());
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut panics = Panics::default();
        loop {
            interval.tick().await;
            let swept = catch(|| {
                background::fail_here(SWEEPER);
                self.ticks.advance();
                self.date.look();
                self.for_each(Conn::sweep);
            });
            if let Err(panicked) = swept {
                // The next tick is pause enough.
                let _ = panics.say(SWEEPER, &panicked);
            }
        }
    }

    fn for_each(&self, act: impl Fn(&Conn)) {
        for shard in &self.shards {
            for conn in lock(shard).values() {
                act(conn);
            }
        }
    }

    fn shard(&self, id: u64) -> MutexGuard<'_, HashMap<u64, Arc<Conn>>> {
        lock(&self.shards[id as usize % SHARDS])
    }
}

/// A connection lingers as long as this lives.
#[derive(Debug)]
pub(crate) struct LingerPlace<'a>(&'a ServerState);

impl Drop for LingerPlace<'_> {
    fn drop(&mut self) {
        self.0.lingering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A poisoned map of connections is still one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection's place in the list, and its permit. It lives in the I/O object,
/// so that an upgraded connection counts until its new owner drops it.
#[derive(Debug)]
pub(crate) struct Open {
    shared: Arc<ServerState>,
    id: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.shard(self.id).remove(&self.id);
    }
}
