//! The scan: while tickets wait, once a millisecond, it looks at what runs. A
//! worker that is blocked gives its permit to others, until it runs again; one
//! that has computed for long in one stretch becomes a long one, with its ticket. So
//! a class that was never measured, or behaves as never before, holds nothing up.
//! The scan also takes out what was given up in the queue, and wakes the reserve.
//!
//! While the processors are full nothing is freed: what is blocked then waits for
//! threads that compute, its own perhaps. Long threads are left aside for short
//! tickets, since they give way. Where the processors are full of other programs, a
//! short ticket that waits for one does not count as computing: as many more may
//! start as there are processors.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, thread, time::Duration};

use tokio::sync::mpsc::Sender;

use super::{
    Asker, Length, NextJob, PoolShared,
    blocked::BlockedProbe,
    permits::PERMIT,
    stretch::{Found, Stretch},
    worker,
    worker_slot::SlotView,
};
use crate::{
    background,
    clock::{self, Instant, nanoseconds},
    os::{cores, thread_times},
    sync::{AtomicBool, Ordering},
};

/// What is held below this is not worth a look: freeing it starts no ticket.
const WEIGHT_MIN: i64 = PERMIT / 8;

/// So many tickets of unknown classes are looked at, however little they weigh.
const UNKNOWN_MAX: usize = 32;

/// A ticket that has waited for less is not stuck.
const STUCK: Duration = Duration::from_micros(500);

/// Between two looks through the whole queue, in beats.
const SWEEP: u32 = 16;

/// Between two looks at what the system allows, in beats.
const CORES: u32 = 1000;

/// The processors are full where the process used this share of them; or, while long
/// threads compute, which always get a little, where all others used that.
const FULL: f64 = 0.95;
const FULL_BESIDE_LONG: f64 = 0.85;

/// Over about that many beats.
const BEATS: f64 = 8.0;

pub(super) struct BlockedScan {
    observed: Vec<BlockedProbe>,
    stretches: Vec<Stretch>,
    beats: u32,
    cores: f64,
    /// When the process's processor time was read, and what it was.
    last: Option<(Instant, u64)>,
    full: Full,
    reserve: Reserve,
}

/// How full the processors are of this process.
#[derive(Debug, Clone, Copy, Default)]
struct Full {
    /// The share that all of it uses, and what long threads leave of that.
    used: f64,
    used_beside_long: f64,
    all: bool,
    beside_long: bool,
}

impl Full {
    fn note(&mut self, offered_ns: f64, used_ns: f64, long_ns: f64) {
        let share = |ns: f64| (ns / offered_ns).clamp(0.0, 1.0);
        self.used += (share(used_ns) - self.used) / BEATS;
        self.used_beside_long += (share(used_ns - long_ns) - self.used_beside_long) / BEATS;
        self.all = self.used >= FULL;
        let bound = if long_ns > 0.0 {
            FULL_BESIDE_LONG
        } else {
            FULL
        };
        self.beside_long = self.used_beside_long >= bound;
    }

    /// Whether a blocked ticket keeps what it holds.
    fn of(&self, length: Length) -> bool {
        match length {
            Length::Short => self.beside_long,
            Length::Long => self.all,
        }
    }
}

/// The thread beyond the last.
struct Reserve {
    is_alive: Arc<AtomicBool>,
    thread: Option<thread::Thread>,
}

impl BlockedScan {
    pub(super) fn new(shared: &PoolShared) -> Self {
        Self {
            observed: shared
                .all_slots
                .iter()
                .map(|_| BlockedProbe::default())
                .collect(),
            stretches: vec![Stretch::default(); shared.all_slots.len()],
            beats: 0,
            cores: cores::allowed(),
            last: None,
            full: Full::default(),
            reserve: Reserve {
                is_alive: Arc::default(),
                thread: None,
            },
        }
    }

