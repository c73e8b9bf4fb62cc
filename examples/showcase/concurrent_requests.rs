//! Concurrent Request Handling: a waiting request delays no other request.

use std::time::Duration;

use hybrid::{Routes, prelude::*};

pub(crate) fn routes() -> Routes {
    routes![concurrent_demo]
}

#[model(output)]
struct Demo {
    request_id: String,
    message: &'static str,
    handler_type: &'static str,
}

/// Waits for half a second. Any number of requests can do so at the same time.
#[get("/concurrent-demo")]
async fn concurrent_demo(
    #[header(
        "X-Request-ID",
        default = "unknown",
        description = "Request ID for tracking"
    )]
    request_id: String,
) -> Json<Demo> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    Json(Demo {
        request_id,
        message: "This request didn't block others!",
        handler_type: "async",
    })
}
