//! From what was measured to what should be done: `decide(rules, state, snapshot,
//! now)`, a function without threads, clock or sleeps. `now` is the time since the
//! start, so a test tells an hour in a loop.
//!
//! [`inline`](super::inline), [`stalls`](super::stalls) and
//! [`limit`](super::limit) decide one thing each and know nothing of each other;
//! what is put together here is one verdict a route.
//!
//! The lanes that the policy remembers are those it decided. Where nothing is
//! moved (`balancer = observe`) they are what would be, and so a decision is
//! listed once and not at every look.

use std::time::Duration;

use super::{
    cost::Cost,
    inline::{Inline, Pace},
    limit::Limit,
    rules::Rules,
    snapshot::{Decision, Ns, RouteSnapshot, Snapshot, Sums, Verdict},
    stalls::Stalls,
};
use crate::lane::Lane;

/// What the policy remembers between two looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    routes: Vec<RouteState>,
    last: Duration,
}

#[derive(Clone, Debug, Default)]
struct RouteState {
    before: Sums,
    cost: Cost,
    inline: Inline,
    stalls: Stalls,
    limit: Limit,
    /// Runs a second: of the last look, or faded over about a second where that
    /// is more.
    rate: f64,
    faded_rate: f64,
    /// The last move's sentence: why the route runs where it runs.
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
        .routes
        .resize_with(snapshot.routes.len(), RouteState::default);
    let mut decision = Decision::default();
    let looks = snapshot.routes.iter().zip(&mut state.routes);
    for (index, (route, remembered)) in looks.enumerate() {
        let look = Look {
            rules,
            snapshot,
            route,
            index,
            now: state.last,
            passed,
        };
        let verdict = remembered.look(&look, &mut decision);
        decision.verdicts.push(verdict);
    }
    decision
}

/// All that a decision about one route depends on, but for what is remembered.
pub(super) struct Look<'a> {
    pub(super) rules: &'a Rules,
    pub(super) snapshot: &'a Snapshot,
    pub(super) route: &'a RouteSnapshot,
    pub(super) index: usize,
    pub(super) now: Duration,
    pub(super) passed: Duration,
}

impl RouteState {
    fn look(&mut self, look: &Look<'_>, decision: &mut Decision) -> Verdict {
        let new = look.route.sums.since(&self.before);
        self.before = look.route.sums;
        self.cost.add(look.rules, &new);
        self.note_rate(look.passed, new.runs);
        let moved = match look.route.endpoint {
            Lane::Event => self.stalls.look(look),
            Lane::Pool => {
                let pace = Pace {
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
        if look.route.endpoint == Lane::Pool && self.limit.look(look) {
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
        let now = super::cost::to_f64(runs) / seconds;
        self.faded_rate = self.faded_rate * keep + now * (1.0 - keep);
        self.rate = self.faded_rate.max(now);
    }

    fn reason(&self, look: &Look<'_>) -> Option<String> {
        let place = match (&self.moved, look.route.endpoint) {
            (Some(moved), _) => Some(moved.clone()),
            (None, Lane::Pool) if look.route.is_auto => Some(self.inline.progress(look)),
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
        let is_measured = look.route.sums.samples >= look.rules.label_samples_min;
        let p95 = look
            .route
            .cpu_p95_ns
            .filter(|_| is_measured && matches!(look.route.endpoint, Lane::Pool | Lane::Inline));
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
