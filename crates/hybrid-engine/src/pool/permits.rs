//! How much may compute at once: so many processors' worth of permits, of which a
//! running ticket holds as much as its class is known to compute. Short tickets and
//! long ones have an account each, and one processor's worth is kept for those long
//! ones that are of middling length.
//!
//! A worker takes permits while it holds the fair queue's lock, so that two never take the
//! last; any thread gives them back. A ticket that is found blocked gives its permit back
//! early, and takes it again when it is found running: then more may be held than
//! there is, and no ticket starts until that is over.

use super::{fair_queue::Needs, job_length::Length};
use crate::sync::{AtomicI64, Ordering};

/// One processor's worth.
pub(super) const PERMIT: i64 = 1 << 16;

/// How far the sum may pass the capacity: less than one that only computes, and
/// enough for what many blocked tickets compute now and then beside them.
const ROUNDING: i64 = PERMIT / 4 * 3;

/// The accounts that permits are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Short,
    Long,
    /// For long tickets that do not take very long, beside those that do.
    Middling,
}

pub(super) struct PermitAccounts([Permits; 3]);

/// What a running ticket holds: all of its weight of one account, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeldPermits(i64);

impl HeldPermits {
    pub(super) const NOTHING: Self = Self(0);

    pub(super) fn of(account: Account, weight: i64) -> Self {
        Self(weight << 2 | account as i64)
    }

    pub(super) fn weight(self) -> i64 {
        self.0 >> 2
    }

    fn account(self) -> usize {
        (self.0 & 3) as usize
    }

    pub(super) fn to_word(self) -> i64 {
        self.0
    }

    pub(super) fn of_word(word: i64) -> Self {
        Self(word)
    }
}

impl PermitAccounts {
    /// `None`: no limit.
    pub(super) fn new(cores: Option<f64>) -> Self {
        let accounts = Self([(); 3].map(|()| Permits::new(None)));
        if let Some(cores) = cores {
            accounts.set_cores(cores);
        }
        accounts
    }

    pub(super) fn set_cores(&self, cores: f64) {
        self.of(Account::Short).set_cores(cores);
        self.of(Account::Long).set_cores(cores);
        self.of(Account::Middling).set_cores(cores.min(1.0));
    }

    pub(super) fn of(&self, account: Account) -> &Permits {
        &self.0[account as usize]
    }

    /// Of which account a ticket may start, if it may. Those of middling length have
    /// one processor's worth, whatever else computes, and share the rest with the
    /// others.
    pub(super) fn room(&self, length: Length, needs: Needs) -> Option<Account> {
        let fits = |account| self.of(account).fits(needs.weight);
        match length {
            Length::Short => fits(Account::Short).then_some(Account::Short),
            Length::Long if needs.is_middling && fits(Account::Middling) => Some(Account::Middling),
            Length::Long => self.fits_beside(needs.weight).then_some(Account::Long),
        }
    }

    /// Whether it is worth waking a worker of that side.
    pub(super) fn have_room(&self, length: Length) -> bool {
        match length {
            Length::Short => self.of(Account::Short).have_room(),
            Length::Long => {
                let needed = self.of(Account::Long).needed.load(Ordering::Relaxed);
                self.fits_beside(needed) || self.of(Account::Middling).fits(needed)
            }
        }
    }

    /// What is left for a side.
    pub(super) fn left(&self, length: Length) -> i64 {
        match length {
            Length::Short => self.of(Account::Short).left(),
            Length::Long => self.of(Account::Long).left() - self.of(Account::Middling).held(),
        }
    }

    /// Whether a long ticket of that weight may start beside all long ones.
    fn fits_beside(&self, weight: i64) -> bool {
        let held = self.of(Account::Middling).held();
        self.of(Account::Long).fits_with(weight, held)
    }

    pub(super) fn take(&self, held: HeldPermits) {
        self.0[held.account()].take(held.weight());
    }

    pub(super) fn give_back(&self, held: HeldPermits) {
        self.0[held.account()].give_back(held.weight());
    }

