//! 100 routes on axum, in ten modules, with the rules of the validator crate and a description by
//! utoipa.

MODULES

use std::sync::Arc;

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::net::TcpListener;
use utoipa::{OpenApi, ToSchema};
use validator::ValidationErrors;

/// The response to a search.
#[derive(Serialize, ToSchema)]
pub struct Found {
    id: u64,
    q: String,
    limit: u32,
    trace: String,
    number: u32,
}

/// The response to an order.
#[derive(Serialize, ToSchema)]
pub struct Placed {
    name: String,
    total: f64,
    tags: Vec<String>,
    mail: Option<String>,
    number: u32,
}

/// The state of all handlers.
#[derive(Clone)]
pub struct Shared {
    names: Arc<Vec<String>>,
    label: String,
}

pub fn ten() -> u32 {
    10
}

pub fn ten_long() -> u64 {
    10
}

/// Why a request was refused.
pub struct Refused(StatusCode, serde_json::Value);

impl Refused {
    pub fn header(name: &str) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, serde_json::json!({ "header": name }))
    }

    pub fn failed() -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, serde_json::json!({}))
    }
}

impl From<ValidationErrors> for Refused {
    fn from(errors: ValidationErrors) -> Self {
        let text = serde_json::to_value(&errors).unwrap_or_default();
        Self(StatusCode::UNPROCESSABLE_ENTITY, text)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

#[derive(OpenApi)]
#[openapi(paths(PATHS))]
struct Api;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt::init();
    let shared = Shared {
        names: Arc::new(vec!["first".to_owned()]),
        label: "label".to_owned(),
    };
    let app = Router::new()
        .route("/openapi.json", get(async || Json(Api::openapi())))
        ADDED
        .with_state(shared);
    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, app).await
}
