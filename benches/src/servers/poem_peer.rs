//! poem with the validator crate, and `spawn_blocking` for blocking work.

use std::io;

use poem::{
    Error, Result, Route, Server, get, handler,
    http::{HeaderMap, StatusCode},
    listener::TcpAcceptor,
    post,
    web::{Json, Path, Query},
};
use tokio::net::TcpListener;

use super::{
    HELLO, Item, Message, Processed, TRIVIAL,
    checked::{self, ItemQuery, ProcessData},
};

pub(super) async fn serve(listener: TcpListener) -> io::Result<()> {
    let routes = Route::new()
        .at("/json", get(json))
        .at("/items/:id", get(items))
        .at("/process", post(process))
        .at("/async", get(trivial))
        .at("/plain", get(plain));
    let acceptor = TcpAcceptor::from_tokio(listener)?;
    Server::new_with_acceptor(acceptor).run(routes).await
}

#[handler]
async fn json() -> Json<Message> {
    Json(HELLO)
}

#[handler]
async fn items(
    Path(id): Path<u64>,
    Query(query): Query<ItemQuery>,
    headers: &HeaderMap,
) -> Result<Json<Item>> {
    let request_id = match headers.get("x-request-id") {
        Some(id) => id.to_str().map_err(|error| refused(error.to_string()))?,
        None => "unknown",
    };
    let item = checked::item(id, query, request_id);
    item.map(Json).map_err(refused)
}

#[handler]
async fn process(Json(body): Json<ProcessData>) -> Result<Json<Processed>> {
    checked::processed(body).map(Json).map_err(refused)
}

fn refused(text: String) -> Error {
    Error::from_string(text, StatusCode::UNPROCESSABLE_ENTITY)
}

#[handler]
async fn trivial() -> &'static str {
    TRIVIAL
}

#[handler]
async fn plain() -> Result<&'static str> {
    let ended = tokio::task::spawn_blocking(|| TRIVIAL).await;
    ended.map_err(poem::error::InternalServerError)
}
