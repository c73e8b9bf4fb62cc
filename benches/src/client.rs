//! A load for counting: keep-alive connections that all send a request, then all wait.
//!
//! It does not measure throughput. It sends a fixed number of requests in the same order every
//! time, so that counts can be compared.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Connections of a measured run.
pub const CONNECTIONS: usize = 8;

/// Longer than any response takes, also under valgrind.
const PATIENCE: Duration = Duration::from_secs(60);

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// Sends `requests` requests, and expects that body each time.
///
/// # Errors
/// The connection breaks, or a response is not 200 with that body.
pub fn ask(addr: SocketAddr, request: &[u8], requests: usize, body: &str) -> io::Result<()> {
    let connections = (0..CONNECTIONS).map(|_| Connection::open(addr));
    let mut connections = connections.collect::<io::Result<Vec<_>>>()?;
    let mut left = requests;
    while left > 0 {
        let round = left.min(CONNECTIONS);
        for connection in &mut connections[..round] {
            connection.stream.write_all(request)?;
        }
        for connection in &mut connections[..round] {
            let answer = connection.answer()?;
            if answer.status != 200 || answer.body != body {
                return Err(io::Error::other(format!("unexpected: {answer:?}")));
            }
        }
        left -= round;
    }
    Ok(())
}

/// Sends one request.
///
/// # Errors
/// The connection breaks, or the data is not a response.
pub fn ask_once(addr: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut connection = Connection::open(addr)?;
    connection.stream.write_all(request)?;
    connection.answer()
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.buffer.clear();
        loop {
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer);
            }
            let mut piece = [0; 4096];
            let read = self.stream.read(&mut piece)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&piece[..read]);
        }
    }
}

/// A response with a `content-length`; `None` while it is incomplete.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status"))?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length
        .and_then(|(_, length)| length.parse().ok())
        .ok_or_else(|| io::Error::other("no content-length"))?;
    Ok((body.len() == length).then(|| Answer {
        status,
        body: body.to_owned(),
    }))
}
