//! What `#[extractor]` makes of a function: it reads the arguments, and runs the
//! function on the event loop or on the pool.

use std::future::Future;

use hybrid_validate::{Report, Source};

use super::stages;
use crate::{
    Response,
    context::{Parts, Running, entered},
    extract::{Arguments, Received, Texts},
    offload::run_counted,
    problem::Problem,
    respond::IntoResponse,
    spec::Lane,
};

/// Reads the arguments of an `#[extractor]`.
async fn read<A: Arguments>(parts: &mut Parts, arguments: &A) -> Result<A::Values, Response> {
    let guarded = arguments.guard(parts).await?;
    let mut report = Report::new(Source::Path);
    let held = {
        let texts = Texts::new(&parts.head);
        let held = arguments.read_head(guarded, &texts, &mut report);
        if let Some(problem) = texts.malformed() {
            return Err(problem.into_response());
        }
        held
    };
    let values = arguments.read_body(held, &mut Received::Nothing, &mut report);
    match values.map_err(IntoResponse::into_response)? {
        Some(values) if report.is_empty() => Ok(values),
        _ => Err(Problem::refused(report).into_response()),
    }
}

/// Called by `#[extractor]` for an `async fn`.
///
/// # Errors
/// The answer that the extractor, or a value it reads, refuses with.
pub async fn extract<A, F, Fut, T, E>(parts: &mut Parts, arguments: A, f: F) -> Result<T, Response>
where
    A: Arguments<Values: Send>,
    F: FnOnce(A::Values) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    E: IntoResponse,
{
    let values = read(parts, &arguments).await?;
    let running = Running::of(parts, Lane::Event, None);
    let made = entered(running, f(values)).await;
    made.map_err(IntoResponse::into_error_response)
}

/// Called by `#[extractor]` for a plain `fn`: a ticket of its own on the pool.
///
/// # Errors
/// As [`extract`], and where the pool refuses it.
pub async fn extract_on_pool<A, F, T, E>(
    parts: &mut Parts,
    arguments: A,
    f: F,
) -> Result<T, Response>
where
    A: Arguments<Values: Send>,
    F: FnOnce(A::Values) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: IntoResponse + Send + 'static,
{
    let values = read(parts, &arguments).await?;
    let deadline = stages::deadline(stages::complete(None, parts), parts);
    let running = Running::of(parts, Lane::Pool, deadline);
    let context = parts.context.clone();
    match run_counted(context.pool(), &running, move || f(values)).await {
        Ok(made) => made.map_err(IntoResponse::into_error_response),
        Err(error) => Err(error.problem().into_response()),
    }
}
