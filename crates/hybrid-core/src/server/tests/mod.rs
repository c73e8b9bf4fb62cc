//! The server over real sockets, with a small application of its own.

mod heads;
mod http1;
mod http2;
mod slow;
mod stopping;
mod timing;

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as _, Frame};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{serve::ServeOutcome, *};
use crate::{
    BoxError, BoxResponse, Request, Response, ResponseFuture,
    body::{Body, BodyTooSlow},
    config::{Config, Settings, resolve},
    head::RequestHead,
    per_connection::PerConnection,
    problem::Problem,
};

/// Longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// An application whose paths do what the tests need.
struct TestApp {
    settings: Settings,
    /// A request to `/gate` has begun; it ends when `gate` is opened.
    entered: Notify,
    gate: Notify,
    /// Handlers whose future was dropped before it answered.
    abandoned: Notify,
    /// An endless answer was dropped.
    body_dropped: Arc<Notify>,
    calls: AtomicUsize,
    stopping: AtomicBool,
}

impl Application for TestApp {
    type Handle = PerConnection<Self>;
    type Answer = ResponseFuture;

    fn connect(app: &Arc<Self>) -> PerConnection<Self> {
        PerConnection::of(app)
    }

    fn call(
        app: &PerConnection<Self>,
        request_head: Box<RequestHead>,
        body: Body,
    ) -> ResponseFuture {
        let app = app.clone();
        Box::pin(async move { Self::answer(app, request_head, body).await })
    }

    fn refuse(&self, problem: Problem, _head: &http::request::Parts) -> Response {
        let mut response = text(problem.code().to_owned());
        *response.status_mut() = problem.status();
        response
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn begin_stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

impl TestApp {
    async fn answer(
        app: PerConnection<Self>,
        request_head: Box<RequestHead>,
        body: Body,
    ) -> BoxResponse {
        let request = Request::from_parts(request_head.http, body);
        app.calls.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        Box::new(match path.as_str() {
            "/echo" => echo(request.into_body()).await,
            "/gate" => {
                let guard = Abandoned(app.clone(), false);
                app.entered.notify_one();
                app.gate.notified().await;
                guard.answered();
                text("through the gate")
            }
            "/large" => text("x".repeat(200_000)),
            "/endless" => {
                let dropped = Arc::clone(&app.body_dropped);
                Response::new(Body::new(Endless {
                    left: usize::MAX,
                    panics: false,
                    dropped,
                }))
            }
            "/panic-in-body" => {
                let dropped = Arc::clone(&app.body_dropped);
                Response::new(Body::new(Endless {
                    left: 2,
                    panics: true,
                    dropped,
                }))
            }
            "/panic" => panic!("as the test wants it"),
            "/refuse" => {
                let mut response = text("too large");
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                response
            }
            other => match other.strip_prefix("/bytes/") {
                Some(length) => Response::new(Body::from(pattern(length.parse().unwrap()))),
                None => match other.strip_prefix("/frames/") {
                    Some(length) => {
                        Response::new(Body::new(Frames(pattern(length.parse().unwrap()))))
                    }
                    None => text(format!("you asked for {other}")),
                },
            },
        })
    }
}

fn text(text: impl Into<String>) -> Response {
    Response::new(Body::from(text.into()))
}

async fn echo(mut body: Body) -> Response {
    let mut all = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame {
            Ok(frame) => all.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(error) => {
                let mut response = text(error.to_string());
                *response.status_mut() = match error.is::<BodyTooSlow>() {
                    true => StatusCode::REQUEST_TIMEOUT,
                    false => StatusCode::BAD_REQUEST,
                };
                return response;
            }
        }
    }
    Response::new(Body::from(all))
}

/// Notes a handler that was dropped before it answered.
struct Abandoned(PerConnection<TestApp>, bool);

impl Abandoned {
    fn answered(mut self) {
        self.1 = true;
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        if !self.1 {
            self.0.abandoned.notify_one();
        }
    }
}

/// A body of so many pieces of 64 KiB, at whose end it may panic.
struct Endless {
    left: usize,
    panics: bool,
    dropped: Arc<Notify>,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            assert!(!self.panics, "as the test wants it");
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(
            &[b'x'; 64 * 1024],
        )))))
    }
}

/// Bytes that show where they stand.
fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// A body of frames whose size is not told.
struct Frames(Bytes);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let length = self.0.len().min(64 * 1024);
        let data = self.0.split_to(length);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(data))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

/// A running server.
struct Running {
    app: Arc<TestApp>,
    addr: SocketAddr,
    stop: Option<oneshot::Sender<Stop>>,
    outcome: JoinHandle<ServeOutcome>,
}

async fn start(config: Config) -> Running {
    start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), config).await
}

fn app(config: &Config) -> Arc<TestApp> {
    Arc::new(TestApp {
        settings: resolve(config, None, []).unwrap().0,
        entered: Notify::new(),
        gate: Notify::new(),
        abandoned: Notify::new(),
        body_dropped: Arc::default(),
        calls: AtomicUsize::new(0),
        stopping: AtomicBool::new(false),
    })
}

async fn start_on(listener: TcpListener, config: Config) -> Running {
    let app = app(&config);
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async { stopped.await.unwrap_or_else(|_| Stop::asked()) };
    let outcome = tokio::spawn(serve(Arc::clone(&app), listener, stopped));
    Running {
        app,
        addr,
        stop: Some(stop),
        outcome,
    }
}

impl Running {
    async fn connect(&self) -> Client {
        Client::to(self.addr).await
    }

    /// A client that takes little at once.
    async fn connect_with_small_buffer(&self) -> Client {
        self.connect_with_buffer(4096).await
    }

    async fn connect_with_buffer(&self, bytes: u32) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        Client {
            stream: socket.connect(self.addr).await.unwrap(),
            read: Vec::new(),
        }
    }

    fn stop(&mut self) {
        self.stop_with(Stop::asked());
    }

    fn stop_with(&mut self, stop: Stop) {
        self.stop.take().expect("stopped once").send(stop).unwrap();
    }

    async fn outcome(self) -> ServeOutcome {
        within(self.outcome).await.unwrap()
    }

    fn calls(&self) -> usize {
        self.app.calls.load(Ordering::SeqCst)
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A client that speaks bytes.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn closes(&self) -> bool {
        self.head.contains("connection: close\r\n")
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    async fn to(addr: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(addr).await.unwrap(),
            read: Vec::new(),
        }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    async fn get(&mut self, path: &str) {
        self.send(get(path)).await;
    }

    /// Reads one answer with a `Content-Length`, `100 Continue` included.
    async fn answer(&mut self) -> Answer {
        let head = self.take_head().await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            self.fill().await;
        }
        let body = self.read.drain(..length).collect();
        Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body,
        }
    }

    async fn take_head(&mut self) -> String {
        loop {
            if let Some(end) = self
                .read
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                return String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
            }
            self.fill().await;
        }
    }

    async fn fill(&mut self) {
        let read = within(self.stream.read_buf(&mut self.read)).await.unwrap();
        assert!(
            read > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&self.read)
        );
    }

    /// Reads to the end; an error is the reset that no client should see.
    async fn rest(&mut self) -> io::Result<Vec<u8>> {
        within(self.stream.read_to_end(&mut self.read)).await?;
        Ok(std::mem::take(&mut self.read))
    }

    async fn is_closed_without_a_word(&mut self) {
        assert_eq!(self.rest().await.unwrap(), b"");
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

fn post(path: &str, length: usize, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n{more}\r\n")
}
