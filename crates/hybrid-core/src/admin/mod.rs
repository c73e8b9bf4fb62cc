//! The admin endpoints: what an operator asks an application about itself.
//!
//! ```text
//! /routes  /lanes          JSON, in full
//! /metrics                 Prometheus' text formats
//! /health/live  /ready     for whoever starts, stops and balances it
//! ```
//!
//! They stand below a path of the application (`App::admin_at`), or at the root
//! of a listener of their own ([`server`]), which answers to the very end of a
//! stop. Either way they are answered on the event loop: they wait for no thread
//! and no queue, and take no lock but the control plane's. The application's
//! layers are not around them, and requests to them are not counted.
//!
//! Nothing is measured or decided here: [`decided`] asks the balancer, the rest
//! asks [`telemetry`](crate::telemetry) and the pool.

mod decided;
mod health;
mod lanes;
mod metrics;
mod routes;
mod server;
mod time;

use http::{HeaderValue, Method, header};
use serde::Serialize;

pub use metrics::names::{Kind as MetricKind, METRICS, Metric};
pub(crate) use server::AdminServer;

use crate::{
    Request, Response,
    app::Frozen,
    body::Body,
    problem::{Problem, kinds},
    respond::IntoResponse,
};

/// What the root answers: where the rest is.
const CONTENTS: &str = "routes\nlanes\nmetrics\nhealth/live\nhealth/ready\n";

/// Answers a request to the admin endpoint of that path, below their root.
///
/// # Errors
/// There is none of that path, or it does not take that method.
pub(crate) fn answer(app: &Frozen, path: &str, request: &Request) -> Result<Response, Problem> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    check_token(app, path, request)?;
    let answer: fn(&Frozen, &Request) -> Response = match path {
        "" => |_, _| CONTENTS.into_response(),
        "routes" => |app, _| json(&routes::all(app)),
        "lanes" => |app, _| json(&lanes::all(app)),
        "metrics" => |app, request| metrics::answer(app, request.headers()),
        "health/live" => |_, _| health::live(),
        "health/ready" => |app, _| health::ready(app),
        _ => return Err(Problem::of(&kinds::NOT_FOUND)),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = HeaderValue::from_static("GET, HEAD");
        return Err(Problem::of(&kinds::METHOD_NOT_ALLOWED).with_header(header::ALLOW, allow));
    }
    let mut response = answer(app, request);
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// What holds data asks for the `admin_token`, where there is one. A path that is
/// none of ours asks as well: what there is, is for those who have it.
fn check_token(app: &Frozen, path: &str, request: &Request) -> Result<(), Problem> {
    let is_open = matches!(path, "" | "health/live" | "health/ready");
    let Some(token) = app.settings().admin_token.as_ref().filter(|_| !is_open) else {
        return Ok(());
    };
    let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
    let bearer = given.next().and_then(|value| bearer(value.as_bytes()));
    if bearer.is_some_and(|bearer| token.is(bearer)) && given.next().is_none() {
        return Ok(());
    }
    Err(Problem::unauthorized(
        "the admin endpoints ask for their token",
    ))
}

/// The token of `Bearer <token>`; the scheme is in any case (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => with_type(text, "application/json"),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn with_type(body: impl Into<Body>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
