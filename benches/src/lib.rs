//! Measures hybrid beside its peers.
//!
//! ```text
//! main ─▶ sections ─┬─ callgrind ─starts─▶ `bench serve <server> 1` under valgrind
//!    │              │     └─ client ──requests, one after the other──▶ ▲
//!    │              └─ load ──requests, many at once──▶ `bench serve <server> <cores>`
//!    └─▶ report ─▶ REPORT.md
//! ```
//!
//! Instructions do not swing as times do: two runs differ by less than a
//! percent. What they do not show is the kernel's part, and whatever waits; that
//! is what the loads are for.

pub mod bench;
pub mod callgrind;
pub mod client;
pub mod load;
pub mod postgres;
pub mod process;
pub mod report;
pub mod rounds;
pub mod sections;
pub mod servers;
pub mod workload;
