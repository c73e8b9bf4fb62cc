//! axum with the validator crate, combined as in axum's examples.

use std::{thread, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
    serve::ListenerExt as _,
};
use tokio::net::TcpListener;

use super::{
    HELLO, Item, Message, Processed, TRIVIAL,
    checked::{self, ItemQuery, ProcessData},
    work,
};

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
        .route("/compute10", get(|| on_a_thread(|| compute(10))))
        .route("/compute300", get(|| on_a_thread(|| compute(300))))
        .route("/work10us", get(|| on_a_thread(|| compute_us(10))))
        .route("/work100us", get(|| on_a_thread(|| compute_us(100))))
        .route("/work500us", get(|| on_a_thread(|| compute_us(500))))
        .route("/work3ms", get(|| on_a_thread(|| compute(3))))
        .route("/nap", get(|| on_a_thread(nap)));
    let listener = listener.tap_io(|stream| {
        // If the socket refuses this, it is closed already, and serving reports that.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await
}

async fn json() -> Json<Message> {
    Json(HELLO)
}

async fn items(
    Path(id): Path<u64>,
    Query(query): Query<ItemQuery>,
    headers: HeaderMap,
) -> Result<Json<Item>, Refused> {
    let request_id = match headers.get("x-request-id") {
        Some(id) => id.to_str().map_err(|error| refused(error.to_string()))?,
        None => "unknown",
    };
    let item = checked::item(id, query, request_id);
    item.map(Json).map_err(refused)
}

async fn process(Json(body): Json<ProcessData>) -> Result<Json<Processed>, Refused> {
    checked::processed(body).map(Json).map_err(refused)
}

type Refused = (StatusCode, String);

fn refused(text: String) -> Refused {
    (StatusCode::UNPROCESSABLE_ENTITY, text)
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

fn compute_us(microseconds: u64) {
    work::compute_us(microseconds);
}

fn nap() {
    sleep(2);
    compute_us(500);
}
