//! One HTTP/1 connection: hyper parses and writes, the service below stands
//! between it and the application, and the driver watches the limits.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Version, header, request::Parts};
use http_body::Body as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    Application,
    accept::Server,
    closing,
    conn::{Conn, Lapse, are_empty_lines},
    head_checks,
    serving::{self, Answered, Serving},
    shared::Stage,
    timed_body::{BodyWatch, Http1Body, RequestBody, Unread},
    timed_io::TimedIo,
};
use crate::{BoxResponse, body::Body, config::Settings, head::RequestHead};

/// hyper's parser of HTTP/1, with the limits of the settings.
pub(crate) fn builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(settings.head_limit)
        // Twice the head, so that `max_header_size` decides and not this.
        .max_buf_size(settings.head_limit.saturating_mul(2))
        // The limit is ours: hyper's sets a timer for every request.
        .header_read_timeout(None);
    // Any number but hyper's own default costs an allocation for each request.
    if settings.headers_max != HYPER_HEADERS_MAX {
        builder.max_headers(settings.headers_max);
    }
    builder
}

const HYPER_HEADERS_MAX: usize = 100;

/// How a connection came to its end, as far as hyper's part is concerned.
enum End {
    /// hyper is done with it, well or not.
    Done(hyper::Result<()>),
    Lapse(Lapse),
    /// The server stops, and nothing was being served.
    Idle,
    /// The server stops, and time is up.
    Cut,
}

/// Serves a connection to its end.
///
/// No `async fn`: that holds its arguments twice, and the stream is large.
pub(crate) fn run<A: Application>(
    server: &Arc<Server<A>>,
    conn: Arc<Conn>,
    io: TimedIo<TcpStream>,
) -> impl Future<Output = ()> {
    let app = A::connect(&server.app);
    let service = {
        let conn = Arc::clone(&conn);
        service_fn(move |request: http::Request<Incoming>| {
            conn.begin_request();
            serve(server, &app, Arc::clone(&conn), request)
        })
    };
    let mut http = server
        .http1
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    async move {
        let end = std::future::poll_fn(|cx| {
            conn.register(cx.waker());
            if let Poll::Ready(done) = Pin::new(&mut http).poll(cx) {
                return Poll::Ready(End::Done(done));
            }
            match conn.lapse() {
                Some(lapse) => Poll::Ready(End::Lapse(lapse)),
                None => match conn.shared.stage() {
                    Stage::Cutting => Poll::Ready(End::Cut),
                    Stage::Closing if conn.is_idle() => Poll::Ready(End::Idle),
                    _ => Poll::Pending,
                },
            }
        })
        .await;
        // Otherwise the connection was upgraded and is not ours now.
        if let Some(parts) = http.into_parts() {
            let (io, read) = (parts.io.into_inner(), parts.read_buf);
            // Boxed with all that it holds: the task is as large as its largest part,
            // and most connections are idle.
            Box::pin(finish(server, &conn, end, io, read)).await;
        }
    }
}

