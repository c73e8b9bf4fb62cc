//! The stall watch: sees from outside that a poll holds its event loop, while it
//! still does.
//!
//! A thread that polls requests has a [`Slot`]. Around each poll it writes there
//! what it polls and the poll's number: two stores and no clock. The balancer's
//! thread looks every [`LOOK`], and exactly when a poll will have been seen for 10
//! ms: that is a stall, and is named 10 to 14 ms after its beginning. When it ends, the loop finds the
//! mark that the watch has left, and only then reads the clock, for its length.
//!
//! ```text
//! loop    class, poll ──▶ polls ─────────────▶ marked? then length
//! watch            seen ──4 ms──▶ accounts ──6 ms──▶ named, marked
//! ```
//!
//! A thread that waits for a processor holds its loop as well, but that is not
//! its handler's doing: what the system says of the thread in the last part of that
//! time decides. Nothing here decides what becomes of the class.

use std::{
    cell::Cell,
    fmt,
    sync::{Arc, OnceLock},
    thread::Thread,
    time::Duration,
};

use super::thread_accounting::{self, ThreadAccounting};
use crate::{
    clock::{self, Instant, nanoseconds},
    os,
    sync::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

/// How often the watch looks, while anything is polled.
pub(super) const LOOK: Duration = Duration::from_millis(4);

/// The shortest pause of the watch, whatever is due.
const BLINK: Duration = Duration::from_micros(500);

/// Looks without any poll after which the watch pauses until the next
/// tick, or until the first poll wakes it.
const QUIET_LOOKS: u32 = 250;

/// Marks what is polled in quarantine.
const CONFINED: u32 = 1 << 31;

/// Slots beyond the runtime's own threads: quarantine, and threads that poll
/// requests without being a worker. A thread that finds none is not watched.
const SPARE: usize = 16;

/// The threads of an application that poll requests.
pub(super) struct Slots {
    /// Tells applications apart, also those that live one after the other.
    id: usize,
    slots: Box<[Slot]>,
    /// The watch pauses: the next poll wakes it.
    asleep: AtomicBool,
    watch: OnceLock<Thread>,
    epoch: Instant,
}

/// What a thread polls. A line of cache of its own, written by that thread alone
/// but for the mark and what belongs to it.
#[repr(align(64))]
#[derive(Default)]
struct Slot {
    claimed: AtomicBool,
    thread: AtomicU32,
    /// The class's number and one, [`CONFINED`] added; 0 is none.
    class: AtomicU32,
    /// Counts polls.
    poll: AtomicU32,
    /// The watch's mark: the number of a poll that it has named.
    marked: AtomicU32,
    /// When that poll was first seen, from the epoch.
    seen_ns: AtomicU64,
    /// How long it took, from the loop to the watch; 0 is taken.
    length_ns: AtomicU64,
}

thread_local! {
    /// This thread's slot in the application that it polled for last.
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    static CLAIMS: Claims = const { Claims(std::cell::RefCell::new(Vec::new())) };
}

/// The slots of a thread, given back when it ends.
struct Claims(std::cell::RefCell<Vec<(Arc<Slots>, usize)>>);

impl Drop for Claims {
    fn drop(&mut self) {
        for (slots, index) in self.0.get_mut().drain(..) {
            slots.slots[index].claimed.store(false, Ordering::Release);
        }
    }
}

impl Slots {
    pub(super) fn new(workers: usize) -> Arc<Self> {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        let slots = (0..workers + SPARE).map(|_| Slot::default());
        Arc::new(Self {
            id: NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            slots: slots.collect(),
            asleep: AtomicBool::new(false),
            watch: OnceLock::new(),
            epoch: clock::now(),
        })
    }

    /// Around a poll of that class, until it is dropped.
    #[inline]
    pub(super) fn watching(self: &Arc<Self>, class: usize) -> WatchedPoll<'_> {
        self.enter(number(class))
    }

    /// Around a poll of that class in quarantine.
    pub(super) fn watching_confined(self: &Arc<Self>, class: usize) -> WatchedPoll<'_> {
        self.enter(number(class) | CONFINED)
    }

    #[inline]
    fn enter(self: &Arc<Self>, class: u32) -> WatchedPoll<'_> {
        let Some(slot) = self.slots.get(self.index_here()) else {
            return WatchedPoll(None);
        };
        // Relaxed, all of them: one thread writes, and the watch compares what it
        // read with what it reads at its next look.
        let outer = slot.class.load(Ordering::Relaxed);
        let poll = slot.poll.load(Ordering::Relaxed).wrapping_add(1).max(1);
        slot.poll.store(poll, Ordering::Relaxed);
        slot.class.store(class, Ordering::Relaxed);
        if self.asleep.load(Ordering::Relaxed) {
            self.wake();
        }
        WatchedPoll(Some(Inside {
            slots: self,
            slot,
            outer,
        }))
    }

    /// The place of this thread's slot; past the end where it has none.
    #[inline]
    fn index_here(self: &Arc<Self>) -> usize {
        // A thread that ends has given its slots back.
        let last = LAST.try_with(Cell::get).unwrap_or_default();
        if last.0 == self.id {
            return last.1;
        }
        self.claim_here()
    }

    #[cold]
    fn claim_here(self: &Arc<Self>) -> usize {
        let index = CLAIMS.try_with(|claims| self.claimed_by(claims));
        let index = index.unwrap_or(usize::MAX);
        let _ = LAST.try_with(|last| last.set((self.id, index)));
        index
    }

    fn claimed_by(self: &Arc<Self>, claims: &Claims) -> usize {
        let mut claims = claims.0.borrow_mut();
        // Slots of applications that are gone.
        claims.retain(|(slots, _)| Arc::strong_count(slots) > 1);
        let mine = claims.iter().find(|(slots, _)| slots.id == self.id);
        if let Some((_, index)) = mine {
            return *index;
        }
        let Some(index) = self.slots.iter().position(Slot::claim) else {
            return usize::MAX;
        };
        claims.push((Arc::clone(self), index));
        index
    }

    /// The thread that the first poll after a pause wakes.
    pub(super) fn set_watch(&self, watch: Thread) {
        self.watch.get_or_init(|| watch);
    }

    #[cold]
    fn wake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
        if let Some(watch) = self.watch.get() {
            watch.unpark();
        }
    }
}