    pub(super) fn beat(&mut self, shared: &Arc<PoolShared>, alive: &Sender<Infallible>) {
        let now = clock::now();
        self.beats = self.beats.wrapping_add(1);
        if self.beats.is_multiple_of(CORES) {
            self.follow_cores(shared);
        }
        let is_stuck = Length::BOTH.map(|length| is_stuck(shared, length, now));
        self.look(shared, now, is_stuck);
        if is_stuck[Length::Short as usize] && shared.slots().any(|(_, slot)| slot.is_brief()) {
            // It was to be over by now, and holds up the workers that rely on it.
            shared.wake_another();
        }
        if self.beats.is_multiple_of(SWEEP) {
            self.forget(shared);
            sweep(shared, Length::Short, now);
            sweep(shared, Length::Long, now);
        }
        shared.wake(Length::Short);
        shared.wake(Length::Long);
        if shared.are_all_running() && Length::BOTH.iter().any(|of| starves(shared, *of)) {
            self.reserve.call(shared, alive);
        }
    }

    /// A beat while nothing waits: finds what turns long.
    pub(super) fn watch(&mut self, shared: &PoolShared) {
        self.look(shared, clock::now(), [false; 2]);
    }

    fn follow_cores(&mut self, shared: &PoolShared) {
        let cores = cores::allowed();
        if shared.limits.is_managed && (cores - self.cores).abs() > 0.001 {
            background::quietly(|| {
                tracing::info!(from = self.cores, to = cores, "processors allowed")
            });
            shared.accounts.set_cores(cores);
            self.cores = cores;
        }
    }

    /// What the processors had to offer since the last beat, and what of it this
    /// process used, in nanoseconds. The time since the last scan, which may be long
    /// ago, counts as one beat.
    fn measure(&mut self, now: Instant) -> Option<(f64, f64)> {
        let used_ns = thread_times::process_cpu_ns()?;
        let (last, last_ns) = self.last.replace((now, used_ns))?;
        let passed_ns = nanoseconds(now.saturating_duration_since(last)).max(1);
        let used_ns = used_ns.saturating_sub(last_ns);
        Some((passed_ns as f64 * self.cores, used_ns as f64))
    }

    fn look(&mut self, shared: &PoolShared, now: Instant, is_stuck: [bool; 2]) {
        let measured = self.measure(now);
        let is_full = self.full;
        // How many more may start while others wait for a processor.
        let mut more = self.cores.ceil() as usize;
        let mut left = UNKNOWN_MAX;
        let mut long_ns = 0;
        // By class that is unknown: whether all of its tickets are blocked.
        let mut seen = BTreeMap::new();
        for (place, slot) in shared.slots() {
            let Some(looked) = slot.look() else { continue };
            let (observed, stretch) = (&mut self.observed[place], &mut self.stretches[place]);
            if looked.is_unknown() && left > 0 {
                left -= 1;
            } else if looked.weight() < WEIGHT_MIN {
                continue;
            }
            let length = looked.length();
            let is_still =
                shared.limits.is_managed && watch(shared, place, &looked, stretch) == Found::Still;
            if length == Length::Long {
                long_ns += stretch.moved_ns();
            }
            if !is_stuck[length as usize] {
                continue;
            }
            let is_blocked = observed.is_blocked(&looked, now);
            let waits = is_still && !is_blocked && length == Length::Short && !is_full.all;
            let waits = waits && more > 0;
            more -= usize::from(waits);
            if looked.is_unknown() {
                *seen.entry(looked.class).or_insert(true) &= is_blocked;
            }
            match looked.is_held() {
                true if waits || is_blocked && !is_full.of(length) => {
                    slot.free(&looked, &shared.accounts);
                }
                false if !is_blocked && !waits => slot.take_again(&looked, &shared.accounts),
                _ => {}
            }
        }
        if let Some((offered_ns, used_ns)) = measured {
            self.full.note(offered_ns, used_ns, long_ns as f64);
        }
        let is_full = is_full.of(Length::Short);
        if seen.is_empty() || is_full {
            return;
        }
        let mut order = shared.short.order();
        for (class, all_blocked) in seen {
            order.note_seen(class, all_blocked);
        }
    }

    /// Lets go of what it keeps of threads that have left their place.
    fn forget(&mut self, shared: &PoolShared) {
        for (place, slot) in shared.slots() {
            self.observed[place].forget_unless(slot.thread());
        }
    }

    /// Nothing waits, and nothing is looked at for a while.
    pub(super) fn rest(&mut self) {
        self.observed
            .iter_mut()
            .for_each(|observed| observed.forget_unless(None));
    }

    /// The pool closes.
    pub(super) fn end(&self) {
        self.reserve.wake();
    }
}

