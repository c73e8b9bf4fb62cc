//! What the policy reads and what it answers with: plain values.

use std::fmt;

use crate::lane::Lane;

/// The state of an application, as a tick finds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    /// Processors that the program may use.
    pub(super) cores: f64,
    /// Event loops.
    pub(super) loops: usize,
    /// Processor time that a hop to the pool costs, once it is known.
    pub(super) hop_ns: Option<u64>,
    pub(super) classes: Vec<ClassSnapshot>,
}

/// One class of a snapshot. Sums are totals since the start, over all lanes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClassSnapshot {
    /// The lane that its endpoint is made for.
    pub(super) endpoint: Lane,
    /// The balancer may run it inline.
    pub(super) is_auto: bool,
    /// Its author wrote the lane: no advice about it.
    pub(super) lane_written: bool,
    pub(super) sums: Sums,
    /// Percentiles of the recent measured runs.
    pub(super) cpu_p95_ns: Option<u64>,
    pub(super) cpu_p99_ns: Option<u64>,
    /// Median of processor and of blocked time, added.
    pub(super) service_p50_ns: Option<u64>,
    /// What an inline run has done that none may.
    pub(super) violation: Option<Violation>,
    /// Stalls since the last snapshot, and the longest of them.
    pub(super) stalls: u32,
    pub(super) stall_worst_ns: u64,
}

/// Totals of a class's runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) runs: u64,
    /// Of all runs.
    pub(super) wall_ns: u64,
    /// Runs measured in detail; what follows is of them alone.
    pub(super) samples: u64,
    pub(super) blocked_samples: u64,
    pub(super) cpu_ns: u64,
    pub(super) blocked_ns: u64,
    pub(super) delay_ns: u64,
}

/// An inline run that took too long, or that blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) wall_ns: u64,
    /// At most that much of it was spent on a run queue.
    pub(super) delay_ns: u64,
    /// What it was blocked for, where it was measured.
    pub(super) blocked_ns: Option<u64>,
}

/// What the policy says after a look.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Decision {
    /// One a class, in the classes' order.
    pub(super) verdicts: Vec<Verdict>,
    pub(super) moves: Vec<Move>,
    /// Limits of the pool that change.
    pub(super) limits: Vec<(usize, Option<usize>)>,
    /// A class would be inline if only the hop's cost were known.
    pub(super) wants_hop: bool,
}

/// What the policy thinks of a class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Verdict {
    pub(super) label: Label,
    /// Why it runs where it runs, and what stands in the way of a move.
    pub(super) reason: Option<String>,
    /// What its author might do.
    pub(super) advice: Option<String>,
    /// How many may run at once on the pool; `None` is as many as there are
    /// threads.
    pub(super) limit: Option<usize>,
}

/// A class goes from one lane to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) class: usize,
    pub(super) from: Lane,
    pub(super) to: Lane,
    /// A sentence with the numbers, for a person to check.
    pub(super) why: String,
}

/// What a class spends its time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// Not measured often enough.
    #[default]
    Unknown,
    /// Computing.
    Cpu,
    /// Waiting.
    Io,
    /// Both.
    Mixed,
}

impl Label {
    /// The label's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Cpu => "cpu",
            Self::Io => "io",
            Self::Mixed => "mixed",
        }
    }
}

impl Sums {
    /// What came since an earlier reading; totals that went back count as none.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            runs: self.runs.saturating_sub(before.runs),
            wall_ns: self.wall_ns.saturating_sub(before.wall_ns),
            samples: self.samples.saturating_sub(before.samples),
            blocked_samples: self.blocked_samples.saturating_sub(before.blocked_samples),
            cpu_ns: self.cpu_ns.saturating_sub(before.cpu_ns),
            blocked_ns: self.blocked_ns.saturating_sub(before.blocked_ns),
            delay_ns: self.delay_ns.saturating_sub(before.delay_ns),
        }
    }
}

/// Nanoseconds as people read them: `23 µs`, `5.2 ms`, `1.3 s`.
#[derive(Clone, Copy)]
pub(super) struct Ns(pub(super) u64);

impl fmt::Display for Ns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let ns = self.0 as f64;
        let (number, unit) = match self.0 {
            0..1_000_000 => (ns / 1e3, "µs"),
            1_000_000..1_000_000_000 => (ns / 1e6, "ms"),
            _ => (ns / 1e9, "s"),
        };
        if number < 10.0 {
            write!(f, "{number:.1} {unit}")
        } else {
            write!(f, "{number:.0} {unit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let texts = [0, 1_250, 23_400, 5_170_000, 52_000_000, 1_310_000_000];
        let texts = texts.map(|ns| Ns(ns).to_string());
        assert_eq!(
            texts,
            ["0.0 µs", "1.2 µs", "23 µs", "5.2 ms", "52 ms", "1.3 s"]
        );
    }
}
