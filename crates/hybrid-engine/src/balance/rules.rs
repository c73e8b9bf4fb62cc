//! Every constant that a decision depends on, with its reason. Tests shorten the
//! minutes; nothing else changes them.

use std::time::Duration;

/// What the balancer decides by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    // === Labels ===
    /// Measured runs before a class has a label: below, one slow start decides.
    pub label_samples_min: u64,
    /// Measured runs over which costs fade: about the last hundred count.
    pub cost_samples: f64,
    /// A share of processor time from here on is `cpu`.
    pub cpu_share_min: f64,
    /// A share of processor time up to here is `io`.
    pub io_share_max: f64,
    /// How far a share must come back over a border before the label goes: the
    /// noise of a hundred samples is smaller.
    pub label_margin: f64,
    /// Looks in a row that must agree on another label.
    pub label_looks: u32,
    /// A run-queue share above it is said in the reason: the machine is short of
    /// processors.
    pub delay_share_max: f64,

    // === Inline ===
    /// Calls timed before a class may run inline.
    pub inline_calls_min: u64,
    /// Measured runs among them, of which none may have blocked. One run in
    /// sixteen is measured, so a thousand calls bring about this many.
    pub inline_samples_min: u64,
    /// The 99th percentile of processor time stays below it: the length of a few
    /// requests, so the requests behind it are hardly later.
    pub inline_cpu_p99_ns: u64,
    /// The longest run on the loop that is tolerated, time on the run queue
    /// excepted. Far above the percentile: only a change of character gets here.
    pub inline_run_max_ns: u64,
    /// A measured run that was blocked for longer has blocked. Below are page
    /// faults and the readings themselves.
    pub blocked_min_ns: u64,
    /// What a hop counts as where it could not be measured.
    pub hop_default_ns: u64,

    // === Stalls ===
    /// One poll that holds its loop this long is a stall.
    pub stall_min: Duration,
    /// Stalls within [`stall_window`](Self::stall_window) that make quarantine.
    /// One may be a cold start; three are a habit.
    pub stalls_max: usize,
    /// See [`stalls_max`](Self::stalls_max).
    pub stall_window: Duration,
    /// How long advice about a stall stays after the last one.
    pub stall_advice: Duration,

    // === Both ===
    /// The wait after the first failure, doubled with each further one.
    pub retry_first: Duration,
    /// The longest such wait. A class that was good for as long begins anew.
    pub retry_longest: Duration,

    // === Advice ===
    /// Processor time at the 95th percentile above which a process is advised.
    pub process_cpu_p95_ns: u64,

    // === Limits ===
    /// Measured runs that a window of service time needs.
    pub limit_samples_min: u64,
    /// The shortest window.
    pub limit_window: Duration,
    /// Service time this many times its floor is inflated: well beyond noise and
    /// beyond what a shared cache does.
    pub limit_inflated: f64,
    /// Below this many times its floor it is healthy again.
    pub limit_healthy: f64,
    /// Windows in a row before a limit changes.
    pub limit_windows: u32,
    /// However small the machine is, a limit leaves that many.
    pub limit_least: usize,
    /// What is left of the concurrency after a cut.
    pub limit_cut: f64,
    /// In which time the floor doubles: a class that has become slower for good
    /// is free again after it.
    pub limit_forget: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            label_samples_min: 20,
            cost_samples: 100.0,
            cpu_share_min: 0.8,
            io_share_max: 0.2,
            label_margin: 0.05,
            label_looks: 3,
            delay_share_max: 0.5,
            inline_calls_min: 1_000,
            inline_samples_min: 60,
            inline_cpu_p99_ns: 30_000,
            inline_run_max_ns: 200_000,
            blocked_min_ns: 50_000,
            hop_default_ns: 5_000,
            stall_min: Duration::from_millis(10),
            stalls_max: 3,
            stall_window: Duration::from_secs(60),
            stall_advice: Duration::from_secs(600),
            retry_first: Duration::from_secs(60),
            retry_longest: Duration::from_secs(3_600),
            process_cpu_p95_ns: 100_000_000,
            limit_samples_min: 20,
            limit_window: Duration::from_millis(500),
            limit_inflated: 2.0,
            limit_healthy: 1.5,
            limit_windows: 2,
            limit_least: 4,
            limit_cut: 0.75,
            limit_forget: Duration::from_secs(300),
        }
    }
}

impl Rules {
    /// The same rules for tests: every wait divided by a factor, so that a minute's
    /// story takes a second, and ten times as generous about lengths, since a debug
    /// build on a busy machine is slow.
    pub fn for_tests(self, factor: u32) -> Self {
        let factor = factor.max(1);
        Self {
            inline_cpu_p99_ns: self.inline_cpu_p99_ns * 10,
            inline_run_max_ns: self.inline_run_max_ns * 10,
            blocked_min_ns: self.blocked_min_ns * 10,
            stall_advice: self.stall_advice / factor,
            retry_first: self.retry_first / factor,
            retry_longest: self.retry_longest / factor,
            limit_forget: self.limit_forget / factor,
            ..self
        }
    }
}

impl Rules {
    /// The fewest that a limit leaves running at once: a class is never throttled
    /// below twice what the machine can compute at once.
    pub fn limit_least(&self, cores: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "cores are few and positive"
        )]
        let twice = (2.0 * cores).ceil() as usize;
        twice.max(self.limit_least)
    }
}

/// How long to wait after that many failures in a row, and when to forget them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    /// Nothing is tried before.
    pub(super) not_before: Duration,
}

impl Backoff {
    /// A failure now, of something that had begun then; returns the wait.
    pub(super) fn fail(&mut self, rules: &Rules, begun: Duration, now: Duration) -> Duration {
        if now.saturating_sub(begun) >= rules.retry_longest {
            self.failures = 0;
        }
        let wait = rules
            .retry_first
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(rules.retry_longest);
        self.failures = (self.failures + 1).min(31);
        self.not_before = now.saturating_add(wait);
        wait
    }
}
