//! What is HTTP in the engine's balancer: responses for what it refuses.

pub(crate) use hybrid_engine::balance::{Balancer, NotConfined, Rules};
use hybrid_engine::telemetry::timing::Timing;

use crate::{
    BoxResponse,
    head::Parts,
    problem::{Problem, kinds},
    respond::IntoResponse,
};

/// Runs a plain `fn` on its event loop, and measures it.
#[inline]
pub(crate) fn run_inline<R>(parts: &Parts, run: impl FnOnce() -> R) -> (R, Timing) {
    let class = &parts.taken_by().class;
    parts.app.balancer().run_inline(class, run)
}

/// The response of a request that the quarantine did not answer.
pub(crate) fn not_confined(why: NotConfined) -> BoxResponse {
    let problem = match why {
        NotConfined::Full => {
            Problem::overloaded("too many requests of routes that hold their loop")
        }
        NotConfined::Closed => Problem::of(&kinds::SHUTTING_DOWN),
    };
    Box::new(problem.into_response())
}
