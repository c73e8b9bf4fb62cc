//! Reads a serde type from JSON a second time, and lists all faults of the models inside it.
//!
//! serde stops at the first fault. So the type is read several times: each reading ends at one fault, and the next
//! reading skips the refused part (an entry, an element, or else the value around it).
//!
//! A model finds its reader ([`model`]) and inspects its own piece of the text. If serde has buffered the piece, it is
//! found by the address of a key in it. All elements of a list or a map have one type: if one element contains a model,
//! that model inspects the other elements too. So the number of readings depends on the type and not on the input. In
//! buffered parts the number is unknown, so a budget limits it.
//!
//! ```text
//! T::deserialize(Tracer) ─→ model ─→ Inspect of its piece ─→ violations
//!          └──→ Stop ─→ Fault ─→ Hidden ─→ again
//! ```

mod access;
mod key;
mod model;
mod passes;
mod reader;
mod run;

pub use model::model;
pub(super) use passes::{Exhausted, Node, inspect, within};
