//! Worker processes: the same program, started again. Each worker runs one call at a
//! time and can be killed at any moment.
//!
//! This folder knows nothing of HTTP, of applications and of routes. A call is opaque
//! bytes and a class of work; an answer is opaque bytes and what the call took. The
//! caller writes and reads the heads ([`Caller`]) and renders errors ([`CallError`]).
//!
//! [`Workers`] is the lane on the server: the workers, and the queue of calls. `call`
//! takes one call through a worker, on the event loop. `supervisor` is the one thread
//! that starts, watches, kills and reaps workers. `worker_main` runs inside of them.
//! README.md in this folder has the protocol, the states of a worker, and what owns what.

#[cfg(all(target_os = "linux", feature = "processes"))]
mod call;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod call_body;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod codec;
pub mod fields;
#[cfg(all(test, target_os = "linux", feature = "processes"))]
mod harm;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod lease;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod limits;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod messages;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod output;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod poison;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod queue;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod sandbox;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod segment;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod socket;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod spawn;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod supervisor;
#[cfg_attr(
    not(all(target_os = "linux", feature = "processes")),
    allow(dead_code, reason = "what a worker process would use")
)]
mod types;
#[cfg(not(all(target_os = "linux", feature = "processes")))]
#[expect(missing_docs, reason = "the texts are those of what it stands for")]
mod unsupported;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod worker_counts;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod worker_handle;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod worker_main;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod workers;

pub use types::{
    Answered, CallError, Caller, IncomingCall, Malformed, NotTaken, Outcome, ProcessCall, Program,
    ResourceLimits, SANDBOX_IS_AVAILABLE, TooLong, WORKER_STATES, WorkerEnd, WorkerGauge,
    WorkerSetup, WorkersConfig,
};
#[cfg(not(all(target_os = "linux", feature = "processes")))]
pub use unsupported::{
    CancelHandle, HeadBuffer, HeadBytes, Sockets, Workers, serve_worker, sockets,
};
#[cfg(all(target_os = "linux", feature = "processes"))]
pub use {
    call::CancelHandle,
    codec::{HeadBuffer, HeadBytes},
    messages::{fuzz_from_worker, fuzz_to_worker},
    spawn::{Sockets, sockets},
    worker_main::serve_worker,
    workers::Workers,
};

#[cfg(all(test, target_os = "linux", feature = "processes"))]
mod tests;
