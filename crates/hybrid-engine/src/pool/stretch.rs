//! For how long a ticket has computed in one stretch, while it still runs: as the
//! Linux kernel's workqueues see it, what blocks begins anew. The scan looks once a
//! millisecond; a look takes the thread's processor clock, and only where that has
//! moved by a millisecond how often the thread has blocked, which costs ten times
//! as much.

use super::job_length::LONG_NS;

/// What has computed less is not asked whether it blocked.
const SUSPECT_NS: u64 = 1_000_000;

/// What has computed for this long since it was asked, without blocking, and so
/// for some more before, is long.
const TURNS_NS: u64 = 3_500_000;

/// Beyond that many doublings of the bound nothing is said any more.
const DOUBLINGS: u32 = 4;

/// One ticket, as it was seen so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stretch {
    ticket: u64,
    /// The processor clock at the first look, or when it last had blocked.
    since_ns: Option<u64>,
    /// The processor clock at the last look, and by how much it had moved since the
    /// one before.
    last_ns: u64,
    moved_ns: u64,
    /// How often the thread had blocked when that was first asked.
    blocks: Option<u64>,
    /// How often the bound was reached and doubled.
    doubled: u32,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Nothing,
    /// It has not moved since the last look: it is blocked, or waits for a processor.
    Still,
    /// It has computed for so long in one stretch. Said at the bound, and at twice
    /// that, four times, ..
    Long(u64),
}

impl Stretch {
    /// Looks at a ticket. The clock and the count are read where they are needed.
    pub(super) fn look(
        &mut self,
        ticket: u64,
        cpu_ns: impl FnOnce() -> Option<u64>,
        blocks: impl FnOnce() -> Option<u64>,
    ) -> Found {
        if self.ticket != ticket {
            *self = Self {
                ticket,
                ..Self::default()
            };
        }
        let Some(now_ns) = cpu_ns() else {
            return Found::Nothing;
        };
        let Some(since_ns) = self.since_ns else {
            (self.since_ns, self.last_ns) = (Some(now_ns), now_ns);
            return Found::Nothing;
        };
        self.moved_ns = now_ns.saturating_sub(self.last_ns);
        self.last_ns = now_ns;
        if self.moved_ns == 0 {
            return Found::Still;
        }
        if self.doubled > DOUBLINGS {
            return Found::Nothing;
        }
        let computed_ns = now_ns.saturating_sub(since_ns);
        let bound_ns = TURNS_NS << self.doubled;
        let is_due = match self.blocks {
            None => computed_ns >= SUSPECT_NS,
            Some(_) => computed_ns >= bound_ns,
        };
        if !is_due {
            return Found::Nothing;
        }
        let blocks = blocks();
        if self.blocks.is_none() || self.blocks != blocks {
            // It may have blocked before: what it computes counts from here.
            (self.blocks, self.since_ns) = (blocks, Some(now_ns));
            return Found::Nothing;
        }
        self.doubled += 1;
        Found::Long(computed_ns.max(LONG_NS << (self.doubled - 1)))
    }

    /// How much processor time passed between the last two looks.
    pub(super) fn moved_ns(&self) -> u64 {
        self.moved_ns
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    const US: u64 = 1_000;

    /// Looks once a millisecond at a ticket that computes and blocks in turn, for so
    /// many microseconds each, until it is found long: after how many.
    fn found_after(computes: u64, sleeps: u64, looks: u64) -> Option<u64> {
        let mut stretch = Stretch::default();
        let turn = computes + sleeps;
        (0..looks).find(|at| {
            let (whole, part) = (at * 1_000 / turn, at * 1_000 % turn);
            let computed = whole * computes + part.min(computes);
            let slept = whole + u64::from(part >= computes);
            let found = stretch.look(7, || Some(computed * US), || Some(slept));
            matches!(found, Found::Long(ns) if ns >= LONG_NS)
        })
    }

    #[test]
    fn what_computes_on_is_found_within_six_looks() {
        let after = found_after(1_000_000, 0, 100);
        assert!(after.is_some_and(|looks| looks <= 6), "{after:?}");
    }

    #[test]
    fn what_blocks_and_computes_in_turn_is_never_long() {
        assert_eq!(found_after(3_000, 1_000, 10_000), None);
        assert_eq!(found_after(500, 2_000, 10_000), None);
        assert_eq!(found_after(900, 100, 10_000), None);
    }

    #[test]
    fn what_computes_for_long_after_it_slept_is_long() {
        assert!(found_after(40_000, 100_000, 1_000).is_some());
    }

    #[test]
    fn another_ticket_begins_anew() {
        let mut stretch = Stretch::default();
        for look in 0..1_000 {
            let found = stretch.look(look / 3, || Some(look * 1_000 * US), || Some(0));
            assert!(!matches!(found, Found::Long(_)));
        }
    }

    #[test]
    fn what_waits_for_a_processor_does_not_move() {
        let mut stretch = Stretch::default();
        let mut look = |us: u64| stretch.look(1, || Some(us * US), || Some(0));
        assert_eq!(look(0), Found::Nothing);
        assert_eq!(look(500), Found::Nothing);
        assert_eq!(look(500), Found::Still);
        assert_eq!(look(900), Found::Nothing);
    }

    /// So the longest of a class is known while it runs.
    #[test]
    fn long_is_said_again_each_time_it_has_doubled() {
        let mut stretch = Stretch::default();
        let looks = (0..1_000).map(|ms| stretch.look(1, || Some(ms * 1_000 * US), || Some(0)));
        let said: Vec<_> = looks
            .filter_map(|found| match found {
                Found::Long(ns) => Some(ns / 1_000_000),
                _ => None,
            })
            .collect();
        assert_eq!(said.len(), 5);
        assert!(said.is_sorted() && said[4] >= 56, "{said:?}");
    }
}
