//! Work that leaves the thread it is on: a closure from an `async fn` to the pool, a
//! job of a handler to the pool, a future that a plain `fn` waits for.

mod block_on;
mod closures;
mod queue;

pub use block_on::block_on;
pub use closures::{PoolError, run_on_pool};
pub(crate) use closures::{run_as, run_counted, run_uncounted};
pub(crate) use queue::{Patience, count_refusal, problem_of, queue};