#[inline]
fn number(class: usize) -> u32 {
    u32::try_from(class).map_or(0, |class| (class + 1) & !CONFINED)
}

impl Slot {
    fn claim(&self) -> bool {
        // Acquire pairs with the release of the thread that had it.
        let claimed =
            self.claimed
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        if claimed.is_ok() {
            self.thread.store(os::thread::number(), Ordering::Relaxed);
        }
        claimed.is_ok()
    }
}

/// A poll in progress.
pub struct WatchedPoll<'a>(Option<Inside<'a>>);

struct Inside<'a> {
    slots: &'a Slots,
    slot: &'a Slot,
    /// What this thread polled around it: polls nest.
    outer: u32,
}

impl fmt::Debug for WatchedPoll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

impl Drop for WatchedPoll<'_> {
    fn drop(&mut self) {
        let Some(Inside { slots, slot, outer }) = &self.0 else {
            return;
        };
        slot.class.store(*outer, Ordering::Relaxed);
        let marked = slot.marked.load(Ordering::Relaxed);
        // An outer poll goes on under the number of the last inner one.
        if marked != 0 && marked == slot.poll.load(Ordering::Relaxed) && *outer == 0 {
            slot.tell_length(slots.epoch);
        }
    }
}

impl Slot {
    #[cold]
    fn tell_length(&self, epoch: Instant) {
        let now = nanoseconds(clock::now() - epoch);
        let seen = self.seen_ns.load(Ordering::Relaxed);
        let length = now.saturating_sub(seen).max(1);
        self.length_ns.store(length, Ordering::Relaxed);
        self.marked.store(0, Ordering::Relaxed);
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}

// === The watch ===

/// What the watch has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// A poll holds its loop, for that long so far.
    Holds(HeldThread),
    /// One that was named has ended, after that long.
    Ended(HeldThread),
}

/// What held a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldThread {
    pub(super) class: usize,
    /// It ran in quarantine, where it held no event loop.
    pub(super) is_confined: bool,
    pub(super) time: Duration,
}

/// The watch's memory: one entry a slot.
pub(super) struct StallWatch {
    seen: Vec<Seen>,
    stall_min: Duration,
    /// The last look.
    before: Instant,
    quiet: u32,
    /// When the first of the polls that are being seen becomes a stall.
    due: Option<Instant>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    class: u32,
    poll: u32,
    /// When it was first seen, time on a run queue added.
    since: Option<Instant>,
    /// What the system said of the thread, and when.
    accounts: Option<(ThreadAccounting, Instant)>,
    /// It was named, and its length is not known.
    named: Option<Instant>,
}

impl StallWatch {
    pub(super) fn new(slots: &Slots, stall_min: Duration, now: Instant) -> Self {
        Self {
            seen: vec![Seen::default(); slots.slots.len()],
            stall_min,
            before: now,
            quiet: 0,
            due: None,
        }
    }

