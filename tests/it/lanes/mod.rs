//! Where handlers run, how many of them at once, and what ends them.

mod cancellation;
mod concurrency;
mod crossing;
mod overload;
mod panics;
mod reaching_the_pool;
mod threads;
