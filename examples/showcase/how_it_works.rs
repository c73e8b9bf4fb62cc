//! How It Works: the signature decides where a handler runs.

use std::time::Duration;

use hybrid::{Routes, prelude::*};

use super::measure::execution;

pub(crate) fn routes() -> Routes {
    routes![sync_handler, async_handler]
}

#[model(output)]
struct Told {
    r#type: &'static str,
    execution: &'static str,
}

/// A plain handler: it runs on the thread pool.
#[get("/sync")]
fn sync_handler() -> Json<Told> {
    Json(Told {
        r#type: "sync",
        execution: execution(),
    })
}

/// An async handler: it runs on the event loop.
#[get("/async")]
async fn async_handler() -> Json<Told> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Json(Told {
        r#type: "async",
        execution: execution(),
    })
}
