//! From the loops to the workers of one side: a bounded channel into which loops put
//! tickets, and the stack of workers that rest. No thread waits for another, and none takes
//! a lock.
//!
//! A worker is *looking* from when it is woken, or from when its job ends, until
//! it has a ticket or rests. While one looks, loops wake no other: it takes what they
//! put. That is safe because both sides write before they read, all in one order
//! (SeqCst):
//!
//! ```text
//! loop     puts a ticket, then asks whether a worker looks
//! worker   stops looking, then asks whether a ticket is there
//! ```
//!
//! so that at least one of them sees the other. The side that sees it wakes one worker;
//! that one, with a ticket in its hands, wakes the next if more wait.

use std::{sync::Arc, time::Duration};

use super::idle_stack::IdleStack;
use crate::{
    clock,
    sync::{
        AtomicU8, AtomicUsize, Mutex, Ordering,
        channel::{Receiver, Sender, bounded},
        fence,
        park::{self, Parker, Unparker},
    },
};

const RESTING: u8 = 0;
const WOKEN: u8 = 1;
/// Its worker leaves while it is on the stack.
const LEAVING: u8 = 2;
/// Its worker has left.
const LEFT: u8 = 3;
/// Its worker is to change over to the other side.
const CALLED: u8 = 4;

/// The way of one side's tickets.
pub(super) struct Handoff<T> {
    inbox: Sender<T>,
    outbox: Receiver<T>,
    looking: AtomicUsize,
    resting: IdleStack,
    places: Arc<Places>,
}

/// Where workers rest, of whatever side they are.
pub(super) struct Places {
    free: IdleStack,
    all: Box<[Place]>,
}

/// Where a worker rests.
struct Place {
    state: AtomicU8,
    unparker: Unparker,
    /// Here while the place is free.
    parker: Mutex<Option<Parker>>,
}

/// What came of waking a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// A worker looks already.
    Looking,
    /// One that rested.
    Resting,
    /// No worker rests. The caller looks now, on behalf of a thread that it starts.
    None,
}

/// How a rest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// By being woken: the worker looks now.
    Woken,
    /// By being called to the other side: the worker looks there now.
    Called,
    /// By its time being over: the worker leaves.
    Left,
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        let free = IdleStack::new(places);
        // The first place is on top.
        (0..places).rev().for_each(|place| free.push(place));
        Self {
            free,
            all: (0..places).map(|_| Place::new()).collect(),
        }
    }

    /// A free place, for a new worker.
    pub(super) fn take(&self) -> Option<(usize, Parker)> {
        let number = self.free.pop()?;
        let place = &self.all[number];
        let parker = place.parker.lock().ok()?.take();
        // Never poisoned and never empty: the place is ours.
        Some((number, parker?))
    }

    /// A worker leaves, and its place is for the next.
    pub(super) fn leave(&self, number: usize, parker: Parker, rest: Rest) {
        if let Ok(mut kept) = self.all[number].parker.lock() {
            *kept = Some(parker);
        }
        // On the stack still, where no thread has found it yet: the one that does frees it.
        let is_stacked = rest == Rest::Left && self.all[number].change(LEAVING, LEFT);
        if !is_stacked {
            self.free.push(number);
        }
    }
}

impl<T> Handoff<T> {
    pub(super) fn new(depth: usize, places: Arc<Places>) -> Self {
        let (inbox, outbox) = bounded(depth);
        Self {
            inbox,
            outbox,
            looking: AtomicUsize::new(0),
            resting: IdleStack::new(places.all.len()),
            places,
        }
    }

    /// Puts a ticket. It comes back where the channel is full.
    pub(super) fn put(&self, ticket: T) -> Result<(), T> {
        let put = self.inbox.try_send(ticket);
        // Pairs with the fence in `stop_looking`.
        fence(Ordering::SeqCst);
        put.map_err(|refused| refused.into_inner())
    }

    /// Wakes one worker, unless one looks.
    pub(super) fn wake(&self) -> Woken {
        let claimed = self
            .looking
            .compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
        if claimed.is_err() {
            return Woken::Looking;
        }
        match self.wake_resting() {
            true => Woken::Resting,
            false => Woken::None,
        }
    }

    /// Wakes one worker, also where another looks. `false`: no worker rests, and the
    /// caller looks, as with [`Woken::None`].
    pub(super) fn wake_another(&self) -> bool {
        self.looking.fetch_add(1, Ordering::SeqCst);
        self.wake_resting()
    }

    /// Wakes every worker that rests, to look.
    pub(super) fn wake_all(&self) {
        loop {
            self.looking.fetch_add(1, Ordering::SeqCst);
            if !self.wake_resting() {
                self.stop_looking();
                return;
            }
        }
    }

    pub(super) fn has_resting(&self) -> bool {
        !self.resting.is_empty()
    }

