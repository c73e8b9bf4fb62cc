//! A computation: a fixed amount of work, however long it takes. A spin until
//! some time has passed would finish sooner the more threads share a processor,
//! and flatter whoever runs too many.

use std::{
    env,
    hint::black_box,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Tells a server how many rounds a millisecond is worth.
pub const VARIABLE: &str = "BENCH_ROUNDS_A_MILLISECOND";

/// What was calibrated, or about a millisecond's worth.
static ROUNDS: LazyLock<u64> = LazyLock::new(|| {
    let said = env::var(VARIABLE).ok().and_then(|said| said.parse().ok());
    said.unwrap_or(400_000)
});

/// As much work as takes that many milliseconds alone on a processor.
pub(super) fn compute(milliseconds: u64) -> u64 {
    rounds(milliseconds * *ROUNDS)
}

/// As much as takes that many microseconds.
pub(super) fn compute_us(microseconds: u64) -> u64 {
    rounds(microseconds * *ROUNDS / 1_000)
}

/// How many rounds take a millisecond here, alone: the best of several tries.
pub fn calibrate() -> u64 {
    const TRY: u64 = 4_000_000;
    let tries = (0..10).map(|_| {
        let before = Instant::now();
        rounds(TRY);
        before.elapsed()
    });
    let best = tries.min().unwrap_or(Duration::from_millis(10));
    (TRY as f64 * 1e-3 / best.as_secs_f64()) as u64
}

fn rounds(count: u64) -> u64 {
    let mut x: u64 = black_box(88_172_645_463_325_252);
    for _ in 0..count {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x)
}
