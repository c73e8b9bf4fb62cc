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

//!
//! Without the feature `peers` there is less: hyper, axum and hybrid, and the
//! instructions that [`budget`] counts.

pub mod apps;
pub mod bench;
pub mod budget;
pub mod callgrind;
pub mod client;
#[cfg(feature = "peers")]
pub mod full;
pub mod load;
#[cfg(feature = "peers")]
pub mod postgres;
pub mod process;
#[cfg(feature = "peers")]
pub mod python;
#[cfg(feature = "peers")]
pub mod report;
pub mod rounds;
#[cfg(feature = "peers")]
pub mod sections;
pub mod servers;
pub mod workload;
