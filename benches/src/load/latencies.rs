//! Latencies. All of them are kept, without rounding, because a run has few enough.

use std::time::Duration;

/// One latency, and the time when it was measured.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The time since the first request of the run.
    pub at: Duration,
    /// The latency.
    pub took: Duration,
}

/// The latencies of a load.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    samples: Vec<Sample>,
}

impl Latencies {
    pub(super) fn push(&mut self, at: Duration, took: Duration) {
        self.samples.push(Sample { at, took });
    }

    /// The latencies that were measured between two times.
    pub fn between(&self, from: Duration, to: Duration) -> Self {
        let within = |sample: &&Sample| (from..to).contains(&sample.at);
        Self {
            samples: self.samples.iter().filter(within).copied().collect(),
        }
    }

    /// The number of latencies.
    pub fn count(&self) -> usize {
        self.samples.len()
    }

    /// The `q` quantile; zero if there are no latencies.
    pub fn quantile(&self, q: f64) -> Duration {
        let mut took: Vec<_> = self.samples.iter().map(|sample| sample.took).collect();
        let last = match took.len() {
            0 => return Duration::ZERO,
            count => count - 1,
        };
        let rank = ((took.len() as f64 * q).ceil() as usize).saturating_sub(1);
        let (_, at, _) = took.select_nth_unstable(rank.min(last));
        *at
    }

    /// The median, in milliseconds.
    pub fn p50_ms(&self) -> f64 {
        self.quantile(0.50).as_secs_f64() * 1e3
    }

    /// The 99.9th percentile, in milliseconds.
    pub fn p999_ms(&self) -> f64 {
        self.quantile(0.999).as_secs_f64() * 1e3
    }

    /// The 99th percentile, in milliseconds.
    pub fn p99_ms(&self) -> f64 {
        self.quantile(0.99).as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        for took in milliseconds {
            let took = Duration::from_millis(took);
            latencies.push(took, took);
        }
        latencies
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let hundred = latencies(1..=100);
        assert_eq!(hundred.quantile(0.50), Duration::from_millis(50));
        assert_eq!(hundred.quantile(0.99), Duration::from_millis(99));
        assert_eq!(hundred.quantile(1.0), Duration::from_millis(100));
        assert_eq!(latencies([7]).quantile(0.99), Duration::from_millis(7));
        assert_eq!(latencies([]).quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn a_part_of_the_time_can_be_looked_at() {
        let part = latencies(1..=100).between(Duration::from_millis(90), Duration::from_secs(1));
        assert_eq!(part.count(), 11);
        assert_eq!(part.quantile(0.0), Duration::from_millis(90));
    }
}
