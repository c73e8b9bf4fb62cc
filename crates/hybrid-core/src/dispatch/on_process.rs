//! The process lane: a plain `fn` in a worker process, where a crash, a leak or a
//! runaway loop harms one request and nothing else.

use super::{Endpoint, on_pool};
use crate::{extract::Arguments, respond::IntoResponse, spec::Lane};

/// Called by `#[get]` and its kin for a plain `fn` with `lane = process`: the
/// handler runs in a worker process.
pub fn process<A, F, R>(arguments: A, handler: F) -> Endpoint
where
    A: Arguments,
    F: Fn(A::Values) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    Endpoint {
        lane: Lane::Process,
        ..on_pool::pool(arguments, handler)
    }
}
