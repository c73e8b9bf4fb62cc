//! Turns the errors of the `validator` crate into violations.
//!
//! `validator` reports under Rust names, keeps its errors in a `HashMap`, and stores the refused value in every error.
//! The violations have the names that the client used, a fixed order, and no values.
//!
//! The order of violations is that of the declared fields. serde does not list the fields of a struct with a flattened
//! field. There, the fields of both structs come in the order in which the client sent them. Fields without a known
//! place come last, by their wire names and then by their Rust names. Errors of checks across fields follow the fields
//! of their struct.

mod message;
mod names;
mod sent_names;
mod sent_value;
mod violations;

pub use names::WireNames;
pub use sent_value::SentValue;
pub use violations::{
    WireName, from_validator, from_validator_named, from_validator_of, from_validator_sent,
};
