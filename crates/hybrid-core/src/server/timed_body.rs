//! Bodies on their way: a request's with its time limits, an answer's with what
//! its end means for the connection.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    conn::Conn,
    shared::ServerState,
    stream::{OpenStream, Piece},
    waiting::BodyWait,
};
use crate::{
    BoxError,
    body::{Body, BodyTooSlow},
};

/// Whose limits a request's body obeys.
pub(crate) enum BodyWatch {
    /// The one request of an HTTP/1 connection.
    Conn(Arc<Conn>),
    /// One of the streams of an HTTP/2 connection.
    Stream(Arc<OpenStream>),
}

impl BodyWatch {
    fn waiting(&self) -> (&BodyWait, &ServerState) {
        match self {
            Self::Conn(conn) => (&conn.body, &conn.shared),
            Self::Stream(running) => (&running.stream.body, running.shared()),
        }
    }
}

/// A request's body within its time limits.
pub(crate) struct RequestBody {
    /// There until it is dropped.
    incoming: Option<Incoming>,
    watch: BodyWatch,
    /// What happens to a body that is not read to its end.
    unread: Unread,
}

/// Whether the unread rest of a body may be passed over, so that the
/// connection can stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is small: what has come of it is thrown away.
    PassOver,
    /// It is large, or the client waits for leave to send it.
    Leave,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, watch: BodyWatch, unread: Unread) -> Self {
        watch.waiting().0.restart();
        Self {
            incoming: Some(incoming),
            watch,
            unread,
        }
    }

    /// Throws away what has come, without waiting for more.
    fn pass_over(&mut self) {
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        while !incoming.is_end_stream() {
            match Pin::new(&mut *incoming).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(_))) => return,
                Poll::Pending => return self.keep_rest(),
            }
        }
        self.watch.waiting().0.complete();
    }

    /// The rest may have been read from the socket a moment later: it is waited for
    /// before the answer is sent.
    fn keep_rest(&mut self) {
        if let BodyWatch::Conn(conn) = &self.watch
            && let Some(rest) = self.incoming.take()
        {
            conn.keep_rest(rest);
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        let (waiting, shared) = this.watch.waiting();
        let now = shared.ticks.now();
        match Pin::new(&mut *incoming).poll_frame(cx) {
            Poll::Pending if waiting.wait(now, cx.waker()) => {
                waiting.stop();
                Poll::Ready(Some(Err(BodyTooSlow.into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                waiting.came(now, frame.data_ref().map_or(0, Bytes::len));
                if incoming.is_end_stream() {
                    waiting.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                waiting.stop();
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                waiting.complete();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming
            .as_ref()
            .is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.unread == Unread::PassOver && !self.watch.waiting().0.is_complete() {
            self.pass_over();
        }
        self.watch.waiting().0.stop();
    }
}

/// The body of an HTTP/1 answer. When hyper drops it, the answer is produced.
pub(crate) struct Http1Body {
    body: Body,
    conn: Arc<Conn>,
}

impl Http1Body {
    pub(crate) fn new(body: Body, conn: Arc<Conn>) -> Self {
        Self { body, conn }
    }
}

impl http_body::Body for Http1Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        poll_caught(&mut self.get_mut().body, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Http1Body {
    fn drop(&mut self) {
        self.conn.end_answer();
    }
}

/// Bytes of an answer that are handed over at once on a stream.
const PIECE_BYTES_MAX: usize = 32 * 1024;

/// The body of an HTTP/2 answer, in pieces that tell when they are written.
pub(crate) struct Http2Body {
    body: Body,
    /// What is left of a frame that was larger than a piece.
    rest: Bytes,
    running: Arc<OpenStream>,
}

impl Http2Body {
    pub(crate) fn new(body: Body, running: Arc<OpenStream>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            running,
        }
    }

    fn piece(&mut self, mut data: Bytes) -> Piece {
        if data.len() > PIECE_BYTES_MAX {
            self.rest = data.split_off(PIECE_BYTES_MAX);
        }
        Piece::new(data, &self.running)
    }
}

impl http_body::Body for Http2Body {
    type Data = Piece;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BoxError>>> {
        let this = self.get_mut();
        let frame = if this.rest.is_empty() {
            match ready!(poll_caught(&mut this.body, cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        } else {
            Frame::data(std::mem::take(&mut this.rest))
        };
        let frame = frame.map_data(|data| this.piece(data));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// A body that panics breaks its answer off; it never ends it cleanly, and it
/// takes nothing else down.
fn poll_caught(
    body: &mut Body,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
    // The body is dropped after a panic, never polled again.
    match catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))) {
        Ok(polled) => polled,
        Err(_) => {
            tracing::error!("the body of an answer panicked: the answer is broken off");
            Poll::Ready(Some(Err("the body panicked".into())))
        }
    }
}
