//! How many runs of a class may be at once on the pool: as TCP Vegas has it, the
//! service time itself says when there are too many. A class whose runs become
//! longer the more there are (a database that is full, a lock) is cut back, and
//! freed when its runs are short again.
//!
//! Our own queue wait and run-queue delay are known and are no part of service
//! time. Means of windows are compared with the lowest such mean, which is
//! forgotten slowly; so is the median. A class with a fast and a slow kind of run
//! has a mean that jumps and a median that does not, or the other way round; one
//! that is overloaded has both inflated.

use std::time::Duration;

use super::{class_cost::to_f64, policy::Look, snapshot::Sums};

/// What is remembered of one class.
#[derive(Clone, Debug, Default)]
pub(super) struct ConcurrencyLimit {
    window: Window,
    mean: Floor,
    median: Floor,
    inflated: u32,
    healthy: u32,
    limit: Option<usize>,
    /// What ran at once when it was first cut: a limit well above is none.
    used: f64,
}

/// A window that is being filled.
#[derive(Clone, Debug, Default)]
struct Window {
    base: Sums,
    since: Duration,
}

/// A full window.
struct LimitWindow {
    /// How many times its floor the mean is.
    mean: f64,
    /// How many times its floor the median is.
    median: f64,
    /// How many ran at once, on average.
    running: f64,
}

impl ConcurrencyLimit {
    pub(super) fn get(&self) -> Option<usize> {
        self.limit
    }

    /// One look; whether the limit has changed.
    pub(super) fn look(&mut self, look: &Look<'_>) -> bool {
        let before = self.limit;
        if let Some(seen) = self.close_window(look) {
            self.judge(look, &seen);
        }
        self.limit != before
    }

    fn close_window(&mut self, look: &Look<'_>) -> Option<LimitWindow> {
        let rules = look.rules;
        let elapsed = look.now.saturating_sub(self.window.since);
        let new = look.class.sums.since(&self.window.base);
        if elapsed < rules.limit_window {
            return None;
        }
        if new.samples < rules.limit_samples_min {
            // Too few for a mean; a class that rests is not judged by old runs.
            if elapsed > rules.limit_window * 10 {
                self.open_window(look);
            }
            return None;
        }
        self.open_window(look);
        let mean = to_f64(new.cpu_ns + new.blocked_ns) / to_f64(new.samples);
        let median = to_f64(look.class.service_p50_ns?);
        Some(LimitWindow {
            mean: self.mean.compare(mean, elapsed, rules.limit_forget),
            median: self.median.compare(median, elapsed, rules.limit_forget),
            running: to_f64(new.wall_ns) / elapsed.as_secs_f64() / 1e9,
        })
    }

    fn open_window(&mut self, look: &Look<'_>) {
        self.window = Window {
            base: look.class.sums,
            since: look.now,
        };
    }

    fn judge(&mut self, look: &Look<'_>, seen: &LimitWindow) {
        let rules = look.rules;
        let least = rules.limit_least(look.snapshot.cores);
        let is_used = seen.running > to_f64(least as u64);
        let is_inflated =
            seen.mean >= rules.limit_inflated && seen.median >= rules.limit_healthy && is_used;
        let is_healthy = seen.mean < rules.limit_healthy || seen.median < 1.25;
        self.inflated = if is_inflated { self.inflated + 1 } else { 0 };
        self.healthy = if is_healthy { self.healthy + 1 } else { 0 };
        if self.inflated >= rules.limit_windows {
            self.inflated = 0;
            self.cut(rules.limit_cut, least, seen.running);
        } else if self.healthy >= rules.limit_windows {
            self.healthy = 0;
            self.grow();
        }
    }

    fn cut(&mut self, keep: f64, least: usize, running: f64) {
        if self.limit.is_none() {
            self.used = running;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what runs at once is positive, and bounded by the threads"
        )]
        let left = (running * keep) as usize;
        let left = left.max(least);
        self.limit = Some(self.limit.map_or(left, |limit| limit.min(left)));
    }

    fn grow(&mut self) {
        self.limit = self.limit.and_then(|limit| {
            let grown = limit + (limit / 4).max(1);
            (to_f64(grown as u64) <= 2.0 * self.used).then_some(grown)
        });
    }
}

/// The lowest value, forgotten slowly.
#[derive(Clone, Copy, Debug, Default)]
struct Floor(Option<f64>);

impl Floor {
    /// How many times the floor a value is, which then takes part in it.
    fn compare(&mut self, value: f64, elapsed: Duration, forget: Duration) -> f64 {
        let forgotten = (elapsed.as_secs_f64() / forget.as_secs_f64().max(1e-9)).exp2();
        let floor = self.0.map_or(value, |floor| (floor * forgotten).min(value));
        // A floor of nothing would make everything infinite.
        let floor = floor.max(1.0);
        self.0 = Some(floor);
        value / floor
    }
}
