//! What the balancer publishes: read by the admin endpoints, written by the tick.
//! Behind a mutex of the control plane; no request takes it.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use super::snapshot::{Decision, Label, Move};
use crate::{config::Balancing, spec::Lane};

/// Moves that are kept of each route.
const MOVES_MAX: usize = 16;

/// The bounds of a stall histogram's buckets, in seconds: OpenTelemetry's for
/// durations. Durations above the last have a bucket more.
pub(crate) const STALL_BOUNDS_S: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The state of the balancer.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) mode: Balancing,
    pub(crate) ticks: u64,
    /// Moves that were made; what would have been is not counted.
    pub(crate) moves: u64,
    /// Polls that held an event loop.
    pub(crate) stalls: u64,
    /// What part of the last second the event loops were busy, 0 to 1.
    pub(crate) utilisation: f64,
    /// How long a task of the last tick waited for an event loop.
    pub(crate) lag: Duration,
    /// One a route, in the routes' order.
    pub(crate) routes: Vec<RouteBoard>,
}

/// What is said of a route.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteBoard {
    pub(crate) label: Label,
    /// Why it runs where it runs.
    pub(crate) reason: Option<String>,
    pub(crate) advice: Option<String>,
    /// How many may run at once on the pool, as the balancer has it.
    pub(crate) limit: Option<usize>,
    /// The last ones, the oldest first.
    pub(crate) moves: VecDeque<Moved>,
    /// How often it was moved, by lanes from and to.
    pub(crate) moves_total: [[u64; Lane::ALL.len()]; Lane::ALL.len()],
    pub(crate) stalls: Stalls,
}

/// A move, made or only decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) from: Lane,
    pub(crate) to: Lane,
    pub(crate) at: SystemTime,
    /// Under `observe` it begins with `would move`.
    pub(crate) why: String,
}

/// How long polls have held an event loop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stalls {
    /// Not cumulative; the last is what is above all bounds.
    pub(crate) buckets: [u64; STALL_BOUNDS_S.len() + 1],
    pub(crate) count: u64,
    pub(crate) sum: Duration,
}

impl Board {
    pub(super) fn new(mode: Balancing, routes: usize) -> Self {
        Self {
            mode,
            ticks: 0,
            moves: 0,
            stalls: 0,
            utilisation: 0.0,
            lag: Duration::ZERO,
            routes: vec![RouteBoard::default(); routes],
        }
    }

    /// Writes down what was decided; `made` says which of the moves happened.
    pub(super) fn publish(
        &mut self,
        decision: &Decision,
        at: SystemTime,
        made: impl Fn(&Move) -> bool,
    ) {
        for (route, verdict) in self.routes.iter_mut().zip(&decision.verdicts) {
            route.label = verdict.label;
            route.reason.clone_from(&verdict.reason);
            route.advice.clone_from(&verdict.advice);
            route.limit = verdict.limit;
        }
        for moved in &decision.moves {
            let is_made = made(moved);
            self.moves += u64::from(is_made);
            if let Some(route) = self.routes.get_mut(moved.route) {
                route.add(moved, at, is_made);
            }
        }
    }

    pub(super) fn stalled(&mut self, route: usize, time: Duration) {
        if let Some(route) = self.routes.get_mut(route) {
            route.stalls.add(time);
        }
    }
}

impl RouteBoard {
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

impl Stalls {
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
            route: 0,
            from: Lane::Pool,
            to: Lane::Inline,
            why: number.to_string(),
        }
    }

    #[test]
    fn the_last_moves_are_kept_and_all_are_counted() {
        let mut board = Board::new(Balancing::On, 1);
        for number in 0..20 {
            let decision = Decision {
                moves: vec![moved(number)],
                ..Decision::default()
            };
            board.publish(&decision, SystemTime::UNIX_EPOCH, |_| number != 19);
        }
        let route = &board.routes[0];
        assert_eq!(route.moves.len(), MOVES_MAX);
        assert_eq!(route.moves[0].why, "4");
        assert_eq!(route.moves[15].why, "would move: 19");
        assert_eq!(board.moves, 19);
        let (from, to) = (Lane::Pool.index(), Lane::Inline.index());
        assert_eq!(route.moves_total[from][to], 19);
    }

    #[test]
    fn stalls_fall_into_their_buckets() {
        let mut stalls = Stalls::default();
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
