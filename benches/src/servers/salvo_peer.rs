//! salvo with the validator crate, and `spawn_blocking` for blocking work.

use std::io;

use salvo::{
    conn::tcp::TcpAcceptor,
    prelude::{Json, Request, Router, Server, StatusError, handler},
};
use tokio::net::TcpListener;

use super::{HELLO, Item, Message, Processed, TRIVIAL, checked};

pub(super) async fn serve(listener: TcpListener) -> io::Result<()> {
    let routes = Router::new()
        .push(Router::with_path("json").get(json))
        .push(Router::with_path("items/{id}").get(items))
        .push(Router::with_path("process").post(process))
        .push(Router::with_path("async").get(trivial))
        .push(Router::with_path("plain").get(plain));
    let acceptor = TcpAcceptor::try_from(listener)?;
    Server::new(acceptor).try_serve(routes).await
}

#[handler]
async fn json() -> Json<Message> {
    Json(HELLO)
}

#[handler]
async fn items(request: &mut Request) -> Result<Json<Item>, StatusError> {
    let id = request.param("id").ok_or_else(|| refused("id"))?;
    let query = request.parse_queries().map_err(refused)?;
    let request_id = match request.headers().get("x-request-id") {
        Some(id) => id.to_str().map_err(refused)?,
        None => "unknown",
    };
    checked::item(id, query, request_id)
        .map(Json)
        .map_err(refused)
}

#[handler]
async fn process(request: &mut Request) -> Result<Json<Processed>, StatusError> {
    let body = request.parse_json().await.map_err(refused)?;
    checked::processed(body).map(Json).map_err(refused)
}

fn refused(cause: impl ToString) -> StatusError {
    StatusError::unprocessable_entity().brief(cause.to_string())
}

#[handler]
async fn trivial() -> &'static str {
    TRIVIAL
}

#[handler]
async fn plain() -> Result<&'static str, StatusError> {
    let ended = tokio::task::spawn_blocking(|| TRIVIAL).await;
    ended.map_err(|_| StatusError::internal_server_error())
}
