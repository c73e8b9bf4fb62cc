//! Measures hybrid beside its peers.
//!
//! ```text
//! main ─▶ sections ─┬─ callgrind ─starts─▶ `bench serve <server> 1` under valgrind
//!    │              │     └─ client ──requests, one after the other──▶ ▲
//!    │              └─ load ──requests, many at once──▶ `bench serve <server> <cores>`
//!    └─▶ report ─▶ REPORT.md
//! ```
//!
//! Instruction counts vary less than times: two runs differ by less than 1 %. They do not include
//! the kernel and waiting; the loads measure those.

//!
//! Without the feature `peers` the package only has hyper, axum and hybrid, and only counts the
//! instructions of [`budget`].

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
