//! actix-web, with `web::block` for what blocks.

use std::{io, net::TcpListener, thread, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web};

use super::{TRIVIAL, work};

pub(super) fn serve(listener: TcpListener, loops: usize) -> io::Result<()> {
    let routes = || {
        App::new()
            .route("/async", web::get().to(|| async { TRIVIAL }))
            .route("/plain", web::get().to(|| on_a_thread(|| ())))
            .route("/sleep5", web::get().to(|| on_a_thread(|| sleep(5))))
            .route("/sleep50", web::get().to(|| on_a_thread(|| sleep(50))))
            .route("/compute5", web::get().to(|| on_a_thread(|| compute(5))))
            .route("/compute10", web::get().to(|| on_a_thread(|| compute(10))))
    };
    let server = HttpServer::new(routes)
        .workers(loops)
        .disable_signals()
        .listen(listener)?;
    actix_web::rt::System::new().block_on(server.run())
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
