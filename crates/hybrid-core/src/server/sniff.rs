//! Telling HTTP/2 with prior knowledge from HTTP/1 by the first bytes, within
//! the time limit of a head. hyper-util's detection has no such limit.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use super::{
    conn::{Conn, Lapse},
    shared::Stage,
    timed_io::TimedIo,
};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sniffed {
    Http1,
    Http2,
    /// The limit passed after a part of an HTTP/1 head.
    SlowHead,
    /// Nothing to serve: closed, silent for too long, or the server stops.
    Nothing,
}

/// Bytes that were read to find out, and are to be read again.
#[derive(Debug, Default)]
pub(crate) struct Prefix {
    bytes: [u8; PREFACE.len()],
    start: u8,
    end: u8,
}

impl Prefix {
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn read_into(&mut self, buf: &mut ReadBuf<'_>) {
        let left = &self.bytes[usize::from(self.start)..usize::from(self.end)];
        let taken = left.len().min(buf.remaining());
        buf.put_slice(&left[..taken]);
        self.start += u8::try_from(taken).expect("a prefix has at most 24 bytes");
    }

    fn seen(&self) -> &[u8] {
        &self.bytes[..usize::from(self.end)]
    }

    /// What the bytes so far say; `None` while they may still become the preface.
    fn verdict(&self) -> Option<Sniffed> {
        if !PREFACE.starts_with(self.seen()) {
            return Some(Sniffed::Http1);
        }
        (self.seen().len() == PREFACE.len()).then_some(Sniffed::Http2)
    }
}

/// Reads until the protocol is known; what was read is put back.
pub(crate) async fn sniff<T: AsyncRead + Unpin>(io: &mut TimedIo<T>, conn: &Conn) -> Sniffed {
    let mut prefix = Prefix::default();
    let sniffed = std::future::poll_fn(|cx| {
        conn.register(cx.waker());
        match poll_prefix(cx, io, &mut prefix) {
            Poll::Ready(sniffed) => Poll::Ready(sniffed),
            Poll::Pending => judge(conn, &prefix),
        }
    })
    .await;
    io.put_back(prefix);
    sniffed
}

fn poll_prefix<T: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    io: &mut TimedIo<T>,
    prefix: &mut Prefix,
) -> Poll<Sniffed> {
    loop {
        let mut buf = ReadBuf::new(&mut prefix.bytes);
        buf.set_filled(usize::from(prefix.end));
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut *io).poll_read(cx, &mut buf));
        let after = buf.filled().len();
        prefix.end = u8::try_from(after).expect("a prefix has at most 24 bytes");
        if read.is_err() || after == 0 {
            return Poll::Ready(Sniffed::Nothing);
        }
        if after == before {
            // The client has closed its side in the middle of a head.
            return Poll::Ready(Sniffed::Http1);
        }
        if let Some(sniffed) = prefix.verdict() {
            return Poll::Ready(sniffed);
        }
    }
}

fn judge(conn: &Conn, prefix: &Prefix) -> Poll<Sniffed> {
    match conn.lapse() {
        // A client that began to speak HTTP/2 would not understand the answer.
        Some(Lapse::SlowHead) if prefix.seen().len() < 4 => Poll::Ready(Sniffed::SlowHead),
        Some(_) => Poll::Ready(Sniffed::Nothing),
        None if conn.is_idle() && conn.shared.stage() >= Stage::Closing => {
            Poll::Ready(Sniffed::Nothing)
        }
        None if conn.shared.stage() == Stage::Cutting => Poll::Ready(Sniffed::Nothing),
        None => Poll::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> Option<Sniffed> {
        let mut prefix = Prefix {
            end: bytes.len() as u8,
            ..Prefix::default()
        };
        prefix.bytes[..bytes.len()].copy_from_slice(bytes);
        prefix.verdict()
    }

    #[test]
    fn the_protocol_is_known_at_the_first_byte_that_differs() {
        assert_eq!(verdict(b"P"), None);
        assert_eq!(verdict(b"PO"), Some(Sniffed::Http1));
        assert_eq!(verdict(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), None);
        assert_eq!(verdict(PREFACE), Some(Sniffed::Http2));
        assert_eq!(verdict(b"PRI * HTTP/2.1"), Some(Sniffed::Http1));
    }
}
