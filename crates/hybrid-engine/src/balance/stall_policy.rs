//! What becomes of an `async fn` that holds its loop: after the third stall in a
//! minute it runs in quarantine, until it has run there for a while without one.

use std::{collections::VecDeque, time::Duration};

use super::{
    policy::Look,
    rules::Backoff,
    snapshot::{Move, Ns},
};
use crate::lane::Lane;

/// What is remembered of one class.
#[derive(Clone, Debug, Default)]
pub(super) struct StallPolicy {
    is_quarantined: bool,
    /// When the last ones were, as many as matter.
    recent: VecDeque<Duration>,
    /// When it came back last, or began.
    begun: Duration,
    backoff: Backoff,
    /// In quarantine: since when it is clean, for how long it must be, and the
    /// runs at that time.
    clean: Clean,
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Clean {
    since: Duration,
    needed: Duration,
    runs: u64,
}

/// The last stall, and the longest of those around it.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: Duration,
    ns: u64,
}

impl StallPolicy {
    /// One look: a move, if one is due.
    pub(super) fn look(&mut self, look: &Look<'_>) -> Option<Move> {
        self.note(look);
        if self.is_quarantined {
            self.release(look)
        } else {
            self.confine(look)
        }
    }

    /// Takes in what happened since the last look.
    pub(super) fn note(&mut self, look: &Look<'_>) {
        let class = look.class;
        if let Some(last) = &mut self.last {
            // How long one took is known when it ends, perhaps later.
            last.ns = last.ns.max(class.stall_worst_ns);
        }
        if class.stalls == 0 {
            return;
        }
        for _ in 0..class.stalls.min(16) {
            self.recent.push_back(look.now);
        }
        let beyond = self.recent.len().saturating_sub(look.rules.stalls_max);
        self.recent.drain(..beyond);
        let forgotten = look.now.saturating_sub(look.rules.stall_window);
        let before = self.last.filter(|last| last.at >= forgotten);
        self.last = Some(Last {
            at: look.now,
            ns: before.map_or(0, |last| last.ns).max(class.stall_worst_ns),
        });
        self.clean.since = look.now;
        self.clean.runs = class.sums.runs;
    }

    /// What its author might do.
    pub(super) fn advice(&self, look: &Look<'_>) -> Option<String> {
        let last = self.last?;
        let is_recent = look.now.saturating_sub(last.at) < look.rules.stall_advice;
        let held = Ns(last.ns);
        let advice = match look.class.endpoint {
            Lane::Event => format!(
                "held its event loop for {held}: put what computes or blocks into \
                 `hybrid::run_on_pool(..).await`, or write a plain `fn`"
            ),
            Lane::Inline => {
                format!("held its event loop for {held}: remove `lane = inline`")
            }
            // The balancer's own choice is taken back at once.
            Lane::Pool | Lane::Quarantine | Lane::Process => return None,
        };
        (is_recent || self.is_quarantined).then_some(advice)
    }

    fn confine(&mut self, look: &Look<'_>) -> Option<Move> {
        let rules = look.rules;
        let first = *self.recent.front()?;
        let is_habit = self.recent.len() >= rules.stalls_max
            && look.now.saturating_sub(first) <= rules.stall_window;
        if !is_habit {
            return None;
        }
        let needed = self.backoff.fail(rules, self.begun, look.now);
        self.is_quarantined = true;
        self.recent.clear();
        self.clean = Clean {
            since: look.now,
            needed,
            runs: look.class.sums.runs,
        };
        let (stalls, window) = (rules.stalls_max, rules.stall_window.as_secs());
        let worst = self.last.map_or(0, |last| last.ns);
        Some(Move {
            class: look.index,
            from: Lane::Event,
            to: Lane::Quarantine,
            why: format!(
                "held its event loop {stalls} times within {window} s, for up to {}; \
                 it comes back after {:.0} s without",
                Ns(worst),
                needed.as_secs_f64()
            ),
        })
    }

    /// Back to its loop, if it ran for long enough without a stall. Without a run
    /// nothing is known.
    fn release(&mut self, look: &Look<'_>) -> Option<Move> {
        let clean = look.now.saturating_sub(self.clean.since);
        let runs = look.class.sums.runs.saturating_sub(self.clean.runs);
        if clean < self.clean.needed || runs == 0 {
            return None;
        }
        self.is_quarantined = false;
        self.begun = look.now;
        self.recent.clear();
        Some(Move {
            class: look.index,
            from: Lane::Quarantine,
            to: Lane::Event,
            why: format!(
                "ran {runs} times in {:.0} s without holding its thread",
                clean.as_secs_f64()
            ),
        })
    }
}
