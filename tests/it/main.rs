//! The framework as its users see it: one folder a subject. What needs a socket
//! goes through one, on a port that the system picks; the rest goes through the
//! in-process client.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, read the clock and start threads"
)]

mod admin;
mod app;
mod balance;
mod harness;
mod lanes;
mod processes;
mod tidy;
mod timing;
mod values;
mod wire;
