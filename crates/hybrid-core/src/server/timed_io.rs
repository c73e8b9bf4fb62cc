//! The accepted stream as hyper sees it: it notes when bytes come and go, and
//! does three things besides.
//!
//! - It first returns the bytes that were read to tell HTTP/1 from HTTP/2.
//! - It does not shut the stream down when hyper asks for it: a refused client
//!   is read on for a while first, see `closing`.
//! - It holds back the answers that hyper makes by itself to heads that it
//!   cannot parse. They have no body; ours take their place.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    conn::{Conn, Phase},
    shared::{Open, Stage},
    sniff::Prefix,
};

/// Bytes of the HTTP/2 preface and of the header of the SETTINGS frame that
/// must follow it.
const SETTLED_BYTES: usize = 24 + 9;

/// A stream whose progress is noted.
#[derive(Debug)]
pub(crate) struct TimedIo<T> {
    stream: T,
    conn: Arc<Conn>,
    /// Read already, to be read again.
    prefix: Prefix,
    /// Bytes read, counted until the phase no longer depends on them.
    read_bytes: usize,
    /// Whether hyper shuts down for good.
    shuts_down: bool,
    _open: Open,
}

impl<T> TimedIo<T> {
    pub(crate) fn new(stream: T, conn: Arc<Conn>, open: Open) -> Self {
        Self {
            stream,
            conn,
            prefix: Prefix::default(),
            read_bytes: 0,
            shuts_down: false,
            _open: open,
        }
    }

    /// Has these bytes read first.
    pub(crate) fn put_back(&mut self, prefix: Prefix) {
        self.prefix = prefix;
    }

    /// From now on a shutdown reaches the stream.
    pub(crate) fn allow_shutdown(&mut self) {
        self.shuts_down = true;
    }

    pub(crate) fn stream_mut(&mut self) -> &mut T {
        &mut self.stream
    }

    /// Notes `read` bytes, of which so many were not put back before.
    fn note_read(&mut self, polled: &Poll<io::Result<()>>, read: usize, fresh: usize) {
        match polled {
            Poll::Pending => self.conn.nothing_to_read(),
            Poll::Ready(Err(_)) => self.conn.end_read(),
            Poll::Ready(Ok(())) if read == 0 => self.conn.end_read(),
            Poll::Ready(Ok(())) => self.conn.bytes_read(),
        }
        if self.read_bytes < SETTLED_BYTES {
            self.read_bytes += fresh;
            if self.read_bytes >= SETTLED_BYTES && self.conn.is_multiplexed() {
                self.conn.settled();
            }
        }
    }

    fn note_write(&self, polled: &Poll<io::Result<usize>>) {
        match polled {
            Poll::Pending => self.conn.write_refused(),
            Poll::Ready(_) => self.conn.bytes_written(),
        }
    }

    /// Whether these bytes are an answer of hyper's own, which is then held back.
    fn holds_back(&self, bytes: &[u8]) -> bool {
        if !self.conn.owes_nothing() {
            return false;
        }
        // "HTTP/1.1 431 ..", or 1.0 where an earlier request was of that version.
        let digits = bytes
            .strip_prefix(b"HTTP/1.")
            .and_then(|rest| rest.get(2..5));
        let Some([b'4', tens @ b'0'..=b'9', ones @ b'0'..=b'9']) = digits else {
            return false;
        };
        let status = 400 + u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
        self.conn.hold_back(status);
        true
    }

    /// An upgraded connection has no task of ours that would notice the end.
    fn refuse_when_cut(&self, cx: &Context<'_>) -> io::Result<()> {
        if self.conn.phase() == Phase::Upgraded {
            self.conn.register(cx.waker());
            if self.conn.shared.stage() == Stage::Cutting {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if !this.prefix.is_empty() {
            this.prefix.read_into(buf);
            this.note_read(&Poll::Ready(Ok(())), buf.filled().len() - before, 0);
            return Poll::Ready(Ok(()));
        }
        this.refuse_when_cut(cx)?;
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        this.note_read(&polled, read, read);
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.holds_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        this.refuse_when_cut(cx)?;
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note_write(&polled);
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if slices.first().is_some_and(|first| this.holds_back(first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        this.refuse_when_cut(cx)?;
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.note_write(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.conn.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.shuts_down || this.conn.phase() == Phase::Upgraded {
            Pin::new(&mut this.stream).poll_shutdown(cx)
        } else {
            Pin::new(&mut this.stream).poll_flush(cx)
        }
    }
}
