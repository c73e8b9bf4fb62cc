//! The primitives of shared state: the standard library's, or loom's models of
//! them under `--cfg hybrid_loom`, so that what runs is what is checked.

#[cfg(not(hybrid_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

#[cfg(hybrid_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
