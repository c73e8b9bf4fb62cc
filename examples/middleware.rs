//! Middleware: a function around the rest of the processing, a check of the head, and layers
//! of tower-http around a group.
//!
//! Run with: cargo run --example middleware
//! Try: curl -i http://127.0.0.1:8000/
//!      curl -i http://127.0.0.1:8000/api/numbers -H 'x-api-key: k' -H 'accept-encoding: gzip' -H 'origin: http://a' -o -
//!      curl -i http://127.0.0.1:8000/api/numbers

use hybrid::prelude::*;
use tower_http::{compression::CompressionLayer, cors::CorsLayer, trace::TraceLayer};

#[get("/")]
async fn home() -> &'static str {
    "home"
}

#[get("/numbers")]
fn numbers() -> Json<Vec<u32>> {
    Json((0..1000).collect())
}

/// Adds a header to every response, including 404 and 405.
#[middleware]
async fn stamp(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id").cloned();
    let mut response = next.run(request).await;
    let id = id.unwrap_or(HeaderValue::from_static("none"));
    response.headers_mut().insert("x-request-id", id);
    response
}

/// Refuses a request before hybrid checks any of its values.
#[middleware]
fn keyed(head: &Head) -> Result<(), Problem> {
    match head.header("x-api-key") {
        Some("k") => Ok(()),
        _ => Err(Problem::unauthorized("an `x-api-key` is needed")),
    }
}

/// Layers stand from the outermost to the innermost, in the order of the calls.
fn api(group: Group) -> Group {
    group
        .layer(TraceLayer::new_for_http())
        .layer(CorsLayer::permissive())
        .layer(CompressionLayer::new())
        .middleware(keyed)
        .routes(routes![numbers])
}

/// The application. Tests build the same one.
pub fn app() -> App {
    let app = App::new().middleware(stamp);
    app.routes(routes![home]).group("/api", api)
}

fn main() -> hybrid::Result<()> {
    app().run()
}
