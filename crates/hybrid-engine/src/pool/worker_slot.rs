//! What each worker holds of the permits, whether it is blocked, and whether its
//! ticket has turned long: the scan's view of the workers.
//!
//! The thread that changes `held` counts the permits, and each change is one atomic
//! step, so that none is lost or given back twice: the worker sets and clears it,
//! the scan takes it away from one that is blocked and gives it back to one that
//! woke. `held` says of which account it is.
//!
//! That a ticket ends and that it turns long are changes of one word as well: a
//! worker whose ticket has turned long learns it when the ticket ends.

use super::{
    job_length::Length,
    permits::{Account, HeldPermits, PermitAccounts},
};
use crate::sync::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// The phases of a place, in the lowest bits of its state. Above them is the number
/// of the ticket, so that the scan notices that it looks at another one.
const IDLE: u64 = 0;
const SHORT: u64 = 1;
const LONG: u64 = 2;
const PHASE: u64 = 3;

#[derive(Default)]
pub(super) struct WorkerSlot {
    state: AtomicU64,
    /// [`Expectation`] of what runs.
    kind: AtomicU8,
    /// The running ticket's class.
    class: AtomicUsize,
    /// What it weighs.
    weight: AtomicI64,
    /// What of it is [`HeldPermits`]: all or nothing.
    held: AtomicI64,
    /// The system's number of the thread; 0 is unknown.
    thread: AtomicU32,
}

/// What is known of a ticket that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// Its class has never run to its end.
    Unknown,
    Known,
    /// It is thought to be over soon, and its worker looks meanwhile.
    Brief,
}

/// A ticket that the scan looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotView {
    state: u64,
    pub(super) class: usize,
    weight: i64,
    held: HeldPermits,
    kind: u8,
    pub(super) thread: u32,
}

impl SlotView {
    pub(super) fn is_same_ticket(&self, other: &Self) -> bool {
        self.ticket() == other.ticket()
    }

    /// The ticket's number at its place.
    pub(super) fn ticket(&self) -> u64 {
        self.state & !PHASE
    }

    pub(super) fn length(&self) -> Length {
        length_of(self.state)
    }

    pub(super) fn is_held(&self) -> bool {
        self.held != HeldPermits::NOTHING
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.kind == Expectation::Unknown as u8
    }

    pub(super) fn is_brief(&self) -> bool {
        self.kind == Expectation::Brief as u8
    }

    pub(super) fn weight(&self) -> i64 {
        self.weight
    }

    /// What it holds where nothing was taken away.
    fn whole(&self) -> HeldPermits {
        let account = match self.length() {
            Length::Short => Account::Short,
            Length::Long => Account::Long,
        };
        HeldPermits::of(account, self.weight)
    }
}

impl WorkerSlot {
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
    pub(super) fn start(
        &self,
        class: usize,
        length: Length,
        kind: Expectation,
        held: HeldPermits,
        accounts: &PermitAccounts,
    ) {
        self.class.store(class, Ordering::Relaxed);
        self.weight.store(held.weight(), Ordering::Relaxed);
        self.kind.store(kind as u8, Ordering::Relaxed);
        let phase = match length {
            Length::Short => SHORT,
            Length::Long => LONG,
        };
        // Only the worker itself begins and ends.
        let last = self.state.load(Ordering::Relaxed) & !PHASE;
        self.state
            .store((last + PHASE + 1) | phase, Ordering::SeqCst);
        let late = self.held.swap(held.to_word(), Ordering::SeqCst);
        accounts.give_back(HeldPermits::of_word(late));
    }

    /// It ends, and was of that length in the end. What it holds is to be
    /// [released](Self::release).
    pub(super) fn end(&self) -> Length {
        length_of(self.state.fetch_and(!PHASE, Ordering::SeqCst))
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.load(Ordering::Relaxed) & PHASE != IDLE
    }

    pub(super) fn is_brief(&self) -> bool {
        self.is_running() && self.kind.load(Ordering::Relaxed) == Expectation::Brief as u8
    }

    pub(super) fn look(&self) -> Option<SlotView> {
        let state = self.state.load(Ordering::Acquire);
        (state & PHASE != IDLE).then(|| SlotView {
            state,
            class: self.class.load(Ordering::Relaxed),
            weight: self.weight.load(Ordering::Relaxed),
            held: HeldPermits::of_word(self.held.load(Ordering::Relaxed)),
            kind: self.kind.load(Ordering::Relaxed),
            thread: self.thread.load(Ordering::Relaxed),
        })
    }

