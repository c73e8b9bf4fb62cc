//! What a handler may return, and how it becomes a response.

use std::{any::Any, borrow::Cow, convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::IntoHeaders;
use crate::{
    BoxError, Response,
    body::Body,
    problem::{Carried, ErrorFormat, Problem, kinds},
};

/// What a handler may return.
///
/// ```
/// # mod hybrid { pub mod prelude { pub use hybrid_core::{problem::Problem, respond::IntoResponse}; } }
/// use hybrid::prelude::*;
///
/// assert_eq!("hello".into_response().status(), 200);
/// assert_eq!(().into_response().status(), 204);
/// assert_eq!(None::<&str>.into_response().status(), 404);
/// assert_eq!(Err::<&str, _>(Problem::conflict("taken")).into_response().status(), 409);
/// // A text says no status: as an error it is a 500, and its text reaches the log alone.
/// assert_eq!(Err::<&str, _>("disk full").into_response().status(), 500);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer that a handler can return",
    label = "not an answer",
    note = "return `Json<T>` with `T: Serialize`, `String`, `&'static str`, `Html<_>`, `StatusCode`, \
            `Option<_>`, `Result<_, E>`, a tuple such as `(StatusCode, Json<T>)`, or implement `IntoResponse`"
)]
pub trait IntoResponse {
    /// Makes the response.
    fn into_response(self) -> Response;

    /// Makes the response where the value is an `Err`: of a handler, of a middleware,
    /// or as the refusal of a guard.
    ///
    /// A type that says no status of its own (a text, bytes, `Html`, `Json`, `()`)
    /// answers 200 where it is returned. As an `Err` it is a 500 `internal_error`: its
    /// text reaches the log and not the client. Every other type answers the same in
    /// both places.
    fn into_error_response(self) -> Response
    where
        Self: Sized,
    {
        self.into_response()
    }
}

/// The 500 of an `Err` that says no status.
pub(crate) fn without_status<T>(said: &str) -> Response {
    let name = std::any::type_name::<T>();
    let text = format!(
        "an `Err` of type `{name}` has no status: return `(StatusCode, _)` or a `Problem`{said}"
    );
    Problem::internal(text).into_response()
}

/// An answer of type `text/html; charset=utf-8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Html<T>(pub T);

/// A response with that body and that `Content-Type`.
pub(crate) fn with_type(body: impl Into<Body>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

pub(super) const TEXT: &str = "text/plain; charset=utf-8";

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        with_type(self, TEXT)
    }

    fn into_error_response(self) -> Response {
        Problem::internal(self).into_response()
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        with_type(self, TEXT)
    }

    fn into_error_response(self) -> Response {
        Problem::internal(self).into_response()
    }
}

impl IntoResponse for Cow<'static, str> {
    fn into_response(self) -> Response {
        match self {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        }
    }

    fn into_error_response(self) -> Response {
        Problem::internal(self).into_response()
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        with_type(self, "application/octet-stream")
    }

    fn into_error_response(self) -> Response {
        without_status::<Self>("")
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Bytes::from(self).into_response()
    }

    fn into_error_response(self) -> Response {
        without_status::<Self>("")
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        Response::new(self)
    }

    fn into_error_response(self) -> Response {
        without_status::<Self>("")
    }
}

impl<T: Into<Body>> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        with_type(self.0, "text/html; charset=utf-8")
    }

    fn into_error_response(self) -> Response {
        without_status::<Self>("")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = ErrorFormat::Problem.write(&self);
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self;
        response
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }

    fn into_error_response(self) -> Response {
        without_status::<Self>("")
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response {
        match self {}
    }
}

impl<T: IntoResponse> IntoResponse for Option<T> {
    fn into_response(self) -> Response {
        match self {
            Some(value) => value.into_response(),
            None => Problem::of(&kinds::NOT_FOUND).into_response(),
        }
    }

    fn into_error_response(self) -> Response {
        match self {
            Some(value) => value.into_error_response(),
            None => None::<T>.into_response(),
        }
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_error_response(),
        }
    }

    fn into_error_response(self) -> Response {
        match self {
            Ok(value) => value.into_error_response(),
            Err(error) => error.into_error_response(),
        }
    }
}

impl<B> IntoResponse for http::Response<B>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn into_response(self) -> Response {
        self.map(into_body)
    }
}

/// Any body as ours; ours stays as it is instead of being boxed again.
pub(crate) fn into_body<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut slot = Some(body);
    if let Some(ours) = (&mut slot as &mut dyn Any).downcast_mut::<Option<Body>>() {
        return ours.take().unwrap_or_default();
    }
    slot.map_or_else(Body::empty, Body::new)
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        *response.status_mut() = self.0;
        response
    }
}

impl<H: IntoHeaders, T: IntoResponse> IntoResponse for (H, T) {
    fn into_response(self) -> Response {
        with_headers(self.0, self.1.into_response())
    }

    fn into_error_response(self) -> Response {
        with_headers(self.0, self.1.into_error_response())
    }
}

impl<H: IntoHeaders, T: IntoResponse> IntoResponse for (StatusCode, H, T) {
    fn into_response(self) -> Response {
        let (status, headers, value) = self;
        with_headers(headers, (status, value).into_response())
    }
}

fn with_headers(headers: impl IntoHeaders, mut response: Response) -> Response {
    match headers.add_to(response.headers_mut()) {
        Ok(()) => response,
        Err(problem) => problem.into_response(),
    }
}
