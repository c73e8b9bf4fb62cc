//! The response to a request for an admin endpoint.

use http::{HeaderValue, Method, header};
use serde::Serialize;

use super::{health, lanes, metrics, routes};
use crate::{
    Request, Response,
    context::ServerContext,
    head::{Head, Peer, RequestHead},
    problem::{Problem, kinds},
    respond::{IntoResponse, with_type},
};

/// What the root answers: where the rest is.
const CONTENTS: &str = "routes\nlanes\nmetrics\nhealth/live\nhealth/ready\n";

/// Answers a request to the admin endpoint of that path, below their root.
///
/// # Errors
/// There is none of that path, or it does not take that method.
/// Answers a request to the admin endpoint at that path.
pub(crate) fn answer(
    context: &ServerContext,
    path: &str,
    request: Request,
    peer: Peer,
) -> Response {
    find(context, path, &request).unwrap_or_else(|problem| {
        let request_head = RequestHead::new(request.into_parts().0, peer);
        context.render(&problem, &Head::new(request_head, None))
    })
}

fn find(context: &ServerContext, path: &str, request: &Request) -> Result<Response, Problem> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    check_token(context, path, request)?;
    let answer: fn(&ServerContext, &Request) -> Response = match path {
        "" => |_, _| CONTENTS.into_response(),
        "routes" => |context, _| json(&routes::all(context)),
        "lanes" => |context, _| json(&lanes::all(context)),
        "metrics" => |context, request| metrics::answer(context, request.headers()),
        "health/live" => |_, _| health::live(),
        "health/ready" => |context, _| health::ready(context),
        _ => return Err(Problem::of(&kinds::NOT_FOUND)),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = HeaderValue::from_static("GET, HEAD");
        return Err(Problem::of(&kinds::METHOD_NOT_ALLOWED).with_header(header::ALLOW, allow));
    }
    let mut response = answer(context, request);
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// What holds data asks for the `admin_token`, where there is one. A path that is
/// none of ours asks as well: what there is needs the token.
fn check_token(context: &ServerContext, path: &str, request: &Request) -> Result<(), Problem> {
    let is_open = matches!(path, "" | "health/live" | "health/ready");
    let Some(token) = context.settings().admin_token.as_ref().filter(|_| !is_open) else {
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
