//! A body as it arrives, for an `async fn`.

use std::{fmt, future::Future, pin::Pin, task::Poll};

use bytes::Bytes;
use http_body::Body as _;

use crate::{
    Request,
    body::Body,
    extract::{
        body_limits::BodyLimits,
        receive::{check_coding, next_data, refuse_by_length, too_large},
    },
    problem::Problem,
};

/// A body as it arrives, within `upload_limit` (or the route's `body_limit`).
///
/// An `async fn` takes it; each item is a piece of the body.
pub struct BodyStream {
    body: Body,
    left: usize,
    limit: usize,
}

impl BodyStream {
    pub(crate) fn of(request: Request) -> Result<Self, Problem> {
        let limit = BodyLimits::of(&request).streamed;
        refuse_by_length(request.body(), limit)?;
        if !request.body().is_end_stream() {
            check_coding(request.headers())?;
        }
        let body = request.into_body();
        Ok(Self {
            body,
            left: limit,
            limit,
        })
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// 413 past the limit, 408 where the client is too slow, 400 where the body
    /// breaks off.
    ///
    /// # Cancel safety
    /// Safe: a piece that was not returned is returned by the next call.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(data) = next_data(&mut self.body).await? else {
            return Ok(None);
        };
        self.left = self
            .left
            .checked_sub(data.len())
            .ok_or_else(|| too_large(self.limit))?;
        Ok(Some(data))
    }
}

impl futures_util::Stream for BodyStream {
    type Item = Result<Bytes, Problem>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let next = self.next();
        let polled = std::pin::pin!(next).poll(cx);
        polled.map(Result::transpose)
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyStream")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
