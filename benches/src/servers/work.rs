//! A computation: a fixed amount of work, independent of time. A loop that ends after some time
//! would do less work the more threads share a processor, and would favour servers that run too
//! many threads.

use std::{
    env,
    hint::black_box,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// The variable that tells a server how many rounds take 1 ms.
pub const VARIABLE: &str = "BENCH_ROUNDS_A_MILLISECOND";

/// The calibrated number, or about 1 ms of work.
static ROUNDS: LazyLock<u64> = LazyLock::new(|| {
    let said = env::var(VARIABLE).ok().and_then(|said| said.parse().ok());
    said.unwrap_or(400_000)
});

/// Does the work that takes that many milliseconds alone on a processor.
pub(super) fn compute(milliseconds: u64) -> u64 {
    rounds(milliseconds * *ROUNDS)
}

/// Does the work that takes that many microseconds.
pub(super) fn compute_us(microseconds: u64) -> u64 {
    rounds(microseconds * *ROUNDS / 1_000)
}

/// The number of rounds that take 1 ms on this machine, alone: the best of several tries.
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
