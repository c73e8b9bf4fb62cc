//! A response's head as the head of an answer, and the checks of what a worker sends.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response};
use hybrid_engine::process::{HeadBuffer, HeadBytes, Malformed, TooLong, fields::at_most};
use serde::{Deserialize, Serialize};

use super::request::headers;
use crate::{
    log::{clip, requests::Failure},
    telemetry::SOURCES,
};

/// The most headers that a response of a worker has.
pub(super) const HEADERS_MAX: usize = 256;

/// The most refused values that a response of a worker reports.
pub(crate) const REFUSED_MAX: usize = 64;

/// A response without its body. Nothing in it was checked: see [`check`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ResponseMessage<'a> {
    pub(super) status: u16,
    #[serde(
        borrow,
        serialize_with = "headers",
        deserialize_with = "at_most::<HEADERS_MAX, _, _>"
    )]
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    /// For each value that was refused, which of [`SOURCES`] it came from.
    #[serde(deserialize_with = "at_most::<REFUSED_MAX, _, _>")]
    pub(super) refused: Vec<u8>,
    /// What the server's log is told of a failure.
    #[serde(borrow)]
    pub(super) failure: Option<&'a str>,
}

/// A response without its body, after all checks: nothing in it can harm the server.
#[derive(Clone, Debug)]
pub(crate) struct CheckedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Each is an index of [`SOURCES`].
    pub(crate) refused: Vec<u8>,
    pub(crate) failure: Option<Box<str>>,
}

/// Writes the head of a response, in a worker.
///
/// # Errors
/// It is too long for a message.
pub(crate) fn write(
    head: &response::Parts,
    refused: Vec<u8>,
    into: &mut HeadBuffer<'_>,
) -> Result<(), TooLong> {
    let headers = head.headers.iter();
    let failure: Option<&Failure> = head.extensions.get();
    into.write(&ResponseMessage {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect(),
        refused,
        failure: failure.map(|failure| &*failure.0),
    })
}

/// Reads the head of a response to that method, whose body has that length.
///
/// # Errors
/// It is no such head, or one that no sound worker sends.
pub(super) fn read(
    head: HeadBytes<'_>,
    method: &Method,
    body_bytes: u64,
) -> Result<CheckedResponse, Malformed> {
    check(head.read()?, method, body_bytes)
}

/// Makes all checks of a response's head.
///
/// Headers that frame a response are the server's to write: `Transfer-Encoding` is left
/// out, and so is a `Content-Length` that is not the body's. With them a worker could put
/// a second response into the bytes of its body, for the next request on the connection.
/// A response to HEAD has no such bytes: where the handler made none, it may say how many
/// a GET would have.
pub(super) fn check(
    message: ResponseMessage<'_>,
    method: &Method,
    body_bytes: u64,
) -> Result<CheckedResponse, Malformed> {
    if message.refused.len() > REFUSED_MAX {
        return malformed("too many entries in a list");
    }
    let is_unknown = |source: &u8| usize::from(*source) >= SOURCES.len();
    if message.refused.iter().any(is_unknown) {
        return malformed("a value was refused that came from nowhere");
    }
    let length = (body_bytes > 0 || method != Method::HEAD).then_some(body_bytes);
    Ok(CheckedResponse {
        status: checked_status(message.status)?,
        headers: checked_headers(&message.headers, length)?,
        refused: message.refused,
        failure: message.failure.map(|text| clip(text).into()),
    })
}

fn malformed<T>(what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed::new(what))
}

fn checked_status(status: u16) -> Result<StatusCode, Malformed> {
    match StatusCode::from_u16(status) {
        Ok(checked) if (200..600).contains(&status) => Ok(checked),
        _ => malformed(format!("status {status}")),
    }
}

/// `None`: any length will do.
fn checked_headers(
    list: &[(&str, &[u8])],
    body_length: Option<u64>,
) -> Result<HeaderMap, Malformed> {
    if list.len() > HEADERS_MAX {
        return malformed(format!("{} headers", list.len()));
    }
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            let name: String = name.chars().take(100).collect();
            return malformed(format!("a header named {name:?}"));
        };
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return malformed(format!("the value of header `{name:.100}`"));
        };
        if name == header::CONTENT_LENGTH {
            // Once, and in the one form that every reader takes for the same number.
            let told = || value.to_str().ok()?.parse().ok();
            if body_length.or_else(told).map(HeaderValue::from).as_ref() == Some(&value) {
                headers.insert(name, value);
            }
        } else if name != header::TRANSFER_ENCODING {
            headers.append(name, value);
        }
    }
    Ok(headers)
}
