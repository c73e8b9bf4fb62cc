//! axum with the validator crate, as its own examples combine them.

use std::{thread, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
    serve::ListenerExt as _,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use validator::{Validate, ValidationError};

use super::{HELLO, Item, Message, Processed, TRIVIAL, work};

pub(super) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/json", get(json))
        .route("/items/{id}", get(items))
        .route("/process", post(process))
        .route("/async", get(async || TRIVIAL))
        .route("/plain", get(|| on_a_thread(|| ())))
        .route("/sleep5", get(|| on_a_thread(|| sleep(5))))
        .route("/sleep50", get(|| on_a_thread(|| sleep(50))))
        .route("/compute5", get(|| on_a_thread(|| compute(5))))
        .route("/compute10", get(|| on_a_thread(|| compute(10))));
    let listener = listener.tap_io(|stream| {
        // A socket that refuses it is closed already, and serving says so.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await
}

async fn json() -> Json<Message> {
    Json(HELLO)
}

#[derive(Deserialize, Validate)]
struct ItemQuery {
    #[validate(length(min = 1, max = 50))]
    q: String,
    #[validate(range(min = 1, max = 100))]
    #[serde(default = "twenty")]
    limit: u32,
}

fn twenty() -> u32 {
    20
}

async fn items(
    Path(id): Path<u64>,
    Query(query): Query<ItemQuery>,
    headers: HeaderMap,
) -> Result<Json<Item>, (StatusCode, String)> {
    let refused = |text: String| (StatusCode::UNPROCESSABLE_ENTITY, text);
    query
        .validate()
        .map_err(|errors| refused(errors.to_string()))?;
    if id < 1 {
        return Err(refused("id must be at least 1".to_owned()));
    }
    let request_id = match headers.get("x-request-id") {
        Some(id) => id.to_str().map_err(|error| refused(error.to_string()))?,
        None => "unknown",
    };
    let ItemQuery { q, limit } = query;
    Ok(Json(Item {
        id,
        q,
        limit,
        request_id: request_id.to_owned(),
    }))
}

#[derive(Serialize, Deserialize, Validate)]
struct DataItem {
    #[validate(range(min = 1))]
    id: i64,
    #[validate(range(min = 0.0))]
    value: f64,
    #[validate(length(max = 100))]
    name: Option<String>,
}

#[derive(Deserialize, Validate)]
struct ProcessData {
    #[validate(length(min = 1, max = 1000), nested)]
    data: Vec<DataItem>,
    #[validate(custom(function = "known_type"))]
    processing_type: String,
}

fn known_type(text: &str) -> Result<(), ValidationError> {
    match text {
        "standard" | "advanced" | "premium" => Ok(()),
        _ => Err(ValidationError::new("one_of")),
    }
}

async fn process(Json(body): Json<ProcessData>) -> Result<Json<Processed>, (StatusCode, String)> {
    body.validate()
        .map_err(|errors| (StatusCode::UNPROCESSABLE_ENTITY, errors.to_string()))?;
    Ok(Json(Processed {
        count: body
            .data
            .iter()
            .filter(|item| item.id > 0 && item.name.is_some())
            .count(),
        total: body.data.iter().map(|item| item.value).sum(),
        processing_type: body.processing_type,
    }))
}

async fn on_a_thread(job: fn()) -> Result<&'static str, StatusCode> {
    let ended = tokio::task::spawn_blocking(job).await;
    ended.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(TRIVIAL)
}

fn sleep(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

fn compute(milliseconds: u64) {
    work::compute(milliseconds);
}
