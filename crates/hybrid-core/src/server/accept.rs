//! Accepting connections: within their number, without spinning on errors, and
//! to the last one that was waiting when the server stops.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hybrid_engine::background;
use hyper::server::conn::http1;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::{
    Application, closing,
    conn::Conn,
    head_checks::{HeadLimits, KnownHosts},
    http1 as first, http2 as second,
    shared::ServerState,
    sniff::{Sniffed, sniff},
    timed_io::TimedIo,
};
use crate::{config::Settings, head::Peer};

/// A server that accepts.
pub(crate) struct Server<A> {
    pub(crate) app: Arc<A>,
    pub(crate) settings: Settings,
    pub(crate) head_limits: HeadLimits,
    pub(crate) known_hosts: KnownHosts,
    pub(crate) http1: http1::Builder,
    pub(crate) shared: Arc<ServerState>,
    /// One permit for each connection that may be open.
    slots: Arc<Semaphore>,
    slots_max: u32,
    /// All connections have been taken at least once.
    was_full: AtomicBool,
}

/// The waits between attempts while the process is out of files or memory.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

impl<A: Application> Server<A> {
    pub(crate) fn new(app: Arc<A>, connections_max: usize) -> Arc<Self> {
        let settings = app.settings().clone();
        let slots_max = u32::try_from(connections_max).unwrap_or(u32::MAX).max(1);
        Arc::new(Self {
            head_limits: HeadLimits::of(&settings),
            known_hosts: KnownHosts::default(),
            http1: first::builder(&settings),
            shared: ServerState::new(&settings, slots_max as usize),
            slots: Arc::new(Semaphore::new(slots_max as usize)),
            slots_max,
            was_full: AtomicBool::new(false),
            settings,
            app,
        })
    }

    /// Accepts until it is dropped. It pauses while all connections are taken.
    ///
    /// # Cancel safety
    /// A connection that was accepted is always served.
    pub(crate) async fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut backoff = BACKOFF_MIN;
        background::fail_here("accepting");
        loop {
            let permit = self.slot().await;
            match listener.accept().await {
                Ok((stream, addr)) => {
                    backoff = BACKOFF_MIN;
                    let conn = Conn::new(&self.shared, Peer { addr: Some(addr) });
                    self.spawn(stream, conn, permit);
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    if backoff == BACKOFF_MIN {
                        background::quietly(
                            || tracing::warn!(%error, "cannot accept connections, trying again"),
                        );
                    }
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Takes what waits to be accepted, without waiting for more; false where
    /// all connections are taken before that.
    ///
    /// The listener is the system's own: tokio's would say that nothing waits
    /// until it has heard of it.
    pub(crate) fn accept_waiting(self: &Arc<Self>, listener: &std::net::TcpListener) -> bool {
        loop {
            let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
                return false;
            };
            match listener.accept() {
                Ok((stream, addr)) => self.spawn_accepted(stream, addr, permit),
                Err(error) if is_about_one_connection(&error) => {}
                Err(_) => return true,
            }
        }
    }

    /// Like `accept_waiting`, as connections become free.
    pub(crate) async fn accept_rest(self: &Arc<Self>, listener: &std::net::TcpListener) {
        while !self.accept_waiting(listener) {
            drop(self.slot().await);
        }
    }

    /// Waits until no connection is left.
    pub(crate) async fn all_closed(&self) {
        // The semaphore is never closed.
        let _ = self.slots.acquire_many(self.slots_max).await;
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.slots_max as usize - self.slots.available_permits()
    }

    async fn slot(&self) -> OwnedSemaphorePermit {
        let slots = Arc::clone(&self.slots);
        if let Ok(permit) = Arc::clone(&slots).try_acquire_owned() {
            return permit;
        }
        // Said once: while it lasts it would be said for every connection.
        if !self.was_full.swap(true, Ordering::Relaxed) {
            let connections = self.slots_max;
            background::quietly(|| {
                tracing::warn!(
                    connections,
                    "all connections are taken, accepting pauses meanwhile"
                )
            });
        }
        slots
            .acquire_owned()
            .await
            .expect("the semaphore is never closed")
    }

    fn spawn_accepted(
        self: &Arc<Self>,
        stream: std::net::TcpStream,
        addr: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) {
        let mut first = [0];
        let waits = stream.set_nonblocking(true).is_ok()
            && stream.peek(&mut first).is_ok_and(|bytes| bytes > 0);
        let conn = Conn::new(&self.shared, Peer { addr: Some(addr) });
        if waits {
            conn.expect_bytes();
        }
        match TcpStream::from_std(stream) {
            Ok(stream) => self.spawn(stream, conn, permit),
            Err(error) => background::quietly(
                || tracing::warn!(%error, "cannot serve an accepted connection"),
            ),
        }
    }

    fn spawn(self: &Arc<Self>, stream: TcpStream, conn: Arc<Conn>, permit: OwnedSemaphorePermit) {
        // Answers are written whole: waiting to merge them only delays.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the client left before its connection was served");
        }
        let open = self.shared.open(Arc::clone(&conn), permit);
        let io = TimedIo::new(stream, Arc::clone(&conn), open);
        // A panic in there ends this task and its connection, nothing else.
        tokio::spawn(run(Arc::clone(self), conn, io));
    }
}

/// Serves a connection to its end, whatever it speaks.
#[expect(
    clippy::manual_async_fn,
    reason = "that holds its arguments twice, and the stream is large"
)]
fn run<A: Application>(
    server: Arc<Server<A>>,
    conn: Arc<Conn>,
    mut io: TimedIo<TcpStream>,
) -> impl Future<Output = ()> {
    async move {
        match sniff(&mut io, &conn).await {
            Sniffed::Http1 => first::run(&server, conn, io).await,
            // Boxed, as the rare ones of HTTP/1 are: the task is as large as its
            // largest part, and most connections are HTTP/1 and idle.
            Sniffed::Http2 => Box::pin(second::run(&server, conn, io)).await,
            Sniffed::SlowHead => Box::pin(closing::too_slow(&server, io, &conn)).await,
            Sniffed::Nothing => {}
        }
    }
}

/// Errors of `accept` that concern the connection, not the listener.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