    /// One look at all slots.
    pub(super) fn look(&mut self, slots: &Slots, now: Instant, tell: &mut impl FnMut(Sight)) {
        let mut is_quiet = true;
        self.due = None;
        for (slot, seen) in slots.slots.iter().zip(&mut self.seen) {
            if !slot.claimed.load(Ordering::Relaxed) {
                continue;
            }
            let poll = slot.poll.load(Ordering::Relaxed);
            let class = slot.class.load(Ordering::Relaxed);
            is_quiet &= class == 0 && poll == seen.poll;
            seen.end(slot, poll, class, now, tell);
            if class == 0 || poll != seen.poll {
                *seen = Seen {
                    class,
                    poll,
                    since: (class != 0).then_some(now),
                    ..Seen::default()
                };
                continue;
            }
            seen.class = class;
            let epoch = slots.epoch;
            let half_look = (now - self.before) / 2;
            if seen.is_stall(slot, now, self.stall_min) {
                seen.name(slot, now, half_look.min(LOOK / 2), epoch, tell);
            } else if let Some(since) = seen.since.filter(|_| seen.named.is_none()) {
                let due = since + self.stall_min;
                self.due = Some(self.due.map_or(due, |other| other.min(due)));
            }
        }
        self.before = now;
        self.quiet = if is_quiet { self.quiet + 1 } else { 0 };
    }

    /// How long until the next look; `None` when a poll will wake the watch.
    pub(super) fn rest(&self, slots: &Slots) -> Option<Duration> {
        match self.quiet {
            0..QUIET_LOOKS => Some(self.due.map_or(LOOK, |due| {
                due.saturating_duration_since(self.before)
                    .clamp(BLINK, LOOK)
            })),
            // A thread that began to poll before it saw this is seen by one more look.
            QUIET_LOOKS => {
                slots.asleep.store(true, Ordering::Relaxed);
                Some(LOOK)
            }
            _ if slots.asleep.load(Ordering::Relaxed) => None,
            _ => Some(LOOK),
        }
    }

    /// Goes on after a rest.
    pub(super) fn wake(&mut self, slots: &Slots) {
        if self.quiet > QUIET_LOOKS && !slots.asleep.load(Ordering::Relaxed) {
            self.quiet = 0;
        }
    }
}

impl Seen {
    /// Tells the end of a poll that was named, if it has ended.
    fn end(
        &mut self,
        slot: &Slot,
        poll: u32,
        class: u32,
        now: Instant,
        tell: &mut impl FnMut(Sight),
    ) {
        let Some(since) = self.named else { return };
        let length_ns = slot.length_ns.swap(0, Ordering::Relaxed);
        if length_ns > 0 {
            let time = Duration::from_nanos(length_ns);
            tell(Sight::Ended(held(self.class, time)));
        } else if poll != self.poll || class == 0 {
            // It ended just when it was marked, and did not see the mark.
            tell(Sight::Ended(held(self.class, now - since)));
        } else {
            return;
        }
        slot.marked.store(0, Ordering::Relaxed);
        // Whatever is there now is looked at as new.
        *self = Self::default();
    }

    fn is_stall(&mut self, slot: &Slot, now: Instant, stall_min: Duration) -> bool {
        let Some(since) = self.since.filter(|_| self.named.is_none()) else {
            return false;
        };
        let held = now.saturating_duration_since(since);
        let Some((before, read_at)) = self.accounts else {
            if held * 3 >= stall_min {
                let thread = slot.thread.load(Ordering::Relaxed);
                self.accounts = thread_accounting::of(thread).map(|accounts| (accounts, now));
            }
            // Where the system tells, it is asked again at the next look.
            return held >= stall_min && self.accounts.is_none();
        };
        if held < stall_min {
            return false;
        }
        let Some(after) = thread_accounting::of(slot.thread.load(Ordering::Relaxed)) else {
            return true;
        };
        let between = now.saturating_duration_since(read_at);
        let Some(waited) = after.waited_for_processor(&before, between) else {
            return true;
        };
        // Not its handler's doing: as if it had begun that much later.
        self.since = since.checked_add(waited);
        self.accounts = Some((after, now));
        false
    }

    fn name(
        &mut self,
        slot: &Slot,
        now: Instant,
        half_look: Duration,
        epoch: Instant,
        tell: &mut impl FnMut(Sight),
    ) {
        let Some(since) = self.since else { return };
        // It began between two looks: in the middle of them, for all we know.
        let began = since - half_look;
        let seen_ns = nanoseconds(began.saturating_duration_since(epoch));
        slot.seen_ns.store(seen_ns, Ordering::Relaxed);
        slot.length_ns.store(0, Ordering::Relaxed);
        slot.marked.store(self.poll, Ordering::Relaxed);
        self.named = Some(began);
        tell(Sight::Holds(held(self.class, now - began)));
    }
}

fn held(number: u32, time: Duration) -> HeldThread {
    HeldThread {
        class: (number & !CONFINED).saturating_sub(1) as usize,
        is_confined: number & CONFINED != 0,
        time,
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests;