    /// Calls one that rests over to the other side, where it counts as looking
    /// already.
    pub(super) fn call_over(&self) -> bool {
        self.end_rest(CALLED)
    }

    fn wake_resting(&self) -> bool {
        self.end_rest(WOKEN)
    }

    fn end_rest(&self, to: u8) -> bool {
        while let Some(number) = self.resting.pop() {
            let place = &self.places.all[number];
            if place.change(RESTING, to) {
                place.unparker.unpark();
                return true;
            }
            if !place.change(LEAVING, WOKEN) {
                self.places.free.push(number);
            }
        }
        false
    }

    pub(super) fn start_looking(&self) {
        self.looking.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends looking; says whether a ticket was put that may have relied on it.
    pub(super) fn stop_looking(&self) -> bool {
        self.looking.fetch_sub(1, Ordering::SeqCst);
        // Pairs with the fence in `put`.
        fence(Ordering::SeqCst);
        !self.outbox.is_empty()
    }

    /// The tickets that were put.
    pub(super) fn taken(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.outbox.try_recv().ok())
    }

    /// From now on the worker of that place may be woken. It still looks.
    pub(super) fn lie_down(&self, place: usize) {
        self.places.all[place]
            .state
            .store(RESTING, Ordering::SeqCst);
        self.resting.push(place);
    }

    /// Rests until woken, or for that long.
    pub(super) fn rest(&self, place: usize, parker: &Parker, longest: Duration) -> Rest {
        let place = &self.places.all[place];
        let until = clock::now() + longest;
        loop {
            match place.state.load(Ordering::Acquire) {
                WOKEN => return Rest::Woken,
                CALLED => return Rest::Called,
                _ => {}
            }
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() && place.change(RESTING, LEAVING) {
                return Rest::Left;
            }
            parker.park_timeout(left);
        }
    }
}

impl Place {
    fn new() -> Self {
        let (parker, unparker) = park::pair();
        Self {
            state: AtomicU8::new(WOKEN),
            unparker,
            parker: Mutex::new(Some(parker)),
        }
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    const LONG: Duration = Duration::from_secs(1 << 30);

    /// What a worker does, without jobs: looks, rests when there is nothing.
    fn work(handoff: &Handoff<u8>, place: usize, parker: &Parker, wanted: usize) -> usize {
        let mut taken = 0;
        loop {
            taken += handoff.taken().count();
            if taken == wanted {
                handoff.stop_looking();
                return taken;
            }
            handoff.lie_down(place);
            if handoff.stop_looking() {
                handoff.wake();
            }
            assert_eq!(handoff.rest(place, parker, LONG), Rest::Woken);
        }
    }

    fn put(handoff: &Handoff<u8>) {
        handoff.put(1).expect("there is room");
        handoff.wake();
    }

    /// A worker of one side rests when it is called to the other, which has a ticket
    /// and no worker.
    #[test]
    fn loom_a_worker_that_is_called_over_finds_the_ticket() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let places = std::sync::Arc::new(Places::new(1));
            let (place, parker) = places.take().expect("a place");
            let sides = [(); 2].map(|()| Handoff::<u8>::new(2, std::sync::Arc::clone(&places)));
            let sides = Arc::new(sides);
            sides[0].start_looking();
            let other = Arc::clone(&sides);
            let sender = thread::spawn(move || {
                other[1].put(1).expect("there is room");
                assert_eq!(other[1].wake(), Woken::None);
                while !other[0].call_over() {
                    thread::yield_now();
                }
            });
            sides[0].lie_down(place);
            assert!(!sides[0].stop_looking());
            assert_eq!(sides[0].rest(place, &parker, LONG), Rest::Called);
            assert_eq!(sides[1].taken().count(), 1);
            assert!(!sides[1].stop_looking());
            sender.join().expect("no panic");
        });
    }

    /// A worker that slept through a ticket would never wake: loom calls that a
    /// deadlock.
    #[test]
    fn loom_no_ticket_is_slept_through() {
        let mut model = loom::model::Builder::new();
        // All interleavings are too many; three preemptions find what is found in
        // practice (M. Musuvathi and S. Qadeer, "Iterative Context Bounding", 2007).
        model.preemption_bound = Some(3);
        model.check(|| {
            let places = std::sync::Arc::new(Places::new(1));
            let (place, parker) = places.take().expect("a place");
            let handoff = Arc::new(Handoff::new(2, places));
            handoff.start_looking();
            let other = Arc::clone(&handoff);
            let sender = thread::spawn(move || put(&other));
            let other = Arc::clone(&handoff);
            let worker = thread::spawn(move || work(&other, place, &parker, 2));
            put(&handoff);
            sender.join().expect("no panic");
            assert_eq!(worker.join().expect("no panic"), 2);
        });
    }
}
