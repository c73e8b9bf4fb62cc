//! Moving an axum application to hybrid, handler by handler: the axum router with the
//! handlers that are not moved yet is mounted at `/`, beside the hybrid routes. Also the
//! opposite: a hybrid application inside an axum application.
//!
//! Run with: cargo run --example axum_side_by_side
//! Try: curl http://127.0.0.1:8000/users/7 http://127.0.0.1:8000/users
//!      curl 'http://127.0.0.1:8000/hash?text=abc' 'http://127.0.0.1:8000/hash?text='

use axum::{Router, extract, routing};
use hybrid::{AppService, prelude::*};

/// Not moved yet: axum runs it.
async fn user(extract::Path(id): extract::Path<u64>) -> String {
    format!("user {id}, by axum")
}

async fn users() -> &'static str {
    "all users, by axum"
}

fn not_moved_yet() -> Router {
    Router::new()
        .route("/users", routing::get(users))
        .route("/users/{id}", routing::get(user))
}

/// Moved: the computation runs on the pool, and hybrid checks the query.
#[get("/hash")]
fn hash(#[query(min_length = 1, max_length = 1000)] text: String) -> String {
    let hash = text
        .bytes()
        .fold(5381_u64, |h, byte| h.wrapping_mul(33) ^ u64::from(byte));
    format!("{hash:x}, by hybrid")
}

/// hybrid outside, axum inside. Tests build the same application.
pub fn app() -> App {
    App::new().routes(routes![hash]).mount("/", not_moved_yet())
}

/// axum outside, hybrid inside, for a program that keeps its axum `main`: hybrid gets the
/// requests that have no axum route.
pub fn router(moved: AppService) -> Router {
    not_moved_yet().fallback_service(moved)
}

/// Serves `router`, which needs a tokio runtime.
pub fn moved() -> hybrid::Result<AppService> {
    App::new().routes(routes![hash]).into_service()
}

fn main() -> hybrid::Result<()> {
    app().run()
}
