//! One connection of the load generator. It sends one request at a time and reads of the
//! response its status, its length, and whether the connection stays open.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

/// The result of reading from a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The response is not complete yet.
    Nothing,
    /// The complete response to the request that was due at that time.
    Answer { status: u16, due: Instant },
    /// The server has closed the connection, it broke, or the data is not a response.
    Closed,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    addr: SocketAddr,
    /// The load that it belongs to.
    pub(super) load: usize,
    token: u64,
    /// When the request without a response was due.
    due: Option<Instant>,
    /// The number of bytes that are sent, if the socket did not accept all of them.
    sent: Option<usize>,
    /// The incomplete head of the response.
    head: Vec<u8>,
    /// The response, after its head is complete.
    answer: Option<Answer>,
    must_close: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Bytes of the body that are still missing.
    missing: usize,
    closes: bool,
}

impl Connection {
    pub(super) fn open(
        addr: SocketAddr,
        load: usize,
        epoll: &OwnedFd,
        token: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            stream: connect(addr, epoll, token)?,
            addr,
            load,
            token,
            due: None,
            sent: None,
            head: Vec::with_capacity(1024),
            answer: None,
            must_close: false,
        })
    }

    /// Connects again and drops the current request.
    pub(super) fn reopen(&mut self, epoll: &OwnedFd) -> io::Result<()> {
        self.stream = connect(self.addr, epoll, self.token)?;
        self.due = None;
        self.sent = None;
        self.head.clear();
        self.answer = None;
        self.must_close = false;
        Ok(())
    }

    /// Sends a request, or as much of it as the socket accepts. If the socket is closed, the
    /// next read reports it.
    pub(super) fn send(&mut self, request: &[u8], due: Instant, epoll: &OwnedFd) -> io::Result<()> {
        self.due = Some(due);
        match self.stream.write(request) {
            Ok(written) if written < request.len() => {
                self.sent = Some(written);
                self.watch(epoll, EventFlags::IN | EventFlags::OUT)
            }
            _ => Ok(()),
        }
    }

    /// Sends more of an incomplete request.
    pub(super) fn send_rest(&mut self, request: &[u8], epoll: &OwnedFd) -> io::Result<()> {
        let Some(sent) = self.sent else {
            return Ok(());
        };
        // The next read reports the error.
        let sent = sent + self.stream.write(&request[sent..]).unwrap_or(0);
        self.sent = (sent < request.len()).then_some(sent);
        match self.sent {
            Some(_) => Ok(()),
            None => self.watch(epoll, EventFlags::IN),
        }
    }

    fn watch(&self, epoll: &OwnedFd, events: EventFlags) -> io::Result<()> {
        let token = EventData::new_u64(self.token);
        Ok(epoll::modify(epoll, &self.stream, token, events)?)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.due.is_some()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the server closes the connection after this response.
    pub(super) fn must_close(&self) -> bool {
        self.must_close
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Told {
        let read = match self.stream.read(buffer) {
            Ok(0) => return Told::Closed,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Told::Nothing,
            Err(_) => return Told::Closed,
        };
        let body = match &mut self.answer {
            Some(_) => read,
            None if self.head.is_empty() => match Answer::parse(&buffer[..read]) {
                Ok(Some((answer, head))) => {
                    self.answer = Some(answer);
                    read - head
                }
                Ok(None) => {
                    self.head.extend_from_slice(&buffer[..read]);
                    return Told::Nothing;
                }
                Err(NoAnswer) => return Told::Closed,
            },
            None => {
                self.head.extend_from_slice(&buffer[..read]);
                match Answer::parse(&self.head) {
                    Ok(Some((answer, head))) => {
                        self.answer = Some(answer);
                        let body = self.head.len() - head;
                        self.head.clear();
                        body
                    }
                    Ok(None) => return Told::Nothing,
                    Err(NoAnswer) => return Told::Closed,
                }
            }
        };
        self.took(body)
    }

    /// Counts received bytes of the body.
    fn took(&mut self, body: usize) -> Told {
        let Some(answer) = &mut self.answer else {
            return Told::Nothing;
        };
        // More bytes than announced are an error.
        let Some(missing) = answer.missing.checked_sub(body) else {
            return Told::Closed;
        };
        answer.missing = missing;
        if missing > 0 {
            return Told::Nothing;
        }
        let status = answer.status;
        // If the response arrives first, the rest of the request is not sent.
        self.must_close = answer.closes || self.sent.is_some();
        self.answer = None;
        match self.due.take() {
            Some(due) => Told::Answer { status, due },
            None => Told::Closed,
        }
    }
}

fn connect(addr: SocketAddr, epoll: &OwnedFd, token: u64) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    epoll::add(epoll, &stream, EventData::new_u64(token), EventFlags::IN)?;
    Ok(stream)
}

/// The data is not the head of an HTTP/1.1 response with a length.
#[derive(Debug, PartialEq, Eq)]
struct NoAnswer;

impl Answer {
    /// The head of a response and its size; `None` while it is incomplete.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, NoAnswer> {
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| NoAnswer)?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12));
        let status = status
            .and_then(|status| status.parse().ok())
            .ok_or(NoAnswer)?;
        let (mut length, mut closes) = (None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        let answer = Self {
            status,
            missing: length.ok_or(NoAnswer)?,
            closes,
        };
        Ok(Some((answer, end + 4)))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let head =
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nconnection: close\r\n";
        assert_eq!(Answer::parse(head), Ok(None));
        let complete = [head, &b"\r\nhel"[..]].concat();
        let answer = Answer {
            status: 503,
            missing: 5,
            closes: true,
        };
        assert_eq!(Answer::parse(&complete), Ok(Some((answer, head.len() + 2))));
        assert_eq!(Answer::parse(b"HTTP/1.1 200 OK\r\n\r\n"), Err(NoAnswer));
    }
}
