//! The last words of a connection: the answers that are written without hyper,
//! and reading on for a while, so that the client sees them and not a reset
//! (RFC 9112, section 9.6).

use std::{fmt::Write as _, os::fd::AsFd, sync::Arc, time::Duration};

use bytes::Bytes;
use http::header;
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    Application,
    accept::Server,
    conn::Conn,
    date, head_checks,
    shared::{ServerState, Stage, TimeLimits},
    ticks::{Millis, millis},
    timed_io::TimedIo,
};
use crate::{
    Response,
    config::Settings,
    problem::{Problem, kinds},
};

/// Answers 408 to a client that began a head and did not end it.
pub(crate) async fn too_slow<A, T>(server: &Arc<Server<A>>, io: TimedIo<T>, conn: &Conn)
where
    A: Application,
    T: AsyncRead + AsyncWrite + AsFd + Unpin,
{
    let problem = Problem::of(&kinds::REQUEST_TIMEOUT).with_detail(format!(
        "the head did not arrive within {:?}",
        server.settings.header_timeout
    ));
    refuse(server, io, conn, problem).await;
}

/// Answers a head that hyper could not parse, in place of hyper's own answer.
pub(crate) async fn refuse_head<A, T>(
    server: &Arc<Server<A>>,
    io: TimedIo<T>,
    conn: &Conn,
    status: u16,
    read: &Bytes,
) where
    A: Application,
    T: AsyncRead + AsyncWrite + AsFd + Unpin,
{
    let problem = refusal(status, read, &server.settings);
    refuse(server, io, conn, problem).await;
}

/// What is wrong with a head, by the status that hyper has for it and the bytes that
/// hyper has not used up.
fn refusal(status: u16, read: &[u8], settings: &Settings) -> Problem {
    // hyper counts bytes, whatever they belong to.
    let has = |byte: u8, among: usize| read.iter().take(among).any(|known| *known == byte);
    let lines = || read.iter().filter(|byte| **byte == b'\n').count();
    match status {
        414 => head_checks::uri_too_long(settings.uri_limit),
        // The head was used up: it was its `Content-Length` that was too much.
        431 if read.len() < settings.head_limit && lines() <= settings.headers_max => {
            Problem::bad_request("no body has as many bytes as `Content-Length` says")
        }
        431 if !has(b' ', settings.method_limit + 1) => {
            head_checks::not_implemented("the method is not implemented")
        }
        431 if !has(b'\n', settings.uri_limit + settings.method_limit) => {
            head_checks::uri_too_long(settings.uri_limit)
        }
        431 => head_checks::headers_too_large(format!(
            "the head is larger than {} bytes, or has more than {} headers",
            settings.head_limit, settings.headers_max
        )),
        _ => Problem::bad_request("the head of the request is not HTTP"),
    }
}

async fn refuse<A, T>(server: &Arc<Server<A>>, mut io: TimedIo<T>, conn: &Conn, problem: Problem)
where
    A: Application,
    T: AsyncRead + AsyncWrite + AsFd + Unpin,
{
    tracing::debug!(status = problem.status().as_u16(), "refused a head");
    // There is no request that the answer could belong to.
    let (parts, ()) = http::Request::new(()).into_parts();
    let wire = render(server.app.refuse(problem, &parts)).await;
    conn.leave_unread();
    let written = timeout(
        server.settings.write_timeout,
        io.stream_mut().write_all(&wire),
    )
    .await;
    if matches!(written, Ok(Ok(()))) {
        close(io, conn, &server.settings).await;
    }
}

