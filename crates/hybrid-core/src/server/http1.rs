//! One HTTP/1 connection: hyper parses and writes, the service below stands
//! between it and the application, and the driver watches the limits.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use http_body::Body as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    Application, Local,
    accept::Server,
    body::{Http1Body, RequestBody, Unread, Watch},
    closing,
    conn::{Conn, Lapse},
    head,
    serving::{self, Answered, Serving},
    shared::Stage,
    timed_io::TimedIo,
};
use crate::{BoxResponse, body::Body, config::Settings, head::Came};

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
    let app = Local::of(&server.app);
    let service = {
        let conn = Arc::clone(&conn);
        service_fn(move |request: http::Request<Incoming>| {
            conn.begin_request();
            serve(server, app.clone(), Arc::clone(&conn), request)
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
        // Otherwise the connection is somebody else's now.
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
    io: TimedIo<TcpStream>,
    read: Bytes,
) {
    match end {
        End::Cut | End::Idle => {}
        End::Lapse(Lapse::SlowHead) if !conn.has_left_unread() => {
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
    }
}

fn serve<A: Application>(
    server: &Server<A>,
    app: Local<A>,
    conn: Arc<Conn>,
    request: http::Request<Incoming>,
) -> Exchange<impl Future<Output = BoxResponse> + Send + 'static + use<A>> {
    let (parts, incoming) = request.into_parts();
    let sends_body = !incoming.is_end_stream();
    let body = if sends_body {
        let unread = unread(&parts, &incoming);
        Body::new(RequestBody::new(
            incoming,
            Watch::Conn(Arc::clone(&conn)),
            unread,
        ))
    } else {
        Body::empty()
    };
    let serving = serving::begin(server, app, Came::new(parts, conn.peer), body);
    Exchange {
        serving,
        conn: Some(conn),
        sends_body,
    }
}

impl<F: Future<Output = BoxResponse>> Future for Exchange<F> {
    type Output = Result<http::Response<Http1Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Answered {
            mut response,
            is_refused,
        } = ready!(this.serving.poll(cx));
        let conn = this
            .conn
            .take()
            .expect("a future is not polled after its end");
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

/// Bodies up to this size are passed over where nobody reads them.
const PASSED_OVER_BYTES_MAX: u64 = 8 * 1024;

/// To look at a body whose client awaits `100 Continue` would send that.
fn unread(parts: &Parts, incoming: &Incoming) -> Unread {
    let small = incoming
        .size_hint()
        .upper()
        .is_some_and(|bytes| bytes <= PASSED_OVER_BYTES_MAX);
    if small && !head::awaits_continue(&parts.headers) {
        Unread::PassOver
    } else {
        Unread::Leave
    }
}
