//! Which states the start makes, and in which order: that of the groups and
//! their calls. The first request that takes one of the others has it made.
//!
//! A server makes all but those that process routes alone take: those are made in
//! the worker processes, each of which makes what its own requests take.

use std::sync::Arc;

use super::build::Purpose;
use crate::{error::Fault, spec::Lane, state::StateEntry};

/// The states of all groups, in the order given.
#[derive(Default)]
pub(super) struct StatePlan {
    states: Vec<Planned>,
}

struct Planned {
    entry: Arc<StateEntry>,
    taken_by: TakenBy,
    /// How many faults were known when its group was looked at: its own stands
    /// there in the report.
    position: usize,
}

/// The routes that take a state, as they say in their descriptions. A later one
/// includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TakenBy {
    NoRoute,
    ProcessRoutes,
    OtherRoutes,
}

/// What the start makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatesToMake {
    Everything,
    /// All but what process routes alone take.
    WhatThisProcessTakes,
    Nothing,
}

impl StatesToMake {
    /// With `is_apart`, process routes run in processes of their own.
    pub(super) fn of(purpose: Purpose, is_apart: bool) -> Self {
        match purpose {
            Purpose::Worker => Self::Nothing,
            _ if is_apart => Self::WhatThisProcessTakes,
            Purpose::Serving | Purpose::Mounting | Purpose::Testing => Self::Everything,
        }
    }

    /// Also what no route says that it takes: middleware or a hook may want it.
    fn makes(self, taken_by: TakenBy) -> bool {
        match self {
            Self::Everything => true,
            Self::WhatThisProcessTakes => taken_by != TakenBy::ProcessRoutes,
            Self::Nothing => false,
        }
    }
}

impl TakenBy {
    fn route_of(lane: Lane) -> Self {
        match lane {
            Lane::Process => Self::ProcessRoutes,
            _ => Self::OtherRoutes,
        }
    }
}

impl StatePlan {
    /// Adds a state, whose fault would be that one of the report.
    pub(super) fn add(&mut self, entry: &Arc<StateEntry>, position: usize) {
        self.states.push(Planned {
            entry: Arc::clone(entry),
            taken_by: TakenBy::NoRoute,
            position,
        });
    }

    /// A route of that lane takes that state.
    pub(super) fn taken(&mut self, entry: &Arc<StateEntry>, lane: Lane) {
        let mut states = self.states.iter_mut();
        if let Some(state) = states.find(|state| Arc::ptr_eq(&state.entry, entry)) {
            state.taken_by = state.taken_by.max(TakenBy::route_of(lane));
        }
    }

    /// Makes what the start makes, on this thread, which is inside the runtime
    /// and may block.
    pub(super) fn make(self, start: StatesToMake, faults: &mut Vec<Fault>) {
        let states = self.states.into_iter();
        let made = states.filter(|state| start.makes(state.taken_by));
        let failed = made
            .filter(|state| !state.entry.is_in_vain())
            .filter_map(|state| Some((state.position, state.entry.make().err()?)));
        let failed: Vec<_> = failed.collect();
        // From behind, so that the positions hold.
        for (position, fault) in failed.into_iter().rev() {
            faults.insert(position, fault);
        }
    }
}

#[cfg(test)]
mod tests;
