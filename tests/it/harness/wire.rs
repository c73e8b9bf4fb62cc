//! A client of HTTP/1.1 that hides nothing.

use std::{
    fmt::Display,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use super::PATIENCE;

/// One HTTP/1.1 connection.
pub(crate) struct Wire {
    stream: BufReader<Paced>,
}

/// A stream that may be read slowly.
struct Paced {
    stream: TcpStream,
    /// So many bytes, and the pause after them.
    pace: Option<(usize, Duration)>,
    read: usize,
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some((every, pause)) = self.pace
            && self.read >= every
        {
            thread::sleep(pause);
            self.read = 0;
        }
        let read = self.stream.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, as sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn to(addr: SocketAddr) -> Self {
        Self::of(TcpStream::connect(addr).unwrap())
    }

    /// Over a connection that is there.
    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: BufReader::new(Paced {
                stream,
                pace: None,
                read: 0,
            }),
        }
    }

    /// From now on reading pauses after every so many bytes.
    pub(crate) fn pause_every(&mut self, bytes: usize, pause: Duration) {
        self.stream.get_mut().pace = Some((bytes, pause));
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .get_mut()
            .stream
            .write_all(bytes.as_ref())
            .unwrap();
    }

    /// Asks for that path, and reads nothing yet.
    pub(crate) fn ask(&mut self, path: impl Display) {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"));
    }

    /// Writes, unless the server has closed.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream
            .get_mut()
            .stream
            .write_all(bytes.as_ref())
            .is_ok()
    }

    /// Reads one answer; panics where the connection ends before.
    pub(crate) fn read(&mut self) -> Reply {
        self.try_read().expect("an answer")
    }

    /// Reads one answer, unless the connection ends before it begins.
    pub(crate) fn try_read(&mut self) -> Option<Reply> {
        let mut reply = self.try_read_head()?;
        if reply.header("transfer-encoding") == Some("chunked") {
            self.chunks(&mut reply.body);
        } else if let Some(length) = reply.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).unwrap();
            reply.body = body;
        }
        Some(reply)
    }

    /// Reads an answer that has no body.
    pub(crate) fn read_head(&mut self) -> Reply {
        self.try_read_head().expect("an answer")
    }

    fn try_read_head(&mut self) -> Option<Reply> {
        let first = self.line().filter(|line| !line.is_empty())?;
        let status = first
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {first}"));
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Some(Reply {
            status,
            headers,
            body: Vec::new(),
        })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    }

    fn chunks(&mut self, body: &mut Vec<u8>) {
        loop {
            let size = self.line().expect("a chunk");
            let size = usize::from_str_radix(&size, 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).unwrap();
            if size == 0 {
                return;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Whether the server has closed: waits for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end too.
        self.stream
            .read_to_end(&mut rest)
            .map_or(true, |_| rest.is_empty())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
