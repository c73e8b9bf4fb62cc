//! The balancer: what was measured becomes decisions, and decisions lanes.
//!
//! ```text
//! Table ─tick→ Snapshot ─policy→ Decision ─tick→ effective lanes, limits, Board
//! ```
//!
//! [`policy`] is a pure function with its parts beside it.

mod cost;
mod inline;
mod limit;
mod policy;
mod rules;
mod snapshot;
mod stalls;
