//! From what was measured to what should be done: `decide(rules, state, snapshot,
//! now)`, a function without threads, clock or sleeps. `now` is the time since the
//! start, so a test tells an hour in a loop.
//!
//! [`inline`](super::inline), [`stalls`](super::stalls) and
//! [`limit`](super::limit) decide one thing each and know nothing of each other;
//! what is put together here is one verdict a class.
//!
//! The lanes that the policy remembers are those it decided. Where nothing is
//! moved (`balancer = observe`) they are what would be, and so a decision is
//! listed once and not at every look.

use std::time::Duration;

use super::{
    class_cost::ClassCost,
    concurrency_limit::ConcurrencyLimit,
    inline_policy::{CallRate, InlinePolicy},
    rules::Rules,
    snapshot::{ClassSnapshot, Decision, Ns, Snapshot, Sums, Verdict},
    stall_policy::StallPolicy,
};
use crate::lane::Lane;

/// What the policy remembers between two looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    classes: Vec<ClassState>,
    last: Duration,
}

#[derive(Clone, Debug, Default)]
struct ClassState {
    before: Sums,
    cost: ClassCost,
    inline: InlinePolicy,
    stalls: StallPolicy,
    limit: ConcurrencyLimit,
    /// Runs a second: of the last look, or faded over about a second where that
    /// is more.
    rate: f64,
    faded_rate: f64,
    /// The last move's sentence: why the class runs where it runs.
    moved: Option<String>,
    /// The processor time that made the process lane worth a word.
    is_long: Option<u64>,
}

/// One look.
pub(crate) fn decide(
    rules: &Rules,
    state: &mut State,
    snapshot: &Snapshot,
    now: Duration,
) -> Decision {
    // A clock that stands still, or went back, lets no time pass.
    let passed = now.saturating_sub(state.last);
    state.last = state.last.max(now);
    state
        .classes
        .resize_with(snapshot.classes.len(), ClassState::default);
    let mut decision = Decision::default();
    let looks = snapshot.classes.iter().zip(&mut state.classes);
    for (index, (class, remembered)) in looks.enumerate() {
        let look = Look {
            rules,
            snapshot,
            class,
            index,
            now: state.last,
            passed,
        };
        let verdict = remembered.look(&look, &mut decision);
        decision.verdicts.push(verdict);
    }
    decision
}

/// All that a decision about one class depends on, but for what is remembered.
pub(super) struct Look<'a> {
    pub(super) rules: &'a Rules,
    pub(super) snapshot: &'a Snapshot,
    pub(super) class: &'a ClassSnapshot,
    pub(super) index: usize,
    pub(super) now: Duration,
    pub(super) passed: Duration,
}

impl ClassState {
    fn look(&mut self, look: &Look<'_>, decision: &mut Decision) -> Verdict {
        let new = look.class.sums.since(&self.before);
        self.before = look.class.sums;
        self.cost.add(look.rules, &new);
        self.note_rate(look.passed, new.runs);
        let moved = match look.class.endpoint {
            Lane::Event => self.stalls.look(look),
            Lane::Pool => {
                let pace = CallRate {
                    rate: self.rate,
                    mean_cpu_ns: self.cost.mean_cpu_ns(),
                };
                self.inline.look(look, pace, &mut decision.wants_hop)
            }
            Lane::Inline | Lane::Quarantine | Lane::Process => {
                self.stalls.note(look);
                None
            }
        };
        if let Some(moved) = moved {
            self.moved = Some(moved.why.clone());
            decision.moves.push(moved);
        }
        if look.class.endpoint == Lane::Pool && self.limit.look(look) {
            decision.limits.push((look.index, self.limit.get()));
        }
        Verdict {
            label: self.cost.label(),
            reason: self.reason(look),
            advice: self.advice(look),
            limit: self.limit.get(),
        }
    }

    fn note_rate(&mut self, passed: Duration, runs: u64) {
        let seconds = passed.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let keep = (-seconds).exp();
        let now = super::class_cost::to_f64(runs) / seconds;
        self.faded_rate = self.faded_rate * keep + now * (1.0 - keep);
        self.rate = self.faded_rate.max(now);
    }

    fn reason(&self, look: &Look<'_>) -> Option<String> {
        let place = match (&self.moved, look.class.endpoint) {
            (Some(moved), _) => Some(moved.clone()),
            (None, Lane::Pool) if look.class.is_auto => Some(self.inline.progress(look)),
            (None, _) => None,
        };
        let share = self.cost.short_of_processors(look.rules);
        let short = share.map(|share| {
            let percent = share * 100.0;
            format!(
                "waits for a processor {percent:.0} % of its time: the machine is short of them, not the route"
            )
        });
        match (place, short) {
            (Some(place), Some(short)) => Some(format!("{place}; {short}")),
            (place, short) => place.or(short),
        }
    }

    fn advice(&mut self, look: &Look<'_>) -> Option<String> {
        let pieces = [
            self.stalls.advice(look),
            self.inline.advice().map(str::to_owned),
            self.process_advice(look),
        ];
        let pieces: Vec<String> = pieces.into_iter().flatten().collect();
        (!pieces.is_empty()).then(|| pieces.join("; "))
    }

    /// A plain `fn` that computes for long is better off where it can be killed.
    fn process_advice(&mut self, look: &Look<'_>) -> Option<String> {
        let longest = look.rules.process_cpu_p95_ns;
        let is_measured = look.class.sums.samples >= look.rules.label_samples_min;
        let p95 = look
            .class
            .cpu_p95_ns
            .filter(|_| is_measured && matches!(look.class.endpoint, Lane::Pool | Lane::Inline));
        match (p95, self.is_long) {
            (Some(p95), None) if p95 > longest => self.is_long = Some(p95),
            // Kept until it is clearly below.
            (Some(p95), Some(_)) if p95 < longest / 5 * 4 => self.is_long = None,
            _ => {}
        }
        self.is_long.map(|p95| {
            format!(
                "computes {} at the 95th percentile (above {}): work for a process of its own, \
                 `lane = process`, where a crash or a runaway loop harms one request",
                Ns(p95),
                Ns(longest)
            )
        })
    }
}

#[cfg(test)]
mod tests;
