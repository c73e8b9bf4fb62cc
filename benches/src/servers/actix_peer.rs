//! actix-web with the validator crate, and `web::block` for blocking work.

use std::{io, net::TcpListener, thread, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, error, web};

use super::{
    HELLO, Item, Message, Processed, TRIVIAL,
    checked::{self, ItemQuery, ProcessData},
    work,
};

pub(super) fn serve(listener: TcpListener, loops: usize) -> io::Result<()> {
    let routes = || {
        App::new()
            .route("/json", web::get().to(json))
            .route("/items/{id}", web::get().to(items))
            .route("/process", web::post().to(process))
            .route("/async", web::get().to(|| async { TRIVIAL }))
            .route("/plain", web::get().to(|| on_a_thread(|| ())))
            .route("/sleep5", web::get().to(|| on_a_thread(|| sleep(5))))
            .route("/sleep50", web::get().to(|| on_a_thread(|| sleep(50))))
            .route("/compute5", web::get().to(|| on_a_thread(|| compute(5))))
            .route("/compute10", web::get().to(|| on_a_thread(|| compute(10))))
            .route(
                "/compute300",
                web::get().to(|| on_a_thread(|| compute(300))),
            )
            .route(
                "/work10us",
                web::get().to(|| on_a_thread(|| compute_us(10))),
            )
            .route(
                "/work100us",
                web::get().to(|| on_a_thread(|| compute_us(100))),
            )
            .route(
                "/work500us",
                web::get().to(|| on_a_thread(|| compute_us(500))),
            )
            .route("/work3ms", web::get().to(|| on_a_thread(|| compute(3))))
            .route("/nap", web::get().to(|| on_a_thread(nap)))
    };
    let server = HttpServer::new(routes)
        .workers(loops)
        .disable_signals()
        .listen(listener)?;
    actix_web::rt::System::new().block_on(server.run())
}

async fn json() -> web::Json<Message> {
    web::Json(HELLO)
}

async fn items(
    request: HttpRequest,
    id: web::Path<u64>,
    query: web::Query<ItemQuery>,
) -> actix_web::Result<web::Json<Item>> {
    let request_id = match request.headers().get("x-request-id") {
        Some(id) => id.to_str().map_err(error::ErrorUnprocessableEntity)?,
        None => "unknown",
    };
    let item = checked::item(*id, query.into_inner(), request_id);
    item.map(web::Json).map_err(error::ErrorUnprocessableEntity)
}

async fn process(body: web::Json<ProcessData>) -> actix_web::Result<web::Json<Processed>> {
    let processed = checked::processed(body.into_inner());
    processed
        .map(web::Json)
        .map_err(error::ErrorUnprocessableEntity)
}

async fn on_a_thread(job: fn()) -> HttpResponse {
    match web::block(job).await {
        Ok(()) => HttpResponse::Ok().body(TRIVIAL),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
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