/// Says on the connection what is left to say.
async fn finish<A: Application>(
    server: &Arc<Server<A>>,
    conn: &Conn,
    end: End,
    mut io: TimedIo<TcpStream>,
    read: Bytes,
) {
    let is_broken = matches!(end, End::Cut | End::Lapse(_) | End::Done(Err(_)));
    if is_broken && conn.ends_with_answer() {
        // Closed, what was sent would look like the whole answer.
        let _ = io.stream_mut().set_zero_linger();
    }
    match end {
        End::Cut => {}
        End::Idle => closing::close(io, conn, &server.settings).await,
        // Empty lines that came with a body begin no head.
        End::Lapse(Lapse::SlowHead) if !conn.has_left_unread() && !are_empty_lines(&read) => {
            closing::too_slow(server, io, conn).await;
        }
        End::Lapse(lapse) => tracing::debug!(?lapse, "closing a connection"),
        End::Done(done) => {
            if let Err(error) = &done {
                tracing::debug!(%error, "a connection ended with an error");
            }
            match conn.held_back() {
                Some(status) => closing::refuse_head(server, io, conn, status, &read).await,
                None if done.is_ok() => closing::close(io, conn, &server.settings).await,
                None => {}
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// One request, from its head to the head of its answer.
    struct Exchange<F> {
        #[pin]
        serving: Serving<F>,
        conn: Option<Arc<Conn>>,
        sends_body: bool,
        // HTTP/1.0: where the length is not known, the end of the connection is the end.
        is_old: bool,
        held: Option<Box<HeldResponse>>,
    }
}

/// An answer that is sent once the small rest of its request's body has come: the
/// connection can stay then.
struct HeldResponse {
    answered: Answered,
    rest: RequestBody,
}

impl HeldResponse {
    /// Passes over the rest: to its end, or as long as its limits let it take.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(Ok(_)) = ready!(Pin::new(&mut self.rest).poll_frame(cx)) {}
        Poll::Ready(())
    }
}

fn serve<A: Application>(
    server: &Server<A>,
    app: &A::Handle,
    conn: Arc<Conn>,
    request: http::Request<Incoming>,
) -> Exchange<A::Answer> {
    let (parts, incoming) = request.into_parts();
    let is_old = parts.version < Version::HTTP_11;
    let sends_body = !incoming.is_end_stream();
    let body = if sends_body {
        let unread = unread(&parts, &incoming);
        Body::new(RequestBody::new(
            incoming,
            BodyWatch::Conn(Arc::clone(&conn)),
            unread,
        ))
    } else {
        Body::empty()
    };
    let serving = serving::begin(server, app, RequestHead::new(parts, conn.peer), body);
    Exchange {
        serving,
        conn: Some(conn),
        sends_body,
        is_old,
        held: None,
    }
}

/// The small rest of a body that its reader has left, where the connection may stay
/// for it.
fn rest_of(conn: &Arc<Conn>, answered: &Answered) -> Option<RequestBody> {
    let closes = answered.is_refused || conn.shared.stage() >= Stage::Leaving;
    if closes || conn.body.is_complete() {
        return None;
    }
    let rest = conn.take_rest()?;
    Some(RequestBody::new(
        rest,
        BodyWatch::Conn(Arc::clone(conn)),
        Unread::Leave,
    ))
}

impl<F: Future<Output = BoxResponse>> Future for Exchange<F> {
    type Output = Result<http::Response<Http1Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let answered = loop {
            if let Some(held) = this.held {
                ready!(held.poll(cx));
                let held = this.held.take().expect("it was there");
                break held.answered;
            }
            let answered = ready!(this.serving.as_mut().poll(cx));
            let rest = this.conn.as_ref().filter(|_| *this.sends_body);
            match rest.and_then(|conn| rest_of(conn, &answered)) {
                Some(rest) => *this.held = Some(Box::new(HeldResponse { answered, rest })),
                None => break answered,
            }
        };
        let conn = this
            .conn
            .take()
            .expect("a future is not polled after its end");
        let Answered {
            mut response,
            is_refused,
        } = answered;
        conn.shared.date.write(response.headers_mut());
        if *this.is_old && response.body().size_hint().exact().is_none() {
            conn.end_with_answer();
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            conn.upgrade();
        } else if closes(&conn, is_refused, *this.sends_body) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        Poll::Ready(Ok((*response).map(|body| Http1Body::new(body, conn))))
    }
}

/// Whether the connection ends with this answer.
fn closes(conn: &Conn, is_refused: bool, sends_body: bool) -> bool {
    let unread = sends_body && !conn.body.is_complete();
    if unread {
        conn.leave_unread();
    }
    // What was sent behind this request is answered before a server stops.
    let leaving = conn.shared.stage() >= Stage::Leaving && !conn.has_more();
    is_refused || leaving || unread
}

/// Bodies up to this size are passed over where the handler does not read them.
const PASSED_OVER_BYTES_MAX: u64 = 8 * 1024;

/// To look at a body whose client awaits `100 Continue` would send that.
fn unread(parts: &Parts, incoming: &Incoming) -> Unread {
    let small = incoming
        .size_hint()
        .upper()
        .is_some_and(|bytes| bytes <= PASSED_OVER_BYTES_MAX);
    if small && !head_checks::awaits_continue(&parts.headers) {
        Unread::PassOver
    } else {
        Unread::Leave
    }
}
