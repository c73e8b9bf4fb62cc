//! What a class's tickets are known to cost: the mean of processor time and of
//! blocked time over the last runs that were measured. From it follow the weight
//! of a ticket, which is the share of its time that it computes, and its charge,
//! by which classes take turns.

use super::permits::PERMIT;
use crate::{
    sync::{AtomicU64, Ordering},
    timing::Detail,
};

/// The mean goes back about that many runs; the first ones count in full.
const RUNS: f64 = 32.0;

/// What a ticket is charged whose class is unknown, and the least that is charged.
const CHARGE_UNKNOWN_NS: u64 = 1_000_000;
const CHARGE_NS_MIN: u64 = 10_000;

/// Of fewer runs none can be told to be an outlier.
const NEW_RUNS: u32 = 8;

/// A run this short is over before another worker could be woken for it: waking
/// costs about 5 µs of processor time on both sides together, and on a busy
/// machine takes longer.
const BRIEF_NS: u64 = 50_000;

/// What one worker does by itself, brief as each may be, before another is woken.
pub(super) const GATHERED_NS: u64 = 200_000;

/// So many brief tickets weigh what they would by their share alone: one more or
/// less beside a computation is nothing to it, and its wait is much to them.
const BRIEF_TICKETS: i64 = 8;

/// A class that is unknown was seen blocked as often as halves its weight to next to
/// nothing.
const SIGHTINGS_MAX: u32 = 10;

/// The cost that both sides share, without a lock: a class's tickets run on both
/// while it changes over. Then a run may be lost of the mean.
#[derive(Default)]
pub(super) struct SharedJobCost {
    counts: AtomicU64,
    cpu_ns: AtomicU64,
    blocked_ns: AtomicU64,
}

// Relaxed: each number stands for itself, and is a little old.
impl SharedJobCost {
    pub(super) fn load(&self) -> JobCost {
        let counts = self.counts.load(Ordering::Relaxed);
        JobCost {
            runs: counts as u32,
            sightings: (counts >> 32) as u32,
            cpu_ns: f64::from_bits(self.cpu_ns.load(Ordering::Relaxed)),
            blocked_ns: f64::from_bits(self.blocked_ns.load(Ordering::Relaxed)),
        }
    }

