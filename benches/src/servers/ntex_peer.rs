//! ntex on tokio with the validator crate, and `web::block` for blocking work.

use std::{convert::Infallible, io, net::TcpListener};

use ntex::web::{self, App, HttpRequest, HttpResponse, HttpServer, error};

use super::{
    HELLO, TRIVIAL,
    checked::{self, ItemQuery, ProcessData},
};

pub(super) fn serve(listener: TcpListener, loops: usize) -> io::Result<()> {
    let routes = || {
        App::new()
            .route("/json", web::get().to(json))
            .route("/items/{id}", web::get().to(items))
            .route("/process", web::post().to(process))
            .route("/async", web::get().to(|| async { TRIVIAL }))
            .route("/plain", web::get().to(plain))
    };
    ntex::rt::System::new("bench").block_on(async move {
        let server = HttpServer::new(routes)
            .workers(loops)
            .disable_signals()
            .listen(listener)?;
        server.run().await
    })
}

async fn json() -> HttpResponse {
    HttpResponse::Ok().json(&HELLO)
}

async fn items(
    request: HttpRequest,
    id: web::types::Path<u64>,
    query: web::types::Query<ItemQuery>,
) -> Result<HttpResponse, error::InternalError<String>> {
    let request_id = match request.headers().get("x-request-id") {
        Some(id) => id
            .to_str()
            .map_err(|error| error::ErrorUnprocessableEntity(error.to_string()))?,
        None => "unknown",
    };
    let item = checked::item(*id, query.into_inner(), request_id);
    let item = item.map_err(error::ErrorUnprocessableEntity)?;
    Ok(HttpResponse::Ok().json(&item))
}

async fn process(
    body: web::types::Json<ProcessData>,
) -> Result<HttpResponse, error::InternalError<String>> {
    let processed = checked::processed(body.into_inner());
    let processed = processed.map_err(error::ErrorUnprocessableEntity)?;
    Ok(HttpResponse::Ok().json(&processed))
}

async fn plain() -> HttpResponse {
    match web::block(|| Ok::<_, Infallible>(TRIVIAL)).await {
        Ok(text) => HttpResponse::Ok().body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
