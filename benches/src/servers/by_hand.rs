//! hyper alone: the cost of a handler with hand-written code around it. There are no time limits,
//! and no limits on heads or bodies except hyper's own.

use std::{borrow::Cow, convert::Infallible};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpListener;

use super::{HELLO, Item};

pub(super) async fn serve(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // If the socket refuses this, it is closed already, and serving reports that.
        let _ = stream.set_nodelay(true);
        let serving =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(serving);
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let answer = match (request.method(), path) {
        (&Method::GET, "/json") => Ok(json(&HELLO)),
        (&Method::GET, path) if path.starts_with("/items/") => {
            item(&request).map(|item| json(&item))
        }
        _ => Err(StatusCode::NOT_FOUND),
    };
    Ok(answer.unwrap_or_else(|status| {
        let mut response = Response::default();
        *response.status_mut() = status;
        response
    }))
}

fn item(request: &Request<Incoming>) -> Result<Item, StatusCode> {
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let id = request
        .uri()
        .path()
        .strip_prefix("/items/")
        .ok_or(refused)?;
    let id: u64 = id.parse().ok().filter(|id| *id >= 1).ok_or(refused)?;
    let (mut q, mut limit) = (None, None);
    for (key, value) in form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes()) {
        match &*key {
            "q" => q = Some(value),
            "limit" => limit = Some(value),
            _ => {}
        }
    }
    let q = q.map(Cow::into_owned).ok_or(refused)?;
    if !(1..=50).contains(&q.chars().count()) {
        return Err(refused);
    }
    let limit = limit
        .map_or(Ok(20), |limit| limit.parse())
        .map_err(|_| refused)?;
    if !(1..=100).contains(&limit) {
        return Err(refused);
    }
    let request_id = match request.headers().get("x-request-id") {
        Some(id) => id.to_str().map_err(|_| refused)?.to_owned(),
        None => "unknown".to_owned(),
    };
    Ok(Item {
        id,
        q,
        limit,
        request_id,
    })
}

fn json(value: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(value).expect("strings and numbers serialise");
    let mut response = Response::new(Full::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
