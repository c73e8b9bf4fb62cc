//! Whether the process lives, and whether it should be sent requests.

use http::StatusCode;

use crate::{Response, context::ServerContext, respond::IntoResponse};

/// The event loops turn: otherwise there would be no answer.
pub(super) fn live() -> Response {
    "live\n".into_response()
}

/// It serves, and has not begun to stop.
pub(super) fn ready(context: &ServerContext) -> Response {
    if context.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    "ready\n".into_response()
}
