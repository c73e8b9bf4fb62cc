//! The server: sockets in, requests to the application, answers out, within the
//! limits of the configuration.
//!
//! ```text
//! accept ─sniff→ http1 | http2 ─head_checks→ Application::call → answer
//!                  │
//!                TimedIo, RequestBody, answers' bodies ─note→ Conn ←look─ sweeper
//! ```
//!
//! Time limits stand in three places: the accepted stream (`timed_io`: first
//! byte, head, idle, writing), the request's body and the answer's body
//! (`body`). None of them sets a timer for a request or reads a clock: they note
//! ticks (`ticks`), and one sweeper looks through all connections once a tick
//! and wakes those that have run past a limit. A limit counts only while nothing is
//! owed to the client: what hyper holds is known, and what the socket's buffer holds
//! is asked when a limit seems to have passed (`delivery`).
//!
//! A server stops in stages ([`shared::Stage`]): it goes on accepting for
//! `drain_delay`, takes what still waits to be accepted, has its answers say
//! `Connection: close`, closes idle connections after `drain_idle`, and cuts
//! what is left after `shutdown_grace`. A request that was sent before gets its
//! answer.
//!
//! Routing, bodies' sizes and everything about handlers is the application's.

mod accept;
mod closing;
mod conn;
mod date;
mod delivery;
mod files;
pub(crate) mod head_checks;
mod http1;
mod http2;
mod serve;
mod serving;
mod shared;
pub(crate) mod signal;
mod sniff;
mod stream;
mod ticks;
mod timed_body;
mod timed_io;
mod unsent;
mod waiting;

#[cfg(test)]
mod tests;

pub(crate) use serve::{Application, Ended, Stop, serve, serve_beside};
