//! hybrid with every limit and time limit at its default.

use std::{thread, time::Duration};

use hybrid::prelude::*;
use tokio::net::TcpListener;

use super::{HELLO, Item, Message, Processed, TRIVIAL, work};

pub(super) async fn serve(listener: TcpListener) -> hybrid::Result<()> {
    App::new()
        .routes(routes![json, items, process])
        .routes(routes![
            trivial, plain, sleep5, sleep50, compute5, compute10
        ])
        .routes(routes![sleep250, spin])
        .routes(routes![
            work10us, work100us, work500us, work3ms, nap, compute300
        ])
        .serve(listener)
        .await
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(HELLO)
}

#[get("/items/{id}")]
async fn items(
    #[path(ge = 1)] id: u64,
    #[query(min_length = 1, max_length = 50)] q: String,
    #[query(ge = 1, le = 100, default = 20)] limit: u32,
    #[header("x-request-id", default = "unknown")] request_id: String,
) -> Json<Item> {
    Json(Item {
        id,
        q,
        limit,
        request_id,
    })
}

#[model(input)]
struct DataItem {
    #[field(ge = 1)]
    id: i64,
    #[field(ge = 0.0)]
    value: f64,
    #[field(max_length = 100)]
    name: Option<String>,
}

#[model(input)]
struct ProcessData {
    #[field(min_items = 1, max_items = 1000)]
    data: Vec<DataItem>,
    #[field(one_of = ["standard", "advanced", "premium"])]
    processing_type: String,
}

#[post("/process")]
async fn process(Json(body): Json<ProcessData>) -> Json<Processed> {
    Json(Processed {
        count: body
            .data
            .iter()
            .filter(|item| item.id > 0 && item.name.is_some())
            .count(),
        total: body.data.iter().map(|item| item.value).sum(),
        processing_type: body.processing_type,
    })
}

#[get("/async")]
async fn trivial() -> &'static str {
    TRIVIAL
}

#[get("/plain")]
fn plain() -> &'static str {
    TRIVIAL
}

#[get("/sleep5")]
fn sleep5() -> &'static str {
    thread::sleep(Duration::from_millis(5));
    TRIVIAL
}

#[get("/sleep50")]
fn sleep50() -> &'static str {
    thread::sleep(Duration::from_millis(50));
    TRIVIAL
}

#[get("/sleep250")]
fn sleep250() -> &'static str {
    thread::sleep(Duration::from_millis(250));
    TRIVIAL
}

#[get("/compute5")]
fn compute5() -> &'static str {
    work::compute(5);
    TRIVIAL
}

#[get("/compute10")]
fn compute10() -> &'static str {
    work::compute(10);
    TRIVIAL
}

/// An `async fn` that blocks its event loop, as a bad example.
#[get("/spin")]
async fn spin() -> &'static str {
    work::compute(50);
    TRIVIAL
}

#[get("/work10us")]
fn work10us() -> &'static str {
    work::compute_us(10);
    TRIVIAL
}

#[get("/work100us")]
fn work100us() -> &'static str {
    work::compute_us(100);
    TRIVIAL
}

#[get("/work500us")]
fn work500us() -> &'static str {
    work::compute_us(500);
    TRIVIAL
}

#[get("/work3ms")]
fn work3ms() -> &'static str {
    work::compute(3);
    TRIVIAL
}

#[get("/compute300")]
fn compute300() -> &'static str {
    work::compute(300);
    TRIVIAL
}

#[get("/nap")]
fn nap() -> &'static str {
    thread::sleep(Duration::from_millis(2));
    work::compute_us(500);
    TRIVIAL
}
