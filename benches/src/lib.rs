//! Measures what a request costs, as a ratio to peers.
//!
//! ```text
//! main ─▶ callgrind ─starts─▶ `bench serve <server>` under valgrind
//!            │                        ▲
//!            └─▶ client ──requests────┘        report ─▶ REPORT.md
//! ```
//!
//! Instructions do not swing as times do: two runs differ by less than a
//! percent. What they do not show is the kernel's part, about the same for all
//! servers here, and whatever waits.

pub mod callgrind;
pub mod client;
pub mod report;
pub mod servers;
pub mod workload;
