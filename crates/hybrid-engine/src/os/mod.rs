//! What the operating system says and does: every read of `/proc` and of control
//! groups, thread priorities, and the `unsafe` calls of this crate.

#[doc(hidden)]
pub mod cgroup;
pub mod cores;
pub mod proc_stat;
pub mod thread;
pub mod thread_times;
