//! `/metrics`: what is measured, in Prometheus' text formats.
//!
//! [`names`] is the one list of metrics, [`text`] the two formats, [`process`]
//! what the system says of the process. Series are those of the application's
//! routes, so a label never carries what a client sent.

pub(super) mod names;
mod page;
mod process;
mod text;

pub(super) use page::answer;