    /// Processors' worth that are held, and that there are.
    pub(super) fn gauges(&self) -> (f64, f64) {
        let held = self.0.iter().map(|permits| permits.gauges().0).sum();
        (held, self.of(Account::Short).gauges().1)
    }
}

pub(super) struct Permits {
    held: AtomicI64,
    capacity: AtomicI64,
    /// What the lightest ticket needs that found no room; 0 where none waits so.
    needed: AtomicI64,
}

impl Permits {
    /// `None`: no limit.
    pub(super) fn new(cores: Option<f64>) -> Self {
        let permits = Self {
            held: AtomicI64::new(0),
            capacity: AtomicI64::new(i64::MAX / 2),
            needed: AtomicI64::new(0),
        };
        if let Some(cores) = cores {
            permits.set_cores(cores);
        }
        permits
    }

    pub(super) fn set_cores(&self, cores: f64) {
        self.capacity.store(permits(cores), Ordering::Relaxed);
    }

    /// Whether a ticket of that weight may start. Where nothing runs, one may,
    /// however little there is.
    pub(super) fn fits(&self, weight: i64) -> bool {
        self.fits_with(weight, 0)
    }

    /// The same where so much is held besides.
    fn fits_with(&self, weight: i64, besides: i64) -> bool {
        let held = self.held() + besides;
        held <= 0 || held + weight <= self.capacity.load(Ordering::Relaxed) + ROUNDING
    }

    fn held(&self) -> i64 {
        // SeqCst: see `handoff`.
        self.held.load(Ordering::SeqCst)
    }

    /// What is left.
    fn left(&self) -> i64 {
        let held = self.held.load(Ordering::Relaxed);
        self.capacity.load(Ordering::Relaxed) + ROUNDING - held
    }

    /// Whether it is worth waking a worker.
    fn have_room(&self) -> bool {
        self.fits(self.needed.load(Ordering::Relaxed))
    }

    /// A ticket of that weight found no room: until it does, no worker is woken in
    /// vain.
    pub(super) fn note_needed(&self, weight: i64) {
        self.needed.store(weight, Ordering::Relaxed);
    }

    /// A ticket of that weight comes, which may find room where others did not.
    pub(super) fn note_coming(&self, weight: i64) {
        if weight < self.needed.load(Ordering::Relaxed) {
            self.needed.store(weight, Ordering::Relaxed);
        }
    }

    pub(super) fn take(&self, weight: i64) {
        self.held.fetch_add(weight, Ordering::SeqCst);
    }

    pub(super) fn give_back(&self, weight: i64) {
        self.held.fetch_sub(weight, Ordering::SeqCst);
    }

    /// Processors' worth that are held, and that there are.
    pub(super) fn gauges(&self) -> (f64, f64) {
        let held = self.held.load(Ordering::Relaxed);
        let capacity = self.capacity.load(Ordering::Relaxed);
        (cores(held), cores(capacity))
    }
}

fn permits(cores: f64) -> i64 {
    (cores * PERMIT as f64) as i64
}

fn cores(permits: i64) -> f64 {
    permits as f64 / PERMIT as f64
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn two_processors_take_two_that_compute() {
        let permits = Permits::new(Some(2.0));
        for _ in 0..2 {
            assert!(permits.fits(PERMIT));
            permits.take(PERMIT);
        }
        assert!(!permits.fits(PERMIT));
        assert!(permits.fits(PERMIT / 100), "one that sleeps still fits");
        permits.give_back(PERMIT);
        assert!(permits.fits(PERMIT));
    }

    #[test]
    fn half_a_processor_takes_one() {
        let permits = Permits::new(Some(0.5));
        assert!(permits.fits(PERMIT));
        permits.take(PERMIT);
        assert!(!permits.fits(PERMIT));
    }

    #[test]
    fn nobody_is_woken_for_what_does_not_fit() {
        let permits = Permits::new(Some(1.0));
        permits.take(PERMIT);
        permits.note_needed(PERMIT);
        assert!(!permits.have_room());
        permits.note_coming(PERMIT / 100);
        assert!(permits.have_room());
    }
}
