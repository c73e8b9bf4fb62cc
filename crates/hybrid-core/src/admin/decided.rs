//! What the balancer has decided, in the words of the admin endpoints. The only
//! place here that knows the balancer.

use serde::Serialize;

use super::time::Moment;
use crate::{context::ServerContext, head::Route, spec::Lane};

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
    /// Busy share of all loops, 0 to 1; `None` where it is not measured.
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

pub(super) fn of(context: &ServerContext, route: &Route) -> Decided {
    let published = context.balancer().published();
    let route = &published.classes[route.index];
    let moves = route.moves.iter().map(|moved| Move {
        from: moved.from.as_str(),
        to: moved.to.as_str(),
        at: Moment(moved.at),
        why: moved.why.clone(),
    });
    Decided {
        label: route.label.as_str(),
        reason: route.reason.clone(),
        advice: route.advice.clone(),
        moves: moves.collect(),
    }
}

/// How many of its requests run at once: its author's limit or the balancer's,
/// whichever is less; `None` where there is neither.
pub(super) fn limit(context: &ServerContext, route: &Route) -> Option<usize> {
    let written = route.running.as_ref().map(|limit| limit.at_once);
    let decided = context.balancer().published().classes[route.index].limit;
    written.into_iter().chain(decided).min()
}

pub(super) fn balancer(context: &ServerContext) -> Balancer {
    let published = context.balancer().published();
    Balancer {
        mode: published.mode.as_str(),
        ticks: published.ticks,
        moves: published.moves,
    }
}

pub(super) fn loops(context: &ServerContext) -> Loops {
    let published = context.balancer().published();
    Loops {
        utilisation: Some(published.utilisation),
        stalls: published.stalls,
    }
}

pub(super) fn stalls(context: &ServerContext) -> Vec<Stalls> {
    let published = context.balancer().published();
    let routes = published.classes.iter().enumerate();
    let stalled = routes.filter(|(_, route)| route.stalls.count > 0);
    let stalls = stalled.map(|(route, known)| Stalls {
        route,
        buckets: known.stalls.buckets.to_vec(),
        sum_seconds: known.stalls.sum.as_secs_f64(),
    });
    stalls.collect()
}

pub(super) fn move_counts(context: &ServerContext) -> Vec<MoveCount> {
    let published = context.balancer().published();
    let mut counts = Vec::new();
    for (route, known) in published.classes.iter().enumerate() {
        for (from, counted) in Lane::ALL.into_iter().zip(&known.moves_total) {
            for (to, count) in Lane::ALL.into_iter().zip(counted) {
                if *count > 0 {
                    let count = *count;
                    counts.push(MoveCount {
                        route,
                        from,
                        to,
                        count,
                    });
                }
            }
        }
    }
    counts
}