/// Looks for how long a ticket has computed in one stretch.
fn watch(shared: &PoolShared, place: usize, looked: &SlotView, stretch: &mut Stretch) -> Found {
    let thread = looked.thread;
    let found = stretch.look(
        looked.ticket(),
        || thread_times::thread_cpu_ns(thread),
        || thread_times::thread_blocks(thread),
    );
    let Found::Long(stretch_ns) = found else {
        return found;
    };
    shared.note_stretch(looked.class, stretch_ns);
    if shared.all_slots[place].turn_long(looked, &shared.accounts) {
        if place < shared.limits.threads_max {
            shared.short.threads.fetch_sub(1, Ordering::SeqCst);
            shared.long.threads.fetch_add(1, Ordering::SeqCst);
        }
        if looked.is_brief() {
            // Its worker looked meanwhile, and does not any more.
            shared.short.order().end_brief();
            shared.short.handoff.stop_looking();
        }
        worker::lower_priority(thread, shared.limits.nice);
        // Another stands in for it.
        shared.wake(Length::Short);
    }
    found
}

/// Whether a ticket of that side waits longer than it should.
fn is_stuck(shared: &PoolShared, length: Length, now: Instant) -> bool {
    let Some(mut order) = shared.order_for_thread_starter(length) else {
        return false;
    };
    shared.drain(length, &mut order);
    let waited = order
        .oldest()
        .map(|since| now.saturating_duration_since(since));
    waited.is_some_and(|waited| waited >= STUCK)
}

/// Whether tickets of a class wait that holds no thread.
fn starves(shared: &PoolShared, length: Length) -> bool {
    let order = shared.order_for_thread_starter(length);
    order.is_some_and(|order| order.starves())
}

/// Takes out what was given up, wherever it stands.
fn sweep(shared: &PoolShared, length: Length, now: Instant) {
    let mut aside = Vec::new();
    if let Some(mut order) = shared.order_for_thread_starter(length) {
        shared.drain(length, &mut order);
        order.sweep(now, &mut aside);
    }
    shared.put_aside(aside);
}

impl Reserve {
    fn call(&mut self, shared: &Arc<PoolShared>, alive: &Sender<Infallible>) {
        if self.is_alive.load(Ordering::SeqCst) {
            return self.wake();
        }
        self.is_alive.store(true, Ordering::SeqCst);
        let reserve = thread::Builder::new().name("hybrid-pool-reserve".to_owned());
        let spawned = reserve.spawn({
            let (shared, alive) = (Arc::clone(shared), alive.clone());
            let is_alive = Arc::clone(&self.is_alive);
            move || {
                let place = shared.limits.threads_max;
                background::run_or_exit("hybrid-pool-reserve", || {
                    worker::enter(&shared, place, || stand_by(&shared, place, &is_alive));
                });
                drop(alive);
            }
        });
        match spawned {
            Ok(handle) => self.thread = Some(handle.thread().clone()),
            Err(error) => {
                self.is_alive.store(false, Ordering::SeqCst);
                background::quietly(
                    || tracing::error!(%error, "the system refuses the reserved pool thread"),
                );
            }
        }
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

/// Runs tickets of classes that hold no thread, whenever it is called.
fn stand_by(shared: &PoolShared, place: usize, is_alive: &AtomicBool) {
    let mut last = clock::now();
    loop {
        match Length::BOTH.into_iter().find_map(|of| ask(shared, of)) {
            Some(next) => {
                let began = next.length;
                let ended = worker::run_next(shared, place, next);
                shared.settle(&ended);
                let handoff = &shared.side(ended.length).handoff;
                if handoff.stop_looking() {
                    shared.wake(ended.length);
                }
                if ended.length != began {
                    // Its priority is lower for good: the next is called anew.
                    break;
                }
                last = clock::now();
            }
            None => {
                let idle = clock::now().saturating_duration_since(last);
                if idle >= worker::IDLE || shared.is_done() {
                    break;
                }
                thread::park_timeout(worker::IDLE - idle);
            }
        }
    }
    is_alive.store(false, Ordering::SeqCst);
}

/// The next ticket for the reserve, which looks while it asks, as any worker.
fn ask(shared: &PoolShared, length: Length) -> Option<NextJob> {
    let handoff = &shared.side(length).handoff;
    handoff.start_looking();
    let next = shared.next(length, Asker::Reserve, None);
    if next.is_none() && handoff.stop_looking() {
        shared.wake(length);
    }
    next
}