/// Closes the writing side, and reads on where the client may still be sending, or
/// has not taken everything yet: what comes to a closed socket is answered with a
/// reset, and that takes away what the client has not read.
pub(crate) async fn close<T>(mut io: TimedIo<T>, conn: &Conn, settings: &Settings)
where
    T: AsyncRead + AsyncWrite + AsFd + Unpin,
{
    // Before the shutdown, whose own mark counts as unsent until it is acknowledged.
    let is_owing = io.unsent() > 0;
    // Errors here mean that the client has gone: nothing is left to do for it.
    if io.stream_mut().shutdown().await.is_err() {
        return;
    }
    let is_sending = conn.must_linger();
    if !is_sending && !is_owing {
        return;
    }
    let (_place, are_few) = conn.shared.linger();
    let mut patience = Patience::new(settings, conn.shared.ticks.now(), is_sending, are_few);
    read_on(&mut io, conn, &mut patience).await;
}

async fn read_on<T>(io: &mut TimedIo<T>, conn: &Conn, patience: &mut Patience)
where
    T: AsyncRead + AsFd + Unpin,
{
    let ServerState { ticks, limits, .. } = &*conn.shared;
    // On the heap: an array would make the task of every connection larger.
    let mut buffer = vec![0; 16 * 1024];
    let mut looked = 0;
    loop {
        match timeout(ticks.length(), io.stream_mut().read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(read)) => patience.read(read),
            Err(_) => {}
        }
        let now = ticks.now();
        if now != looked {
            looked = now;
            patience.look(now, io.unsent());
        }
        let stage = conn.shared.stage();
        if stage == Stage::Cutting || patience.is_over(now, stage >= Stage::Leaving, limits) {
            return;
        }
    }
}

/// How long a client that was answered for the last time is read on.
#[derive(Debug)]
struct Patience {
    /// The client may send more: else it is only awaited that it takes everything.
    is_sending: bool,
    /// Few others are read on at the same time.
    are_few: bool,
    began: Millis,
    bytes: u64,
    /// What the client has not taken, and since when that is as it is.
    unsent: usize,
    moved: Millis,
    /// Since when the client has taken everything, and the bytes that came before.
    delivered: Option<(Millis, u64)>,
    longest: Millis,
    /// What is granted where many are read on, or the server stops.
    hurried: Millis,
    hurried_bytes: u64,
}

/// The longest that a client is read on where many are.
const HURRIED: Duration = Duration::from_secs(1);

impl Patience {
    fn new(settings: &Settings, now: Millis, is_sending: bool, are_few: bool) -> Self {
        Self {
            is_sending,
            are_few,
            began: now,
            bytes: 0,
            unsent: usize::MAX,
            moved: now,
            delivered: None,
            longest: millis(settings.linger_timeout),
            hurried: millis(settings.linger_timeout.min(HURRIED)),
            hurried_bytes: settings.linger_limit as u64,
        }
    }

