//! The run of a promoted class on its event loop, and the one look that it gets
//! there: a run that took too long, or that blocked, sends the class back to the
//! pool at once, before its next request.
//!
//! A loop that was preempted makes a run look long that is not. The time on a run
//! queue is known exactly where the run was sampled. Elsewhere the thread's
//! account is compared with one that is at most a millisecond older than the run,
//! so what is excused is at most that run's own waiting and a millisecond: a run
//! that blocks for longer is never excused.

use std::{cell::Cell, time::Duration};

use super::{Balancer, rules::Rules, snapshot::Violation};
use crate::{
    class::Class,
    clock::Instant,
    lane::Lane,
    os::thread_times,
    sync::{AtomicU64, Ordering},
    timing::{Stopwatch, Timing},
};

/// The age at which the account of a thread is read anew, before a run: one
/// reading a millisecond at most.
const FRESH: Duration = Duration::from_millis(1);

thread_local! {
    /// This thread's time on run queues, and when it was read.
    static ACCOUNT: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

/// Runs a job on this event loop, and measures it. Only a class that the balancer may
/// have placed here is judged.
#[inline]
pub(super) fn run_inline<R>(
    balancer: &Balancer,
    class: &Class,
    run: impl FnOnce() -> R,
) -> (R, Timing) {
    if !class.is_auto {
        return class.timed(0, run);
    }
    let (value, timing, account) = timed(class, run);
    if is_suspect(balancer.rules(), &timing)
        && let Some(violation) = judge(balancer.rules(), &timing, account)
    {
        // Here and now; the tick says so, and when it is tried again.
        class.effective_lane.set(Lane::Pool);
        balancer.violated(class.id, &violation);
    }
    (value, timing)
}

/// As [`Class::timed`], with the thread's account before the run.
fn timed<R>(class: &Class, run: impl FnOnce() -> R) -> (R, Timing, u64) {
    let sampled = class.sampling.is_due();
    let mut stopwatch = Stopwatch::start(sampled);
    let account = match ACCOUNT.get() {
        Some((read_at, account)) if stopwatch.started() - read_at < FRESH => account,
        _ => {
            let account = delay_ns();
            ACCOUNT.set(Some((stopwatch.started(), account)));
            // The reading is no part of the run.
            stopwatch = Stopwatch::start(sampled);
            account
        }
    };
    let value = run();
    let timing = stopwatch.stop(0);
    class.sampling.note(timing.wall_ns);
    (value, timing, account)
}

fn delay_ns() -> u64 {
    thread_times::read().map_or(0, |reading| reading.delay_ns)
}

/// Whether a run deserves a closer look: almost none does.
fn is_suspect(rules: &Rules, timing: &Timing) -> bool {
    timing.wall_ns > rules.inline_run_max_ns
        || timing
            .detail
            .is_some_and(|detail| detail.blocked_ns > rules.blocked_min_ns)
}

#[cold]
fn judge(rules: &Rules, timing: &Timing, account: u64) -> Option<Violation> {
    let violation = match timing.detail {
        Some(detail) => Violation {
            wall_ns: timing.wall_ns,
            delay_ns: detail.delay_ns,
            blocked_ns: Some(detail.blocked_ns),
        },
        None => Violation {
            wall_ns: timing.wall_ns,
            delay_ns: delay_ns().saturating_sub(account).min(timing.wall_ns),
            blocked_ns: None,
        },
    };
    let blocked = violation.blocked_ns.unwrap_or_default();
    let own = violation.wall_ns.saturating_sub(violation.delay_ns);
    (own > rules.inline_run_max_ns || blocked > rules.blocked_min_ns).then_some(violation)
}

/// A violation on its way from a loop to the tick. The first is kept.
#[derive(Debug, Default)]
pub(super) struct Reported {
    wall_ns: AtomicU64,
    delay_ns: AtomicU64,
    /// One more than it was; 0 is not measured.
    blocked_ns: AtomicU64,
}

impl Reported {
    pub(super) fn report(&self, violation: &Violation) {
        let Violation {
            wall_ns,
            delay_ns,
            blocked_ns,
        } = *violation;
        if self.wall_ns.load(Ordering::Relaxed) != 0 {
            return;
        }
        self.delay_ns.store(delay_ns, Ordering::Relaxed);
        let blocked = blocked_ns.map_or(0, |blocked| blocked.saturating_add(1));
        self.blocked_ns.store(blocked, Ordering::Relaxed);
        // Release pairs with `take`. Two loops at once may mix their numbers: both
        // are violations.
        self.wall_ns.store(wall_ns.max(1), Ordering::Release);
    }

    pub(super) fn take(&self) -> Option<Violation> {
        let wall_ns = self.wall_ns.swap(0, Ordering::Acquire);
        (wall_ns != 0).then(|| Violation {
            wall_ns,
            delay_ns: self.delay_ns.load(Ordering::Relaxed),
            blocked_ns: self.blocked_ns.load(Ordering::Relaxed).checked_sub(1),
        })
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;
    use crate::timing::Detail;

    fn timing(wall_us: u64, detail: Option<(u64, u64)>) -> Timing {
        let detail = detail.map(|(cpu_us, delay_us)| Detail {
            cpu_ns: cpu_us * 1_000,
            delay_ns: delay_us * 1_000,
            blocked_ns: (wall_us - cpu_us - delay_us) * 1_000,
        });
        Timing {
            queue_ns: 0,
            wall_ns: wall_us * 1_000,
            detail,
        }
    }

    fn check(wall_us: u64, detail: Option<(u64, u64)>, violates: bool) {
        let rules = Rules::default();
        let timing = timing(wall_us, detail);
        let found = is_suspect(&rules, &timing) && judge(&rules, &timing, delay_ns()).is_some();
        assert_eq!(found, violates, "{timing:?}");
    }

    #[test]
    fn long_and_blocked_runs_violate_and_preempted_ones_do_not() {
        check(20, None, false);
        check(199, None, false);
        check(5_000_000, None, true);
        check(900, Some((890, 0)), true);
        check(900, Some((20, 870)), false);
        check(120, Some((20, 0)), true);
        check(60, Some((20, 0)), false);
    }

    #[test]
    fn a_sleep_is_never_excused_by_what_was_before_it() {
        let rules = Rules::default();
        // All that a fresh account can hold besides the run itself.
        let before = delay_ns().saturating_sub(1_000_000);
        let slept = timing(5_000, None);
        assert!(judge(&rules, &slept, before).is_some());
    }

    #[test]
    fn the_first_violation_is_kept_until_it_is_taken() {
        let reported = Reported::default();
        assert_eq!(reported.take(), None);
        let violation = |wall_ns| Violation {
            wall_ns,
            delay_ns: 1,
            blocked_ns: None,
        };
        reported.report(&violation(5));
        reported.report(&violation(6));
        assert_eq!(reported.take(), Some(violation(5)));
        assert_eq!(reported.take(), None);
    }
}
