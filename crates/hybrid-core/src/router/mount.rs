//! Tower services below a path: an axum `Router`, a file server, a proxy. They
//! see the path without the prefix; upgrades pass through, since they travel in
//! the request's extensions.

use std::fmt;

use bytes::Bytes;
use http::{Request as HttpRequest, Uri, uri::PathAndQuery};
use tower::{ServiceExt, util::BoxCloneSyncService};
use tower_service::Service;

use crate::{
    BoxError, Request, Response,
    body::Body,
    problem::Problem,
    respond::{IntoResponse, into_body},
};

/// A mounted service, with the number of segments that its prefix has.
#[derive(Clone)]
pub(crate) struct Mount {
    service: BoxCloneSyncService<Request, Response, BoxError>,
    pub(crate) segments: usize,
    /// The layers around it: an index into the application's stacks.
    pub(crate) stack: Option<usize>,
}

impl Mount {
    pub(crate) fn new<S, B>(service: S) -> Self
    where
        S: Service<HttpRequest<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let service = service
            .map_response(|response: http::Response<B>| response.map(into_body))
            .map_err(Into::into);
        Self {
            service: BoxCloneSyncService::new(service),
            segments: 0,
            stack: None,
        }
    }

    /// Calls the service with the prefix taken off.
    pub(crate) async fn answer(&self, mut request: Request) -> Response {
        let stripped = strip(request.uri(), self.segments);
        *request.uri_mut() = stripped;
        match self.service.clone().oneshot(request).await {
            Ok(response) => response,
            Err(error) => Problem::of_service_error(&error).into_response(),
        }
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mount")
    }
}

/// The target without its first `segments` segments.
fn strip(uri: &Uri, segments: usize) -> Uri {
    let Some(target) = uri.path_and_query().filter(|_| segments > 0) else {
        return uri.clone();
    };
    let path = target.path();
    let starts = path.match_indices('/').map(|(at, _)| at);
    let rest = starts.clone().nth(segments).map_or("/", |at| &path[at..]);
    let rest = match target.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    // A piece of a valid target is a valid target.
    parts.path_and_query = PathAndQuery::try_from(rest).ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, segments: usize, expected: &str) {
        let uri: Uri = uri.parse().expect("a target");
        assert_eq!(strip(&uri, segments).to_string(), expected);
    }

    #[test]
    fn the_prefix_is_taken_off() {
        check("/legacy/users?x=1", 1, "/users?x=1");
        check("/legacy", 1, "/");
        check("/legacy/", 1, "/");
        check("/a/b/c/d", 2, "/c/d");
        check("/whole", 0, "/whole");
        check("http://host/a/b", 1, "http://host/b");
    }
}
