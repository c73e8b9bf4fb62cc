//! Whether a plain `fn` may run on the event loop: only with `lane = auto`, only
//! on evidence, and back at the first violation. Without `auto` the same verdict
//! is advice.

use std::time::Duration;

use super::{
    class_cost::to_f64,
    policy::Look,
    rules::Backoff,
    snapshot::{Move, Ns, Sums, Violation},
};
use crate::lane::Lane;

/// What is remembered of one class.
#[derive(Clone, Debug, Default)]
pub(super) struct InlinePolicy {
    is_inline: bool,
    /// When it was moved inline.
    begun: Duration,
    backoff: Backoff,
    /// The totals when its evidence began: at the start, after a demotion, after
    /// a measured run that blocked.
    base: Sums,
    /// What its author is told, while it holds.
    advised: Option<String>,
}

/// How often a class is called, and how long it computes.
#[derive(Clone, Copy)]
pub(super) struct CallRate {
    /// Calls a second.
    pub(super) rate: f64,
    pub(super) mean_cpu_ns: f64,
}

impl InlinePolicy {
    /// One look: a move, if one is due.
    pub(super) fn look(
        &mut self,
        look: &Look<'_>,
        pace: CallRate,
        wants_hop: &mut bool,
    ) -> Option<Move> {
        let evidence = look.class.sums.since(&self.base);
        if self.is_inline {
            let violated = violation(look, &evidence);
            return violated.map(|why| self.demote(look, &why));
        }
        if evidence.blocked_samples > 0 {
            self.base = look.class.sums;
            self.advised = None;
            return None;
        }
        let why = self.proof(look, &evidence, pace, wants_hop)?;
        if !look.class.is_auto {
            if !look.class.lane_written {
                let advise =
                    || format!("would be proven for the event loop ({why}): write `lane = auto`");
                self.advised.get_or_insert_with(advise);
            }
            return None;
        }
        self.is_inline = true;
        self.begun = look.now;
        self.base = look.class.sums;
        Some(Move {
            class: look.index,
            from: Lane::Pool,
            to: Lane::Inline,
            why,
        })
    }

    pub(super) fn advice(&self) -> Option<&str> {
        self.advised.as_deref()
    }

    /// How far the evidence of a class that waits on the pool goes.
    pub(super) fn progress(&self, look: &Look<'_>) -> String {
        let rules = look.rules;
        let evidence = look.class.sums.since(&self.base);
        let p99 = look
            .class
            .cpu_p99_ns
            .map_or_else(String::new, |p99| format!(", cpu p99 {}", Ns(p99)));
        format!(
            "not yet proven for the event loop: {} of {} calls timed, {} of {} measured{p99}",
            evidence.runs.min(rules.inline_calls_min),
            rules.inline_calls_min,
            evidence.samples.min(rules.inline_samples_min),
            rules.inline_samples_min,
        )
    }

    /// Why it may run inline, if all of the evidence is there.
    fn proof(
        &mut self,
        look: &Look<'_>,
        evidence: &Sums,
        pace: CallRate,
        wants_hop: &mut bool,
    ) -> Option<String> {
        let rules = look.rules;
        let is_enough =
            evidence.runs >= rules.inline_calls_min && evidence.samples >= rules.inline_samples_min;
        let p99 = look.class.cpu_p99_ns?;
        if p99 >= rules.inline_cpu_p99_ns {
            self.advised = None;
        }
        if !is_enough || p99 >= rules.inline_cpu_p99_ns || look.now < self.backoff.not_before {
            return None;
        }
        let Some(hop) = look.snapshot.hop_ns else {
            *wants_hop = true;
            return None;
        };
        let CallRate { rate, mean_cpu_ns } = pace;
        let on_each = rate / to_f64(look.snapshot.loops.max(1) as u64);
        let wait = wait_ns(on_each, mean_cpu_ns, p99);
        if wait >= to_f64(hop) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "shown to people; below the hop, and not negative"
        )]
        let wait = wait as u64;
        Some(format!(
            "{} calls timed, {} measured, none of them blocked; cpu p99 {}; at {rate:.0} calls a \
             second others would wait {} for it, a hop costs {}",
            evidence.runs,
            evidence.samples,
            Ns(p99),
            Ns(wait),
            Ns(hop),
        ))
    }

    fn demote(&mut self, look: &Look<'_>, what: &str) -> Move {
        let wait = self.backoff.fail(look.rules, self.begun, look.now);
        self.is_inline = false;
        self.base = look.class.sums;
        let seconds = wait.as_secs_f64();
        Move {
            class: look.index,
            from: Lane::Inline,
            to: Lane::Pool,
            why: format!("{what}; looked at again in {seconds:.0} s"),
        }
    }
}

/// What an inline run has done wrong, as a sentence.
fn violation(look: &Look<'_>, evidence: &Sums) -> Option<String> {
    let rules = look.rules;
    if let Some(Violation {
        wall_ns,
        delay_ns,
        blocked_ns,
    }) = look.class.violation
    {
        let blocked = blocked_ns.map_or_else(String::new, |blocked| {
            format!(", blocked for {}", Ns(blocked))
        });
        return Some(format!(
            "a run took {} on the event loop (on a run queue {} of it at most{blocked}), {} are allowed",
            Ns(wall_ns),
            Ns(delay_ns),
            Ns(rules.inline_run_max_ns)
        ));
    }
    (evidence.blocked_samples > 0).then(|| {
        let (blocked, samples) = (evidence.blocked_samples, evidence.samples);
        format!("{blocked} of {samples} measured runs blocked since it was proven")
    })
}

/// What others wait on a loop for runs of that mean length, at that many a
/// second: λE[S²]/2(1−λS), as for a queue with random arrivals. The second moment
/// is not measured; for lengths of which 99 in 100 are below `p99` it is at most
/// about mean × p99.
fn wait_ns(rate: f64, mean_ns: f64, p99_ns: u64) -> f64 {
    let rate_ns = rate / 1e9;
    let load = rate_ns * mean_ns;
    if load >= 1.0 {
        return f64::INFINITY;
    }
    rate_ns * mean_ns * to_f64(p99_ns) / (2.0 * (1.0 - load))
}

#[cfg(test)]
mod tests {
    use super::wait_ns;

    #[test]
    fn the_wait_grows_with_rate_and_length() {
        assert_eq!(wait_ns(0.0, 10_000.0, 20_000), 0.0);
        let light = wait_ns(1_000.0, 10_000.0, 20_000);
        assert!((light - 101.0).abs() < 1.0, "{light}");
        assert!(wait_ns(50_000.0, 10_000.0, 20_000) > 9_000.0);
        assert_eq!(wait_ns(200_000.0, 10_000.0, 20_000), f64::INFINITY);
    }
}
