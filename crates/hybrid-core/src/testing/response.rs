//! The answer that a test gets.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::{
    Response, dispatch::Placement, extract::receive::read_to_end, problem::Problem, spec::Lane,
};

/// An answer, its body complete.
#[derive(Debug)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    placement: Option<Placement>,
    body: Bytes,
}

impl TestResponse {
    pub(super) async fn read(response: Response) -> Result<Self, Problem> {
        let (parts, body) = response.into_parts();
        let placement = parts.extensions.get().copied();
        let body = read_to_end(body, usize::MAX).await?;
        Ok(Self {
            status: parts.status,
            headers: parts.headers,
            placement,
            body,
        })
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// One header as text; `None` where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    ///
    /// # Panics
    /// It is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    /// The body, read as JSON.
    ///
    /// # Panics
    /// It is no such JSON; the message shows the body.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {}", String::from_utf8_lossy(&self.body)),
        }
    }

    /// The lane that the handler ran on, or would have run on.
    ///
    /// # Panics
    /// No route of the application answered.
    #[must_use]
    #[track_caller]
    pub fn lane(&self) -> Lane {
        self.placement.expect("a route answered").lane
    }
}
