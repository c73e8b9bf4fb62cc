//! A request's head as the head of a call.

use std::{
    borrow::Cow,
    hash::Hasher,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderName, HeaderValue, Method, Uri, Version, request};
use hybrid_engine::process::{HeadBuffer, HeadBytes, TooLong, fields};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    BoxError,
    head::{ClientAddr, Head, PathValues, Peer},
};

/// The largest head that a call takes besides a body, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What the server did with the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BodyState {
    /// It is the body of the call, or there is none.
    Complete,
    /// It is larger than the route takes, and was not read.
    TooLarge,
    /// It is of a type that the route does not take, and was not read.
    Unread,
}

/// A request without its body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestMessage<'a> {
    pub(super) method: &'a str,
    #[serde(borrow)]
    pub(super) target: Cow<'a, str>,
    /// 9, 10, 11, 20 or 30.
    pub(super) version: u8,
    #[serde(borrow, serialize_with = "headers")]
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    /// The values of the path's parameters, in the pattern's order.
    #[serde(borrow)]
    pub(super) path_values: Vec<&'a str>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) client: Option<IpAddr>,
    pub(super) body: BodyState,
}

/// A request without its body, in the worker.
pub(crate) struct ReceivedRequest {
    pub(crate) http: request::Parts,
    pub(crate) peer: Peer,
    pub(crate) path_values: PathValues,
    pub(crate) body: BodyState,
}

/// Writes headers with their values in one piece each.
pub(super) fn headers<S: Serializer>(
    list: &[(&str, &[u8])],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    struct Value<'a>(&'a [u8]);
    impl Serialize for Value<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            fields::bytes(self.0, serializer)
        }
    }
    serializer.collect_seq(list.iter().map(|(name, value)| (name, Value(value))))
}

// === On the server ===

/// Writes the head of a request.
///
/// # Errors
/// It is too long for a message.
pub(super) fn write(
    head: &Head,
    body: BodyState,
    into: &mut HeadBuffer<'_>,
) -> Result<(), TooLong> {
    let headers = head.headers.iter();
    let client: Option<ClientAddr> = head.extensions.get().copied();
    into.write(&RequestMessage {
        method: head.method.as_str(),
        target: target_of(&head.uri),
        version: version_number(head.version),
        headers: headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect(),
        path_values: head.path_values().map(|(_, value)| value).collect(),
        peer: head.peer().addr,
        client: client.map(|client| client.ip()),
        body,
    })
}

/// About how long a head is in a message, lengths and numbers included.
pub(crate) fn encoded_bytes(head: &Head) -> usize {
    const EACH: usize = 8;
    let headers = head.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + EACH)
        .sum();
    let values: usize = head
        .path_values()
        .map(|(_, value)| value.len() + EACH)
        .sum();
    headers + values + target_of(&head.uri).len()
}

/// Hashes method and target, which together with the body identify a request. No byte
/// of either is 0xff, in UTF-8.
pub(super) fn hash_identity(method: &Method, uri: &Uri, hasher: &mut dyn Hasher) {
    for part in [method.as_str(), &target_of(uri)] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
}

fn target_of(uri: &Uri) -> Cow<'_, str> {
    match uri.path_and_query() {
        Some(target) if target.as_str().starts_with(['/', '*']) => target.as_str().into(),
        // It begins with the query, before which a slash is written.
        Some(target) => target.to_string().into(),
        None => uri.path().into(),
    }
}

fn version_number(version: Version) -> u8 {
    match version {
        Version::HTTP_09 => 9,
        Version::HTTP_10 => 10,
        Version::HTTP_2 => 20,
        Version::HTTP_3 => 30,
        _ => 11,
    }
}

// === In a worker ===

/// Reads the head of a request.
///
/// # Errors
/// It is no such head. The server sends none that is not.
pub(crate) fn read(head: HeadBytes<'_>) -> Result<ReceivedRequest, BoxError> {
    let message: RequestMessage<'_> = head.read()?;
    let mut http = http::Request::new(()).into_parts().0;
    http.method = Method::from_bytes(message.method.as_bytes())?;
    http.uri = message.target.parse::<Uri>()?;
    http.version = version_of(message.version);
    http.headers.reserve(message.headers.len());
    for (name, value) in &message.headers {
        http.headers.append(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_bytes(value)?,
        );
    }
    if let Some(ip) = message.client {
        http.extensions.insert(ClientAddr::of_ip(ip));
    }
    Ok(ReceivedRequest {
        http,
        peer: Peer { addr: message.peer },
        path_values: message.path_values.into_iter().map(Box::from).collect(),
        body: message.body,
    })
}

fn version_of(number: u8) -> Version {
    match number {
        9 => Version::HTTP_09,
        10 => Version::HTTP_10,
        20 => Version::HTTP_2,
        30 => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn a_request_is_identified_by_method_and_target() {
        let keys = RandomState::new();
        let identity = |method: &str, target: &str| {
            let mut hasher = keys.build_hasher();
            let method = method.parse().unwrap();
            hash_identity(&method, &target.parse().unwrap(), &mut hasher);
            hasher.finish()
        };
        assert_eq!(identity("POST", "/a"), identity("POST", "/a"));
        assert_eq!(identity("POST", "/a"), identity("POST", "http://host/a"));
        assert_ne!(identity("POST", "/a"), identity("PUT", "/a"));
        assert_ne!(identity("POST", "/a"), identity("POST", "/a?x"));
        assert_ne!(identity("POST", "/a"), identity("POS", "/Ta"));
    }

    #[test]
    fn a_target_begins_with_a_slash_or_is_an_asterisk() {
        let target = |uri: &str| target_of(&uri.parse().unwrap()).into_owned();
        assert_eq!(target("http://host?q=1"), "/?q=1");
        assert_eq!(target("http://host"), "/");
        assert_eq!(target("/a?b=c"), "/a?b=c");
        assert_eq!(target("*"), "*");
    }
}
