//! What the tests stand on: an application behind a real socket, a client that reads
//! what comes over the wire and nothing else, programs of their own process, and
//! handlers that wait for the test.

mod gate;
mod panics;
mod program;
mod server;
mod waiting;
mod wire;

pub(crate) use self::{
    gate::Gate,
    panics::{BOOM, panics_at, quiet},
    program::{Ended, Program, main_of},
    server::Server,
    waiting::{PATIENCE, at_once, eventually, join, within},
    wire::{Reply, Wire},
};
