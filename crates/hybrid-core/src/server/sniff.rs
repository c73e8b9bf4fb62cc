//! Telling HTTP/2 with prior knowledge from HTTP/1 by the first bytes, within
//! the time limit of a head. hyper-util's detection has no such limit.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
};

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

    /// What these bytes say after those that were read; `None` while all of them
    /// may still become the preface.
    fn verdict(&self, next: &[u8]) -> Option<Sniffed> {
        let (expected, further) = PREFACE[usize::from(self.end)..].split_at(next.len());
        if next != expected {
            return Some(Sniffed::Http1);
        }
        further.is_empty().then_some(Sniffed::Http2)
    }
}

/// Waits until the protocol is known.
///
/// The bytes are looked at, not read: put back, the first few of a head would
/// have hyper enlarge its buffer for the others. Only a part of the preface is
/// read, since it would be seen again and again otherwise.
pub(crate) async fn sniff(io: &mut TimedIo<TcpStream>, conn: &Conn) -> Sniffed {
    let mut prefix = Prefix::default();
    let sniffed = std::future::poll_fn(|cx| {
        conn.register(cx.waker());
        match poll_prefix(cx, io, conn, &mut prefix) {
            Poll::Ready(sniffed) => Poll::Ready(sniffed),
            Poll::Pending => judge(conn, &prefix),
        }
    })
    .await;
    if !prefix.is_empty() {
        io.put_back(prefix);
    }
    sniffed
}

fn poll_prefix(
    cx: &mut Context<'_>,
    io: &mut TimedIo<TcpStream>,
    conn: &Conn,
    prefix: &mut Prefix,
) -> Poll<Sniffed> {
    loop {
        let mut bytes = [0; PREFACE.len()];
        let mut next = ReadBuf::new(&mut bytes[usize::from(prefix.end)..]);
        match ready!(io.stream_mut().poll_peek(cx, &mut next)) {
            // In the middle of a head, hyper says what is wrong.
            Ok(0) if !prefix.is_empty() => return Poll::Ready(Sniffed::Http1),
            Ok(0) | Err(_) => return Poll::Ready(Sniffed::Nothing),
            Ok(_) => conn.bytes_read(next.filled()),
        }
        if let Some(sniffed) = prefix.verdict(next.filled()) {
            return Poll::Ready(sniffed);
        }
        let mut buf = ReadBuf::new(&mut prefix.bytes);
        buf.set_filled(usize::from(prefix.end));
        if ready!(Pin::new(&mut *io).poll_read(cx, &mut buf)).is_err() {
            return Poll::Ready(Sniffed::Nothing);
        }
        prefix.end = u8::try_from(buf.filled().len()).expect("a prefix has at most 24 bytes");
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
        Prefix::default().verdict(bytes)
    }

    #[test]
    fn the_protocol_is_known_at_the_first_byte_that_differs() {
        assert_eq!(verdict(b"P"), None);
        assert_eq!(verdict(b"PO"), Some(Sniffed::Http1));
        assert_eq!(verdict(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), None);
        assert_eq!(verdict(PREFACE), Some(Sniffed::Http2));
        assert_eq!(verdict(b"PRI * HTTP/2.1"), Some(Sniffed::Http1));
        let mut prefix = Prefix {
            end: 3,
            ..Prefix::default()
        };
        prefix.bytes[..3].copy_from_slice(b"PRI");
        assert_eq!(prefix.verdict(&PREFACE[3..]), Some(Sniffed::Http2));
        assert_eq!(prefix.verdict(b"!"), Some(Sniffed::Http1));
    }
}