    /// The ticket was seen blocked: what it holds is for others.
    pub(super) fn free(&self, looked: &SlotView, accounts: &PermitAccounts) -> bool {
        let is_same = self.state.load(Ordering::Acquire) == looked.state;
        let freed = is_same && self.change(looked.held, HeldPermits::NOTHING);
        if freed {
            accounts.give_back(looked.held);
        }
        freed
    }

    /// It was seen awake again.
    pub(super) fn take_again(&self, looked: &SlotView, accounts: &PermitAccounts) {
        self.exchange(HeldPermits::NOTHING, looked.whole(), accounts);
    }

    /// A short ticket has turned long, unless it has ended meanwhile: what it holds
    /// is of the other account from now on.
    pub(super) fn turn_long(&self, looked: &SlotView, accounts: &PermitAccounts) -> bool {
        let long = looked.ticket() | LONG;
        let turned = looked.length() == Length::Short
            && self
                .state
                .compare_exchange(looked.state, long, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
        if turned {
            let held = HeldPermits::of_word(self.held.load(Ordering::SeqCst));
            // After its end this place holds nothing, or something of a long ticket.
            if held == HeldPermits::NOTHING
                || held == HeldPermits::of(Account::Short, looked.weight)
            {
                let whole = HeldPermits::of(Account::Long, looked.weight);
                self.exchange(held, whole, accounts);
            }
        }
        turned
    }

    /// Holds something else, unless it holds something else already.
    fn exchange(&self, from: HeldPermits, to: HeldPermits, accounts: &PermitAccounts) {
        accounts.take(to);
        if !self.change(from, to) {
            accounts.give_back(to);
            return;
        }
        accounts.give_back(from);
        // It may have ended meanwhile, and no other thread would give it back.
        if self.state.load(Ordering::SeqCst) & PHASE == IDLE {
            self.release(accounts);
        }
    }

    pub(super) fn release(&self, accounts: &PermitAccounts) {
        let held = self
            .held
            .swap(HeldPermits::NOTHING.to_word(), Ordering::SeqCst);
        accounts.give_back(HeldPermits::of_word(held));
    }

    fn change(&self, from: HeldPermits, to: HeldPermits) -> bool {
        let (from, to) = (from.to_word(), to.to_word());
        self.held
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

fn length_of(state: u64) -> Length {
    match state & PHASE {
        LONG => Length::Long,
        _ => Length::Short,
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::{super::permits::PERMIT, *};

    fn run(scan: impl Fn(&WorkerSlot, &SlotView, &PermitAccounts) + Send + Sync + 'static) {
        let scan = std::sync::Arc::new(scan);
        let mut model = loom::model::Builder::new();
        // As in `handoff`: all interleavings are too many.
        model.preemption_bound = Some(3);
        model.check(move || {
            let shared = Arc::new((WorkerSlot::default(), PermitAccounts::new(Some(1.0))));
            let (other, scan) = (Arc::clone(&shared), std::sync::Arc::clone(&scan));
            let scan = thread::spawn(move || {
                let (slot, accounts) = &*other;
                if let Some(looked) = slot.look() {
                    scan(slot, &looked, accounts);
                }
            });
            let (slot, accounts) = &*shared;
            let mut length = Length::Short;
            for _ in 0..2 {
                let account = match length {
                    Length::Short => Account::Short,
                    Length::Long => Account::Long,
                };
                let held = HeldPermits::of(account, PERMIT);
                accounts.take(held);
                slot.start(0, length, Expectation::Known, held, accounts);
                // A long ticket stays long.
                length = slot.end();
                slot.release(accounts);
            }
            scan.join().expect("no panic");
            assert_eq!(accounts.gauges().0, 0.0);
        });
    }

    /// A worker runs tickets while the scan frees and retakes its permit.
    #[test]
    fn loom_no_permit_is_lost_or_given_back_twice() {
        run(|slot, looked, accounts| {
            slot.free(looked, accounts);
            slot.take_again(looked, accounts);
        });
    }

    /// A worker runs tickets while the scan takes one of them for long.
    #[test]
    fn loom_a_ticket_that_turns_long_as_it_ends_leaves_no_permit_behind() {
        run(|slot, looked, accounts| {
            slot.turn_long(looked, accounts);
        });
    }
}
