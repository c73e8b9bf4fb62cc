//! Requests and responses, and their one body type: nothing, bytes that are there, or
//! a stream of frames. Limits and time are set where a body is made or read
//! (`server`, `extract::receive`), not here.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// An error of any type, as tower and hyper pass it around.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request with a body that may still be on its way.
pub type Request = http::Request<Body>;

/// An answer.
pub type Response = http::Response<Body>;

/// An answer on its way to the client: it is large and passes through many hands.
pub(crate) type BoxResponse = Box<Response>;

/// The future of a response.
pub(crate) type ResponseFuture = Pin<Box<dyn Future<Output = BoxResponse> + Send>>;

type Stream = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// The body of a request or an answer.
///
/// ```
/// # mod hybrid { pub mod prelude { pub use hybrid_core::body::Body; } }
/// use http_body::Body as _;
/// use hybrid::prelude::*;
///
/// assert_eq!(Body::from("four").size_hint().exact(), Some(4));
/// assert!(Body::empty().is_end_stream());
/// ```
pub struct Body(Repr);

enum Repr {
    /// Bytes that are there; `None` once taken or where there are none.
    Full(Option<Bytes>),
    Stream(Stream),
}

impl Body {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Repr::Full(None))
    }

    /// Wraps any other body; its errors are boxed.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Repr::Stream(Box::pin(Boxed { body })))
    }

    /// Takes the bytes out where they are all there already, without a copy.
    pub(crate) fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.0 {
            Repr::Full(bytes) => Ok(bytes.unwrap_or_default()),
            Repr::Stream(stream) => Err(Self(Repr::Stream(stream))),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Full(bytes) => write!(f, "Body({} bytes)", bytes.as_ref().map_or(0, Bytes::len)),
            Repr::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::Full((!bytes.is_empty()).then_some(bytes)))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Repr::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Repr::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Repr::Full(bytes) => bytes.is_none(),
            Repr::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Repr::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Repr::Stream(stream) => stream.size_hint(),
        }
    }
}

pin_project_lite::pin_project! {
    /// A body with its error boxed.
    struct Boxed<B> {
        #[pin]
        body: B,
    }
}

impl<B> http_body::Body for Boxed<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.project().body.poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The client sends its body too slowly: 408 `request_timeout`.
///
/// The error of a request's body, boxed; it is recognised by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyTooSlow;

impl fmt::Display for BodyTooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body came too slowly")
    }
}

impl std::error::Error for BodyTooSlow {}
