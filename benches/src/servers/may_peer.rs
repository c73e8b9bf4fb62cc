//! may_minihttp: coroutines and little else. It has no router and no checks, so it only serves
//! `/json`. It opens its socket itself.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

use bytes::BufMut as _;
use may_minihttp::{HttpServer, HttpService, Request, Response};

use super::{HELLO, TRIVIAL, announce};

pub(super) fn serve(loops: usize) -> io::Result<()> {
    may::config().set_workers(loops);
    // It does not report its port, so this finds a free one first.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let server = HttpServer(Routes).start(free)?;
    announce(free);
    server
        .join()
        .map_err(|_| io::Error::other("the server panicked"))
}

#[derive(Clone)]
struct Routes;

impl HttpService for Routes {
    fn call(
        &mut self,
        request: Request<'_, '_, '_>,
        response: &mut Response<'_>,
    ) -> io::Result<()> {
        match request.path() {
            "/json" => {
                response.header("Content-Type: application/json");
                serde_json::to_writer(response.body_mut().writer(), &HELLO)?;
            }
            "/async" => {
                response.header("Content-Type: text/plain");
                response.body(TRIVIAL);
            }
            _ => {
                response.status_code(404, "Not Found");
            }
        }
        Ok(())
    }
}