    pub(super) fn store(&self, cost: JobCost) {
        let counts = u64::from(cost.runs) | u64::from(cost.sightings) << 32;
        self.counts.store(counts, Ordering::Relaxed);
        self.cpu_ns.store(cost.cpu_ns.to_bits(), Ordering::Relaxed);
        let blocked_ns = cost.blocked_ns.to_bits();
        self.blocked_ns.store(blocked_ns, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JobCost {
    runs: u32,
    /// How much more often all tickets were seen blocked than not, before the first
    /// had run.
    sightings: u32,
    cpu_ns: f64,
    blocked_ns: f64,
}

impl JobCost {
    /// Takes a measured run into the mean.
    pub(super) fn learn(&mut self, detail: &Detail) {
        self.runs = self.runs.saturating_add(1);
        let share = 1.0 / f64::from(self.runs).min(RUNS);
        self.cpu_ns += (detail.cpu_ns as f64 - self.cpu_ns) * share;
        self.blocked_ns += (detail.blocked_ns as f64 - self.blocked_ns) * share;
    }

    /// What a ticket holds while it runs: a whole permit where its class is
    /// unknown or never blocks, next to nothing where it is blocked all the time, but
    /// never less than `least`.
    pub(super) fn weight(&self, least: i64) -> i64 {
        let least = least.min(PERMIT);
        let all = self.cpu_ns + self.blocked_ns;
        if self.runs == 0 || all <= 0.0 {
            return (PERMIT >> self.sightings.min(SIGHTINGS_MAX)).max(least);
        }
        let weight = (self.cpu_ns / all * PERMIT as f64) as i64;
        let tickets = if self.is_brief() { BRIEF_TICKETS } else { 1 };
        (weight / tickets).clamp(least, PERMIT)
    }

    /// Whether a ticket has run to its end, and was measured.
    pub(super) fn is_known(&self) -> bool {
        self.runs > 0
    }

    /// Whether too few have run to tell an outlier.
    pub(super) fn is_new(&self) -> bool {
        self.runs < NEW_RUNS
    }

    /// Tickets were seen in the middle of their run. Of a class that has never run
    /// to its end that is all there is to go by: where all are blocked twice as many may
    /// run, where one does not that is taken back.
    pub(super) fn note_seen(&mut self, is_blocked: bool) {
        self.sightings = match is_blocked {
            _ if self.runs > 0 => 0,
            true => self.sightings + 1,
            false => self.sightings.saturating_sub(1),
        };
    }

    /// Whether a run is over before it would be worth waking another worker.
    pub(super) fn is_brief(&self) -> bool {
        self.expected_ns() < BRIEF_NS
    }

    /// How long a ticket runs, processors permitting.
    pub(super) fn expected_ns(&self) -> u64 {
        if self.runs == 0 {
            return CHARGE_UNKNOWN_NS;
        }
        (self.cpu_ns + self.blocked_ns) as u64
    }

    /// What a ticket takes from the others: its processor time, and of its
    /// blocked time what a thread is worth beside a processor.
    pub(super) fn charge_ns(&self, thread_worth: f64) -> u64 {
        if self.runs == 0 {
            return CHARGE_UNKNOWN_NS;
        }
        let charge = self.cpu_ns + self.blocked_ns * thread_worth;
        (charge as u64).max(CHARGE_NS_MIN)
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    fn detail(cpu_ns: u64, blocked_ns: u64) -> Detail {
        Detail {
            cpu_ns,
            delay_ns: 77_000_000,
            blocked_ns,
        }
    }

    #[test]
    fn an_unknown_class_weighs_a_processor() {
        assert_eq!(JobCost::default().weight(1), PERMIT);
    }

    #[test]
    fn one_run_tells_a_sleeper_from_a_computation() {
        let mut sleeper = JobCost::default();
        sleeper.learn(&detail(50_000, 4_950_000));
        assert_eq!(sleeper.weight(1), PERMIT / 100);
        let mut computation = JobCost::default();
        computation.learn(&detail(5_000_000, 0));
        assert_eq!(computation.weight(1), PERMIT);
    }

    #[test]
    fn an_unknown_class_that_sleeps_is_let_run_twice_as_often_each_time() {
        let mut cost = JobCost::default();
        for is_blocked in [true, true, false, true] {
            cost.note_seen(is_blocked);
        }
        assert_eq!(cost.weight(1), PERMIT / 4);
        (0..100).for_each(|_| cost.note_seen(true));
        assert_eq!(cost.weight(200), 200);
        cost.learn(&detail(5_000_000, 0));
        assert_eq!(cost.weight(1), PERMIT, "what is known counts");
    }

    #[test]
    fn brief_tickets_weigh_little() {
        let mut cost = JobCost::default();
        cost.learn(&detail(20_000, 0));
        assert!(cost.is_brief());
        assert_eq!(cost.weight(1), PERMIT / BRIEF_TICKETS);
    }

    #[test]
    fn waiting_for_a_processor_changes_nothing() {
        let mut cost = JobCost::default();
        cost.learn(&detail(1_000_000, 1_000_000));
        assert_eq!(cost.weight(1), PERMIT / 2);
    }

    #[test]
    fn a_class_that_turns_from_sleeping_to_computing_is_relearned() {
        let mut cost = JobCost::default();
        for _ in 0..1000 {
            cost.learn(&detail(50_000, 5_000_000));
        }
        for _ in 0..100 {
            cost.learn(&detail(5_000_000, 0));
        }
        assert!(cost.weight(1) > PERMIT * 9 / 10);
    }
}
