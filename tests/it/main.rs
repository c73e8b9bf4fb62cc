//! The framework as its users see it: one module a feature. What needs a socket
//! goes through one, on a port that the system picks; the rest goes through the
//! in-process client.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, read the clock and start threads"
)]

mod across;
mod admin;
mod balancer;
mod bodies;
mod concurrency;
mod edges;
mod extract;
mod guards;
mod harness;
mod http2;
mod lanes;
mod layers;
mod leaving;
mod lengths;
mod log;
mod measuring;
mod metrics;
mod mounting;
mod neighbours;
mod overload;
mod owed;
mod panics;
mod problems;
mod processes;
mod programs;
mod routing;
mod server_wire;
mod settings;
mod startup;
mod states;
mod stopping;
mod testing;
mod tidy;
mod wire_errors;
mod wire_values;
