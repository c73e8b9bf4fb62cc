//! Checks of a whole handler. Each function checks one rule, which its comment states.
//!
//! The checks read the model and report at the user's tokens. Errors that rustc reports better (a type that does not
//! exist, a literal that does not fit) are left to rustc.

mod bodies;
mod function;
mod route;
mod sources;
mod values;

pub(crate) use bodies::reads_body;
pub(crate) use function::{future_by_hand, plain_function};
pub(crate) use route::{parameters, route};
pub(crate) use sources::sources;
