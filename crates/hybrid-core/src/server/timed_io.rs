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
    os::fd::AsFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    conn::{Conn, Phase},
    shared::{Open, Stage},
    sniff::Prefix,
    unsent::unsent,
};

/// How much of what an HTTP/2 client must send first has come: the preface, and a
/// whole frame, which is that of its SETTINGS.
#[derive(Debug)]
struct Opening {
    seen: usize,
    /// Where it ends, as far as that is known.
    end: usize,
}

const PREFACE_BYTES: usize = 24;
const FRAME_HEAD_BYTES: usize = 9;

impl Default for Opening {
    fn default() -> Self {
        Self {
            seen: 0,
            end: PREFACE_BYTES + FRAME_HEAD_BYTES,
        }
    }
}

impl Opening {
    /// Counts bytes; true once, with those that complete it.
    fn ends_with(&mut self, bytes: &[u8]) -> bool {
        if self.seen >= self.end {
            return false;
        }
        // A frame begins with the length of its payload, in three bytes.
        for (at, byte) in bytes.iter().enumerate() {
            match (self.seen + at).checked_sub(PREFACE_BYTES) {
                None => {}
                Some(place @ 0..=2) => self.end += usize::from(*byte) << (8 * (2 - place)),
                Some(_) => break,
            }
        }
        self.seen += bytes.len();
        self.seen >= self.end
    }
}

/// A stream whose progress is noted.
#[derive(Debug)]
pub(crate) struct TimedIo<T> {
    stream: T,
    conn: Arc<Conn>,
    /// Read already, to be read again.
    prefix: Prefix,
    /// The bytes that an HTTP/2 client must send first.
    opening: Opening,
    /// Bytes written, from the first on.
    written: u64,
    /// The last write was refused.
    is_refused: bool,
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
            opening: Opening::default(),
            written: 0,
            is_refused: false,
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

    /// Notes what a read found.
    fn note_read(&mut self, polled: &Poll<io::Result<()>>, bytes: &[u8]) {
        match polled {
            Poll::Pending => self.conn.nothing_to_read(),
            Poll::Ready(Err(_)) => self.conn.end_read(),
            Poll::Ready(Ok(())) if bytes.is_empty() => self.conn.end_read(),
            Poll::Ready(Ok(())) => self.conn.bytes_read(bytes),
        }
        if self.opening.ends_with(bytes) && self.conn.is_multiplexed() {
            self.conn.settled();
        }
    }

    fn note_write(&mut self, polled: &Poll<io::Result<usize>>)
    where
        T: AsFd,
    {
        match polled {
            Poll::Pending => {
                self.is_refused = true;
                self.conn.write_refused();
                self.look_if_asked();
            }
            Poll::Ready(Ok(bytes)) => {
                self.is_refused = false;
                self.written += *bytes as u64;
            }
            Poll::Ready(Err(_)) => {}
        }
    }

    fn look_if_asked(&self)
    where
        T: AsFd,
    {
        if self.conn.wants_look() {
            // Where the system does not tell, a refused write means that it is full.
            let unsent = unsent(&self.stream).unwrap_or(usize::from(self.is_refused));
            self.conn.looked(self.written, unsent);
        }
    }

    /// The bytes that the client has not taken yet, as far as the system tells.
    pub(crate) fn unsent(&self) -> usize
    where
        T: AsFd,
    {
        unsent(&self.stream).unwrap_or_default()
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
            // Noted when it was read first.
            this.prefix.read_into(buf);
            this.conn.bytes_read(&buf.filled()[before..]);
            return Poll::Ready(Ok(()));
        }
        this.refuse_when_cut(cx)?;
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.note_read(&polled, &buf.filled()[before..]);
        polled
    }
}

impl<T: AsyncWrite + AsFd + Unpin> AsyncWrite for TimedIo<T> {
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
        this.look_if_asked();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_ends_with_the_payload_of_its_frame() {
        let mut bytes = vec![b'x'; PREFACE_BYTES];
        bytes.extend([0, 1, 2, 4, 0, 0, 0, 0, 0]);
        bytes.extend(vec![7; 258 + 10]);
        let end = PREFACE_BYTES + FRAME_HEAD_BYTES + 258;
        for step in [1, 2, 5, 24, 26, 33, 34, bytes.len()] {
            let mut opening = Opening::default();
            let mut seen = 0;
            let mut ended = None;
            for piece in bytes.chunks(step) {
                seen += piece.len();
                if opening.ends_with(piece) {
                    assert_eq!(ended.replace(seen), None, "said once");
                }
            }
            let first = end.div_ceil(step) * step;
            assert_eq!(ended, Some(first.min(bytes.len())), "in steps of {step}");
        }
    }
}
