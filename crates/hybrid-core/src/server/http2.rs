//! One HTTP/2 connection with prior knowledge: every stream is a task of its
//! own, with its own time limits (`stream`).

use std::{convert::Infallible, pin::Pin, sync::Arc, task::Poll};

use http_body::Body as _;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::{
    Application,
    accept::Server,
    conn::{Conn, Lapse},
    serving::{self, Answered},
    shared::Stage,
    stream::{OpenStream, StreamTasks},
    timed_body::{BodyWatch, Http2Body, RequestBody, Unread},
    timed_io::TimedIo,
};
use crate::{body::Body, config::Settings, head::RequestHead};

fn builder(settings: &Settings, tasks: StreamTasks) -> http2::Builder<StreamTasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        // One timer for each connection, for the PINGs.
        .timer(TokioTimer::new())
        .keep_alive_interval(settings.http2_ping)
        .keep_alive_timeout(settings.http2_ping_timeout)
        .max_concurrent_streams(narrow(settings.http2_streams_max))
        .max_pending_accept_reset_streams(settings.http2_pending_resets_max)
        .max_local_error_reset_streams(settings.http2_errors_max)
        .max_header_list_size(narrow(settings.head_limit))
        .initial_stream_window_size(narrow(settings.http2_stream_window))
        .initial_connection_window_size(narrow(settings.http2_connection_window));
    builder
}

/// The ranges of the keys fit; what would not is as good as unlimited.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX >> 1)
}

/// Serves a connection to its end.
pub(crate) async fn run<A: Application>(
    server: &Arc<Server<A>>,
    conn: Arc<Conn>,
    mut io: TimedIo<TcpStream>,
) {
    io.allow_shutdown();
    conn.multiplex();
    let tasks = StreamTasks::new(Arc::clone(&conn));
    let builder = builder(&server.settings, tasks.clone());
    let app = A::connect(&server.app);
    let service =
        service_fn(|request: http::Request<Incoming>| serve(server, &app, tasks.begin(), request));
    let mut http = builder.serve_connection(TokioIo::new(io), service);
    let mut going = None;
    std::future::poll_fn(|cx| {
        conn.register(cx.waker());
        let lapse = conn.lapse();
        let stage = conn.shared.stage();
        let leaves = stage >= Stage::Leaving || lapse == Some(Lapse::Idle);
        if leaves && going.is_none() {
            // Says GOAWAY; streams that have come are served.
            Pin::new(&mut http).graceful_shutdown();
            going = Some(conn.shared.ticks.now());
        }
        if let Poll::Ready(done) = Pin::new(&mut http).poll(cx) {
            if let Err(error) = done {
                tracing::debug!(%error, "a connection ended with an error");
            }
            return Poll::Ready(());
        }
        // A client that was told to go, and neither asks nor takes anything.
        let lingers = lapse == Some(Lapse::Idle)
            && going.is_some_and(|since| conn.shared.ticks.passed(since, conn.shared.limits.write));
        let broken = matches!(lapse, Some(Lapse::SlowHead | Lapse::Stuck));
        if broken || lingers || stage == Stage::Cutting {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    conn.cut_streams();
}

/// One request, from its head to the head of its answer.
fn serve<A: Application>(
    server: &Server<A>,
    app: &A::Handle,
    running: Arc<OpenStream>,
    request: http::Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Http2Body>, Infallible>> + Send + 'static + use<A> {
    let (parts, incoming) = request.into_parts();
    let body = if incoming.is_end_stream() {
        Body::empty()
    } else {
        let watch = BodyWatch::Stream(Arc::clone(&running));
        Body::new(RequestBody::new(incoming, watch, Unread::Leave))
    };
    let serving = serving::begin(server, app, RequestHead::new(parts, running.peer()), body);
    async move {
        let Answered { mut response, .. } = serving.await;
        running.shared().date.write(response.headers_mut());
        Ok((*response).map(|body| Http2Body::new(body, running)))
    }
}
