//! The last words of a connection: the answers that are written without hyper,
//! and reading on for a while, so that the client sees them and not a reset
//! (RFC 9112, section 9.6).

use std::{fmt::Write as _, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::header;
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{Application, accept::Server, conn::Conn, head, timed_io::TimedIo};
use crate::{
    Response,
    config::Settings,
    problem::{Problem, kinds},
};

/// Answers 408 to a client that began a head and did not end it.
pub(crate) async fn too_slow<A, T>(server: &Arc<Server<A>>, io: TimedIo<T>, conn: &Conn)
where
    A: Application,
    T: AsyncRead + AsyncWrite + Unpin,
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
    T: AsyncRead + AsyncWrite + Unpin,
{
    let settings = &server.settings;
    let line_bytes_max = settings.uri_limit + settings.method_limit;
    let problem = match status {
        414 => head::uri_too_long(settings.uri_limit),
        // hyper counts bytes; the request line alone may have been too many.
        431 if read.iter().take(line_bytes_max).all(|byte| *byte != b'\n') => {
            head::uri_too_long(settings.uri_limit)
        }
        431 => head::headers_too_large(format!(
            "the head is larger than {} bytes, or has more than {} headers",
            settings.head_limit, settings.headers_max
        )),
        _ => Problem::bad_request("the head of the request is not HTTP"),
    };
    refuse(server, io, conn, problem).await;
}

async fn refuse<A, T>(server: &Arc<Server<A>>, mut io: TimedIo<T>, conn: &Conn, problem: Problem)
where
    A: Application,
    T: AsyncRead + AsyncWrite + Unpin,
{
    tracing::debug!(status = problem.status().as_u16(), "refused a head");
    // There is no request that the answer could belong to.
    let (parts, ()) = http::Request::new(()).into_parts();
    let wire = render(server.app.refuse(problem, &parts)).await;
    conn.leave_unread();
    let written = timeout(
        server.settings.linger_timeout,
        io.stream_mut().write_all(&wire),
    )
    .await;
    if matches!(written, Ok(Ok(()))) {
        close(io, conn, &server.settings).await;
    }
}

/// Closes the writing side, and reads on where the client may still be sending.
pub(crate) async fn close<T>(mut io: TimedIo<T>, conn: &Conn, settings: &Settings)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let lingers = conn.must_linger();
    let stream = io.stream_mut();
    // Errors here mean that the client has gone: nothing is left to do for it.
    if stream.shutdown().await.is_err() || !lingers {
        return;
    }
    let _ = timeout(
        settings.linger_timeout,
        read_on(stream, settings.linger_limit),
    )
    .await;
}

async fn read_on<T: AsyncRead + Unpin>(stream: &mut T, limit: usize) {
    // On the heap: an array would make the task of every connection larger.
    let mut buffer = vec![0; 4096];
    let mut left = limit;
    while left > 0 {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => left = left.saturating_sub(read),
        }
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
    let date = httpdate::HttpDate::from(wall_clock());
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

#[expect(
    clippy::disallowed_methods,
    reason = "the date header shows the time of day"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
