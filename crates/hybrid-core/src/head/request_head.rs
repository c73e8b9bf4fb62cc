//! A request's head: what the client sent before the body, and the route that it
//! matched.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use smallvec::SmallVec;

use super::{Peer, Route};

/// The head of a request: method, target, headers, and the route it matched.
///
/// Derefs to [`http::request::Parts`], so `head.method`, `head.uri` and
/// `head.headers` are there.
pub struct Head {
    request_head: Box<RequestHead>,
    matched: Option<Matched>,
}

/// What came of a request before its body, and from where. It is large and passes
/// through many hands: hence its box, which holds both since allocators like
/// sizes that are powers of two.
#[derive(Clone)]
pub(crate) struct RequestHead {
    pub(crate) http: http::request::Parts,
    pub(crate) peer: Peer,
}

/// The values of a path. Most templates have no more than fit in place.
pub(crate) type PathValues = SmallVec<[Box<str>; 2]>;

/// The route of a request and the values of its path, decoded, in the order of
/// the route's names.
#[derive(Clone)]
pub(crate) struct Matched {
    pub(crate) route: Arc<Route>,
    pub(crate) values: PathValues,
}

impl RequestHead {
    pub(crate) fn new(http: http::request::Parts, peer: Peer) -> Box<Self> {
        Box::new(Self { http, peer })
    }
}

impl Head {
    pub(crate) fn new(request_head: Box<RequestHead>, matched: Option<Matched>) -> Self {
        Self {
            request_head,
            matched,
        }
    }

    /// One header as text; `None` where it is absent or no visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request_head.http.headers.get(name)?.to_str().ok()
    }

    /// The value of a `{name}` in the route's path, percent-decoded.
    #[must_use]
    pub fn path_value(&self, name: &str) -> Option<&str> {
        let matched = self.matched.as_ref()?;
        let index = matched.route.names.iter().position(|n| **n == *name)?;
        matched.values.get(index).map(|value| &**value)
    }

    /// All names and values of the path, in the order of the template.
    pub fn path_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.matched.iter().flat_map(|matched| {
            let names = matched.route.names.iter().map(|name| &**name);
            names.zip(matched.values.iter().map(|value| &**value))
        })
    }

    /// The template of the route that matched, `/users/{id}` say.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.matched
            .as_ref()
            .map(|matched| matched.route.path.as_str())
    }

    pub(crate) fn peer(&self) -> Peer {
        self.request_head.peer
    }

    pub(crate) fn matched(&self) -> Option<&Matched> {
        self.matched.as_ref()
    }

    pub(crate) fn into_http(self) -> http::request::Parts {
        self.request_head.http
    }
}

impl Deref for Head {
    type Target = http::request::Parts;

    fn deref(&self) -> &Self::Target {
        &self.request_head.http
    }
}

impl DerefMut for Head {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.request_head.http
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.request_head.http.method)
            .field("uri", &self.request_head.http.uri)
            .field("route", &self.route())
            .finish_non_exhaustive()
    }
}
