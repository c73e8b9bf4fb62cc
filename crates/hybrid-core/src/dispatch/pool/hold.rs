//! What each worker holds of the permits, and whether it is asleep: the pulse's
//! view of the workers.
//!
//! Permits are counted by whoever changes `held`, and each change is one atomic
//! step, so that none is lost or given back twice: the worker sets and clears it,
//! the pulse takes it away from one that sleeps and gives it back to one that
//! woke.

use super::permits::Permits;
use crate::sync::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicUsize, Ordering};

#[derive(Default)]
pub(super) struct Hold {
    is_running: AtomicBool,
    /// [`Kind`] of what runs.
    kind: AtomicU8,
    /// Counts tickets, so that the pulse notices that it looks at another one.
    turn: AtomicU32,
    /// The running ticket's route.
    route: AtomicUsize,
    /// What it weighs.
    weight: AtomicI64,
    /// What of it is held: all or nothing.
    held: AtomicI64,
    /// The system's number of the thread; 0 is unknown.
    thread: AtomicU32,
}

/// What is known of a ticket that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its route has never run to its end.
    Unknown,
    Known,
    /// It is thought to be over soon, and its worker looks meanwhile.
    Brief,
}

/// A ticket that the pulse looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looked {
    turn: u32,
    pub(super) route: usize,
    weight: i64,
    is_held: bool,
    pub(super) is_unknown: bool,
    pub(super) thread: u32,
}

impl Looked {
    pub(super) fn is_same_ticket(&self, other: &Self) -> bool {
        self.turn == other.turn
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    pub(super) fn weight(&self) -> i64 {
        self.weight
    }
}

impl Hold {
    pub(super) fn set_thread(&self, thread: u32) {
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// The thread that has the place.
    pub(super) fn thread(&self) -> Option<u32> {
        match self.thread.load(Ordering::Relaxed) {
            0 => None,
            thread => Some(thread),
        }
    }

    /// A ticket starts; its permit is taken already.
    pub(super) fn start(&self, route: usize, weight: i64, kind: Kind, permits: &Permits) {
        self.route.store(route, Ordering::Relaxed);
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.weight.store(weight, Ordering::Relaxed);
        self.kind.store(kind as u8, Ordering::Relaxed);
        self.is_running.store(true, Ordering::SeqCst);
        let late = self.held.swap(weight, Ordering::SeqCst);
        permits.give_back(late);
    }

    /// It ends.
    pub(super) fn end(&self, permits: &Permits) {
        self.is_running.store(false, Ordering::SeqCst);
        permits.give_back(self.held.swap(0, Ordering::SeqCst));
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }

    pub(super) fn is_brief(&self) -> bool {
        self.is_running() && self.kind.load(Ordering::Relaxed) == Kind::Brief as u8
    }

    pub(super) fn look(&self) -> Option<Looked> {
        let turn = self.turn.load(Ordering::Acquire);
        self.is_running().then(|| Looked {
            turn,
            route: self.route.load(Ordering::Relaxed),
            weight: self.weight.load(Ordering::Relaxed),
            is_held: self.held.load(Ordering::Relaxed) != 0,
            is_unknown: self.kind.load(Ordering::Relaxed) == Kind::Unknown as u8,
            thread: self.thread.load(Ordering::Relaxed),
        })
    }

    /// The ticket was seen asleep: what it holds is for others.
    pub(super) fn free(&self, looked: &Looked, permits: &Permits) -> bool {
        let is_same = self.turn.load(Ordering::Acquire) == looked.turn;
        let freed = is_same && self.change(looked.weight, 0);
        if freed {
            permits.give_back(looked.weight);
        }
        freed
    }

    /// It was seen awake again.
    pub(super) fn take_again(&self, looked: &Looked, permits: &Permits) {
        permits.take(looked.weight);
        if !self.change(0, looked.weight) {
            permits.give_back(looked.weight);
            return;
        }
        // It may have ended meanwhile, and nobody else would give it back.
        if !self.is_running.load(Ordering::SeqCst) {
            permits.give_back(self.held.swap(0, Ordering::SeqCst));
        }
    }

    fn change(&self, from: i64, to: i64) -> bool {
        self.held
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::{super::permits::PERMIT, *};

    /// A worker runs a ticket while the pulse frees and retakes its permit.
    #[test]
    fn loom_no_permit_is_lost_or_given_back_twice() {
        loom::model(|| {
            let shared = Arc::new((Hold::default(), Permits::new(Some(1.0))));
            let other = Arc::clone(&shared);
            let pulse = thread::spawn(move || {
                let (hold, permits) = &*other;
                if let Some(looked) = hold.look() {
                    hold.free(&looked, permits);
                    hold.take_again(&looked, permits);
                }
            });
            let (hold, permits) = &*shared;
            permits.take(PERMIT);
            hold.start(0, PERMIT, Kind::Known, permits);
            hold.end(permits);
            pulse.join().expect("no panic");
            assert_eq!(permits.gauges().0, 0.0);
        });
    }
}
