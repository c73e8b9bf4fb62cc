//! What the policy reads and what it answers with: plain values.

use std::fmt;

use crate::spec::Lane;

/// The state of an application, as a tick finds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// Processors that the program may use.
    pub(crate) cores: f64,
    /// Event loops.
    pub(crate) loops: usize,
    /// Processor time that a hop to the pool costs, once it is known.
    pub(crate) hop_ns: Option<u64>,
    pub(crate) routes: Vec<RouteSnapshot>,
}

/// One route of a snapshot. Sums are totals since the start, over all lanes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RouteSnapshot {
    /// The lane that its endpoint is made for.
    pub(crate) endpoint: Lane,
    /// The balancer may run it inline.
    pub(crate) is_auto: bool,
    /// Its author wrote the lane: no advice about it.
    pub(crate) lane_written: bool,
    pub(crate) sums: Sums,
    /// Percentiles of the recent measured runs.
    pub(crate) cpu_p95_ns: Option<u64>,
    pub(crate) cpu_p99_ns: Option<u64>,
    /// Median of processor and of blocked time, added.
    pub(crate) service_p50_ns: Option<u64>,
    /// What an inline run has done that none may.
    pub(crate) violation: Option<Violation>,
    /// Stalls since the last snapshot, and the longest of them.
    pub(crate) stalls: u32,
    pub(crate) stall_worst_ns: u64,
}

/// Totals of a route's runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) runs: u64,
    /// Of all runs.
    pub(crate) wall_ns: u64,
    /// Runs measured in detail; what follows is of them alone.
    pub(crate) samples: u64,
    pub(crate) blocked_samples: u64,
    pub(crate) cpu_ns: u64,
    pub(crate) blocked_ns: u64,
    pub(crate) delay_ns: u64,
}

/// An inline run that took too long, or that blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) wall_ns: u64,
    /// At most that much of it was spent on a run queue.
    pub(crate) delay_ns: u64,
    /// What it was blocked for, where it was measured.
    pub(crate) blocked_ns: Option<u64>,
}

/// What the policy says after a look.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// One a route, in the routes' order.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) moves: Vec<Move>,
    /// Limits of the pool that change.
    pub(crate) limits: Vec<(usize, Option<usize>)>,
    /// A route would be inline if only the hop's cost were known.
    pub(crate) wants_hop: bool,
}

/// What the policy thinks of a route.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) label: Label,
    /// Why it runs where it runs, and what stands in the way of a move.
    pub(crate) reason: Option<String>,
    /// What its author might do.
    pub(crate) advice: Option<String>,
    /// How many may run at once on the pool; `None` is as many as there are
    /// threads.
    pub(crate) limit: Option<usize>,
}

/// A route goes from one lane to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) route: usize,
    pub(crate) from: Lane,
    pub(crate) to: Lane,
    /// A sentence with the numbers, for a person to check.
    pub(crate) why: String,
}

/// What a route spends its time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Label {
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
    pub(crate) const fn as_str(self) -> &'static str {
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
    pub(crate) fn since(&self, before: &Self) -> Self {
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
pub(crate) struct Ns(pub(crate) u64);

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