    fn read(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    fn look(&mut self, now: Millis, unsent: usize) {
        if unsent != self.unsent {
            self.unsent = unsent;
            self.moved = now;
        }
        if unsent > 0 {
            self.delivered = None;
        } else if self.delivered.is_none() {
            self.delivered = Some((now, self.bytes));
        }
    }

    fn is_over(&self, now: Millis, is_hurried: bool, limits: &TimeLimits) -> bool {
        let is_hurried = is_hurried || !self.are_few;
        if is_hurried && (self.bytes >= self.hurried_bytes || now >= self.began + self.hurried) {
            return true;
        }
        let Some((since, before)) = self.delivered else {
            return now >= self.moved + limits.write;
        };
        let waited = now - since;
        let due = limits.body_rate.saturating_mul(waited) / 1_000;
        let is_slow = waited >= limits.body_grace && self.bytes - before < due;
        !self.is_sending || is_slow || waited >= self.longest
    }
}

/// An answer as HTTP/1.1 writes it. Its body is whole: refusals do not stream.
async fn render(response: Response) -> Vec<u8> {
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_str());
    let date = date::text();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "date: {date}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    let mut wire = text.into_bytes();
    let written = [header::DATE, header::CONNECTION, header::CONTENT_LENGTH];
    for (name, value) in parts
        .headers
        .iter()
        .filter(|(name, _)| !written.contains(name))
    {
        wire.extend_from_slice(name.as_str().as_bytes());
        wire.extend_from_slice(b": ");
        wire.extend_from_slice(value.as_bytes());
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    wire.extend_from_slice(&body);
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TimeLimits = TimeLimits {
        header: 0,
        idle: 0,
        write: 30_000,
        body: 0,
        body_grace: 5_000,
        body_rate: 240,
    };

    fn patience(is_sending: bool, are_few: bool) -> Patience {
        Patience {
            is_sending,
            are_few,
            began: 1_000,
            bytes: 0,
            unsent: usize::MAX,
            moved: 1_000,
            delivered: None,
            longest: 30_000,
            hurried: 1_000,
            hurried_bytes: 256,
        }
    }

    #[test]
    fn a_client_is_read_on_while_it_keeps_the_rate() {
        let mut client = patience(true, true);
        client.look(1_000, 0);
        let over = |client: &Patience, now| client.is_over(now, false, &LIMITS);
        assert!(!over(&client, 5_999), "within the grace");
        assert!(over(&client, 6_000), "nothing came");
        client.read(1_000_000_000);
        assert!(!over(&client, 30_999));
        assert!(over(&client, 31_000), "that is all the time there is");
    }

    #[test]
    fn the_time_begins_when_the_client_has_taken_everything() {
        let mut client = patience(true, true);
        for (now, unsent) in [(1_000, 100), (29_000, 99), (58_000, 98)] {
            client.look(now, unsent);
            assert!(!client.is_over(now, false, &LIMITS));
        }
        assert!(client.is_over(88_000, false, &LIMITS), "it takes no more");
        client.look(60_000, 0);
        assert!(!client.is_over(64_000, false, &LIMITS));
        assert!(client.is_over(65_000, false, &LIMITS));
    }

    #[test]
    fn a_client_that_sends_no_more_is_done_once_it_has_taken_everything() {
        let mut client = patience(false, true);
        client.look(1_000, 5);
        assert!(!client.is_over(2_000, false, &LIMITS));
        client.look(2_000, 0);
        assert!(client.is_over(2_000, false, &LIMITS));
    }

    #[test]
    fn where_many_are_read_on_or_the_server_stops_there_is_little_time() {
        for (are_few, stops) in [(false, false), (true, true)] {
            let mut client = patience(true, are_few);
            client.look(1_000, 50);
            assert!(!client.is_over(1_999, stops, &LIMITS));
            assert!(client.is_over(2_000, stops, &LIMITS));
            client.read(256);
            assert!(client.is_over(1_001, stops, &LIMITS));
        }
    }

    #[test]
    fn a_refusal_says_what_was_too_much() {
        let settings = crate::config::resolve(&crate::config::Config::new(), None, [])
            .unwrap()
            .0;
        let code = |status, read: &[u8]| {
            let problem = refusal(status, read, &settings);
            (problem.status().as_u16(), problem.code().to_owned())
        };
        let long = "a".repeat(70_000);
        let many = "a: b\r\n".repeat(101);
        let malformed = (400, "malformed_request".to_owned());
        let too_large = (431, "headers_too_large".to_owned());
        let uri = (414, "uri_too_long".to_owned());
        assert_eq!(code(431, b""), malformed, "the head is used up");
        assert_eq!(code(431, &long.as_bytes()[..9_000]), malformed);
        assert_eq!(
            code(431, long.as_bytes()),
            (501, "not_implemented".to_owned())
        );
        assert_eq!(code(431, format!("GET /{long}").as_bytes()), uri);
        assert_eq!(code(414, format!("GET /{long}").as_bytes()), uri);
        let head = format!("GET / HTTP/1.1\r\nx: {long}");
        assert_eq!(code(431, head.as_bytes()), too_large);
        let head = format!("GET / HTTP/1.1\r\n{many}\r\n");
        assert_eq!(code(431, head.as_bytes()), too_large);
        assert_eq!(code(400, b"no http\r\n"), malformed);
    }
}
