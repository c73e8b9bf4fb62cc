//! Error Handling Across Contexts: the same errors from both kinds of handlers.

use std::time::Duration;

use hybrid::{Routes, prelude::*};

pub(crate) fn routes() -> Routes {
    routes![sync_error_demo, async_error_demo]
}

#[model(output)]
struct Success {
    message: &'static str,
}

#[model(output)]
struct Failure {
    error: &'static str,
}

type Refused = (StatusCode, Json<Failure>);

/// Sync error handling.
#[get("/sync-error-demo")]
fn sync_error_demo(
    #[query(default = false, description = "Whether to trigger an error")] should_fail: bool,
) -> Result<Json<Success>, Refused> {
    answer(should_fail, "Sync success", "Sync error occurred")
}

/// Async error handling.
#[get("/async-error-demo")]
async fn async_error_demo(
    #[query(default = false, description = "Whether to trigger an error")] should_fail: bool,
) -> Result<Json<Success>, Refused> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    answer(should_fail, "Async success", "Async error occurred")
}

fn answer(
    should_fail: bool,
    message: &'static str,
    error: &'static str,
) -> Result<Json<Success>, Refused> {
    match should_fail {
        false => Ok(Json(Success { message })),
        true => Err((StatusCode::BAD_REQUEST, Json(Failure { error }))),
    }
}
