//! What the balancer has decided, in the words of the admin endpoints. The only
//! place here that knows the balancer.

use serde::Serialize;

use super::time::Moment;
use crate::{app::Frozen, router::Route, spec::Lane};

/// What is decided about a route.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) label: &'static str,
    pub(super) reason: Option<String>,
    pub(super) advice: Option<String>,
    pub(super) moves: Vec<Move>,
}

/// A move of a route from one lane to another.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Move {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) at: Moment,
    pub(super) why: String,
}

/// What the balancer says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Balancer {
    pub(super) mode: &'static str,
    pub(super) ticks: u64,
    pub(super) moves: u64,
}

/// How the event loops do.
#[derive(Debug, Default)]
pub(super) struct Loops {
    /// Busy share of all loops, 0 to 1; `None` where nobody measures it.
    pub(super) utilisation: Option<f64>,
    pub(super) stalls: u64,
}

/// How long polls of a route held their loop that held it too long.
#[derive(Debug)]
pub(super) struct Stalls {
    pub(super) route: usize,
    /// In OpenTelemetry's buckets for durations, not cumulative.
    pub(super) buckets: Vec<u64>,
    pub(super) sum_seconds: f64,
}

/// How often a route was moved from one lane to another.
#[derive(Debug)]
pub(super) struct MoveCount {
    pub(super) route: usize,
    pub(super) from: Lane,
    pub(super) to: Lane,
    pub(super) count: u64,
}

pub(super) fn of(_app: &Frozen, _route: &Route) -> Decided {
    Decided {
        label: "unknown",
        reason: None,
        advice: None,
        moves: Vec::new(),
    }
}

/// How many of its requests run at once; `None` where there is no limit.
pub(super) fn limit(_app: &Frozen, route: &Route) -> Option<usize> {
    route.running.as_ref().map(|limit| limit.at_once)
}

pub(super) fn balancer(_app: &Frozen) -> Balancer {
    Balancer {
        mode: "off",
        ticks: 0,
        moves: 0,
    }
}

pub(super) fn loops(_app: &Frozen) -> Loops {
    Loops::default()
}

pub(super) fn stalls(_app: &Frozen) -> Vec<Stalls> {
    Vec::new()
}

pub(super) fn move_counts(_app: &Frozen) -> Vec<MoveCount> {
    Vec::new()
}
