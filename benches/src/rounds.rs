//! One measurement in several rounds: its median and its spread.

use std::fmt;

/// The results of the rounds.
#[derive(Debug, Clone, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    /// Adds a round.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The median; for an even number, the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[odd / 2],
            even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
        }
    }

    /// The smallest.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest.
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// In another unit.
    pub fn scaled(&self, by: f64) -> Self {
        Self(self.0.iter().map(|value| value * by).collect())
    }

    /// The ratio of these to those, round by round.
    pub fn over(&self, others: &Self) -> Self {
        let ratios = self.0.iter().zip(&others.0).map(|(one, other)| one / other);
        Self(ratios.collect())
    }

    /// The difference between these and those, round by round.
    pub fn minus(&self, others: &Self) -> Self {
        let differences = self.0.iter().zip(&others.0).map(|(one, other)| one - other);
        Self(differences.collect())
    }
}

/// Formats with a precision: the median, and the smallest and the largest value in brackets.
impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let (median, least, most) = (self.median(), self.least(), self.most());
        if self.0.is_empty() {
            return f.write_str("—");
        }
        write!(f, "{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}

/// The goal for a measurement.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// That or less.
    AtMost(f64),
    /// That or more.
    AtLeast(f64),
}

impl Bar {
    /// The goal and whether it is reached, as two cells of a table.
    pub fn judge(self, value: f64) -> String {
        let (sign, bar, is_kept) = match self {
            Self::AtMost(bar) => ("≤", bar, value <= bar),
            Self::AtLeast(bar) => ("≥", bar, value >= bar),
        };
        let verdict = if is_kept { "kept" } else { "**missed**" };
        format!("{sign} {bar} | {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_shown_with_the_extremes() {
        let rounds = Rounds(vec![3.0, 1.0, 2.0, 9.0]);
        assert_eq!(format!("{rounds:.1}"), "2.5 (1.0–9.0)");
        assert_eq!(Rounds::default().to_string(), "—");
    }

    #[test]
    fn a_bar_is_kept_or_missed() {
        assert_eq!(Bar::AtMost(0.2).judge(0.2), "≤ 0.2 | kept");
        assert_eq!(Bar::AtLeast(3.9).judge(3.8), "≥ 3.9 | **missed**");
    }
}
