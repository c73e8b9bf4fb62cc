//! What the engine calls background threads, under its old name here.

#[cfg_attr(
    not(all(target_os = "linux", feature = "processes", feature = "logging")),
    allow(unused_imports, reason = "worker processes and the log keep threads")
)]
pub(crate) use hybrid_engine::background::{
    Panics, Turn, fail_here, quietly, run as keep, run_or_exit as or_end, spawn as start,
};

#[cfg(test)]
pub(crate) use hybrid_engine::background::{fail, fail_on_this_thread};

#[cfg(all(test, target_os = "linux", feature = "processes", not(hybrid_loom)))]
mod threads;
