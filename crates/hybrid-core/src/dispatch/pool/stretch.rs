//! For how long a ticket has computed in one stretch, while it still runs: as the
//! Linux kernel's workqueues see it, what blocks begins anew. The pulse looks once a
//! millisecond; a look takes the thread's processor clock, and only where that has
//! moved by a millisecond how often the thread has blocked, which costs ten times
//! as much.

use super::length::LONG_NS;

/// What has computed less is not asked whether it blocked.
const SUSPECT_NS: u64 = 1_000_000;

/// What has computed for this long since it was asked, without blocking, and so
/// for some more before, is long.
const TURNS_NS: u64 = 3_500_000;

/// Beyond that many doublings of the bound nobody looks any more.
const DOUBLINGS: u32 = 4;

/// One ticket, as it was seen so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stretch {
    ticket: u64,
    /// The processor clock at the first look, or when it last had blocked.
    since_ns: Option<u64>,
    /// The processor clock at the last look.
    last_ns: u64,
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
    /// It has not moved since the last look: it is asleep, or waits for a processor.
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
        if self.doubled > DOUBLINGS {
            return Found::Nothing;
        }
        let Some(now_ns) = cpu_ns() else {
            return Found::Nothing;
        };
        let Some(since_ns) = self.since_ns else {
            (self.since_ns, self.last_ns) = (Some(now_ns), now_ns);
            return Found::Nothing;
        };
        if std::mem::replace(&mut self.last_ns, now_ns) == now_ns {
            return Found::Still;
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
}
