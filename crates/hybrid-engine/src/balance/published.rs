//! What the balancer publishes: read by the admin endpoints, written by the tick.
//! Behind a mutex of the control plane; no request takes it.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use super::{
    Balancing,
    snapshot::{Decision, Label, Move},
};
use crate::lane::Lane;

/// Moves that are kept of each class.
const MOVES_MAX: usize = 16;

/// The bounds of a stall histogram's buckets, in seconds: OpenTelemetry's for
/// durations. Durations above the last have a bucket more.
pub const STALL_BOUNDS_S: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The state of the balancer.
#[derive(Clone, Debug)]
pub struct Published {
    /// What it may do.
    pub mode: Balancing,
    /// How often it has decided.
    pub ticks: u64,
    /// Moves that were made; what would have been is not counted.
    pub moves: u64,
    /// Polls that held an event loop.
    pub stalls: u64,
    /// What part of the last second the event loops were busy, 0 to 1.
    pub utilisation: f64,
    /// How long a task of the last tick waited for an event loop.
    pub lag: Duration,
    /// One a class, in the classes' order.
    pub classes: Vec<PublishedClass>,
}

/// What is said of a class.
#[derive(Clone, Debug, Default)]
pub struct PublishedClass {
    /// What its runs mostly do.
    pub label: Label,
    /// Why it runs where it runs.
    pub reason: Option<String>,
    /// What its author should change.
    pub advice: Option<String>,
    /// How many may run at once on the pool, as the balancer has it.
    pub limit: Option<usize>,
    /// The last ones, the oldest first.
    pub moves: VecDeque<Moved>,
    /// How often it was moved, by lanes from and to.
    pub moves_total: [[u64; Lane::ALL.len()]; Lane::ALL.len()],
    /// How long its polls have held an event loop.
    pub stalls: StallHistogram,
}

/// A move, made or only decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The lane before.
    pub from: Lane,
    /// The lane after.
    pub to: Lane,
    /// When.
    pub at: SystemTime,
    /// Under `observe` it begins with `would move`.
    pub why: String,
}

/// How long polls have held an event loop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StallHistogram {
    /// Not cumulative; the last is what is above all bounds.
    pub buckets: [u64; STALL_BOUNDS_S.len() + 1],
    /// How many there were.
    pub count: u64,
    /// Their time together.
    pub sum: Duration,
}

impl Published {
    pub(super) fn new(mode: Balancing, classes: usize) -> Self {
        Self {
            mode,
            ticks: 0,
            moves: 0,
            stalls: 0,
            utilisation: 0.0,
            lag: Duration::ZERO,
            classes: vec![PublishedClass::default(); classes],
        }
    }

    /// Writes down what was decided; `made` says which of the moves happened.
    pub(super) fn publish(
        &mut self,
        decision: &Decision,
        at: SystemTime,
        made: impl Fn(&Move) -> bool,
    ) {
        for (class, verdict) in self.classes.iter_mut().zip(&decision.verdicts) {
            class.label = verdict.label;
            class.reason.clone_from(&verdict.reason);
            class.advice.clone_from(&verdict.advice);
            class.limit = verdict.limit;
        }
        for moved in &decision.moves {
            let is_made = made(moved);
            self.moves += u64::from(is_made);
            if let Some(class) = self.classes.get_mut(moved.class) {
                class.add(moved, at, is_made);
            }
        }
    }

    pub(super) fn stalled(&mut self, class: usize, time: Duration) {
        if let Some(class) = self.classes.get_mut(class) {
            class.stalls.add(time);
        }
    }
}

impl PublishedClass {
    fn add(&mut self, moved: &Move, at: SystemTime, is_made: bool) {
        let Move { from, to, why, .. } = moved;
        let why = if is_made {
            self.moves_total[from.index()][to.index()] += 1;
            why.clone()
        } else {
            format!("would move: {why}")
        };
        let (from, to) = (*from, *to);
        if self.moves.len() == MOVES_MAX {
            self.moves.pop_front();
        }
        self.moves.push_back(Moved { from, to, at, why });
    }
}

impl StallHistogram {
    fn add(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = STALL_BOUNDS_S.iter().position(|bound| seconds <= *bound);
        self.buckets[bucket.unwrap_or(STALL_BOUNDS_S.len())] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(number: usize) -> Move {
        Move {
            class: 0,
            from: Lane::Pool,
            to: Lane::Inline,
            why: number.to_string(),
        }
    }

    #[test]
    fn the_last_moves_are_kept_and_all_are_counted() {
        let mut published = Published::new(Balancing::On, 1);
        for number in 0..20 {
            let decision = Decision {
                moves: vec![moved(number)],
                ..Decision::default()
            };
            published.publish(&decision, SystemTime::UNIX_EPOCH, |_| number != 19);
        }
        let class = &published.classes[0];
        assert_eq!(class.moves.len(), MOVES_MAX);
        assert_eq!(class.moves[0].why, "4");
        assert_eq!(class.moves[15].why, "would move: 19");
        assert_eq!(published.moves, 19);
        let (from, to) = (Lane::Pool.index(), Lane::Inline.index());
        assert_eq!(class.moves_total[from][to], 19);
    }

    #[test]
    fn stalls_fall_into_their_buckets() {
        let mut stalls = StallHistogram::default();
        for ms in [10, 11, 25, 20_000] {
            stalls.add(Duration::from_millis(ms));
        }
        assert_eq!(
            (stalls.buckets[1], stalls.buckets[2], stalls.buckets[14]),
            (1, 2, 1)
        );
        assert_eq!((stalls.count, stalls.sum.as_millis()), (4, 20_046));
    }
}
