//! Worker processes: the same program, started again, each of which answers one
//! request at a time and can be killed at any moment.
//!
//! README.md in this folder is the protocol: who owns what, the states of a
//! worker, and how all of it ends.

mod frame;
mod limits;
mod output;
mod poison;
mod sandbox;
mod segment;
mod socket;

#[doc(hidden)]
pub use frame::{fuzz_answer, fuzz_call};
