//! One HTTP/2 stream: the time limits of its request's body and of its answer,
//! and the task that serves it, which ends when the answer is not taken.
//!
//! h2 holds what the client's windows and the socket have no room for, also after
//! the task has ended. So the pieces of an answer tell when h2 writes them
//! ([`Piece`]), and a stream runs until the last of them is written or dropped.
//! Dropping the task resets the stream and leaves the connection's others alone.

use std::{
    io::IoSlice,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;

use super::{conn::Conn, shared::ServerState, ticks::Millis, waiting::BodyWait};
use crate::head::Peer;

/// What is known of a stream while it runs.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) body: BodyWait,
    /// Bytes that were given to h2 and are not written yet.
    held: AtomicUsize,
    /// Since when none of them was written.
    still_since: AtomicU64,
    /// Some were written since the sweeper last came by.
    moved: AtomicBool,
    /// The limit has passed, unless the whole connection is behind.
    due: AtomicBool,
    /// The task has ended: h2 alone has what is left.
    ended: AtomicBool,
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl Stream {
    fn give(&self, bytes: usize, now: Millis) {
        if self.held.fetch_add(bytes, Relaxed) == 0 {
            self.still_since.store(now, Relaxed);
        }
    }

    fn take(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
        self.moved.store(true, Relaxed);
    }

    /// Ends the stream's task.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Relaxed);
        self.waker.wake();
    }

    /// Whether a limit has passed, which `judge` decides on.
    pub(crate) fn sweep(&self, shared: &ServerState) -> bool {
        let body_is_late = self.body.sweep(shared);
        if self.moved.swap(false, Relaxed) {
            self.still_since.store(shared.ticks.now(), Relaxed);
            return body_is_late;
        }
        let since = self.still_since.load(Relaxed);
        let is_still =
            self.held.load(Relaxed) > 0 && shared.ticks.passed(since, shared.limits.write);
        if is_still {
            self.due.store(true, Relaxed);
        }
        is_still || body_is_late
    }

    /// Ends the stream where a limit has passed, unless the client is behind with all
    /// that the connection has sent: then the time does not count. False where
    /// nothing is left to end but what h2 holds.
    pub(crate) fn judge(&self, now: Millis, is_behind: bool) -> bool {
        self.body.judge(now, is_behind);
        if !self.due.swap(false, Relaxed) || self.moved.load(Relaxed) {
            return true;
        }
        if is_behind {
            self.still_since.store(now, Relaxed);
            return true;
        }
        self.cut();
        !self.ended.load(Relaxed)
    }
}

/// A stream that runs: it ends when its task and its last piece are gone.
#[derive(Debug)]
pub(crate) struct OpenStream {
    conn: Arc<Conn>,
    pub(crate) stream: Arc<Stream>,
}

impl OpenStream {
    pub(crate) fn shared(&self) -> &ServerState {
        &self.conn.shared
    }

    pub(crate) fn peer(&self) -> Peer {
        self.conn.peer
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.conn.end_stream(&self.stream);
    }
}

/// Bytes of an answer. h2 takes them as it writes them.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    running: Arc<OpenStream>,
}

impl Piece {
    pub(crate) fn new(bytes: Bytes, running: &Arc<OpenStream>) -> Self {
        let now = running.shared().ticks.now();
        running.stream.give(bytes.len(), now);
        Self {
            bytes,
            running: Arc::clone(running),
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.running.stream.take(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let left = self.bytes.len();
        self.running.stream.held.fetch_sub(left, Relaxed);
    }
}

/// Runs the streams of one connection as tasks. The service leaves the stream
/// that it has just begun; hyper then asks for the task of exactly that one.
#[derive(Clone, Debug)]
pub(crate) struct StreamTasks {
    conn: Arc<Conn>,
    next: Arc<Mutex<Option<Arc<OpenStream>>>>,
}

impl StreamTasks {
    pub(crate) fn new(conn: Arc<Conn>) -> Self {
        Self {
            conn,
            next: Arc::default(),
        }
    }

    /// Begins a stream, whose task comes next.
    pub(crate) fn begin(&self) -> Arc<OpenStream> {
        let stream = Arc::<Stream>::default();
        self.conn.begin_stream(Arc::clone(&stream));
        let running = Arc::new(OpenStream {
            conn: Arc::clone(&self.conn),
            stream,
        });
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&running));
        running
    }
}

impl<F> hyper::rt::Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, serve: F) {
        let next = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match next {
            Some(running) => {
                let task = TaskOf(running);
                tokio::spawn(StreamTask { serve, task });
            }
            // The pump of an upgraded stream.
            None => drop(tokio::spawn(serve)),
        }
    }
}

pin_project_lite::pin_project! {
    struct StreamTask<F> {
        // Declared first, so that the stream is reset before it counts as ended.
        #[pin]
        serve: F,
        task: TaskOf,
    }
}

/// Says that a stream's task has ended, also when it panics.
struct TaskOf(Arc<OpenStream>);

impl Drop for TaskOf {
    fn drop(&mut self) {
        self.0.stream.ended.store(true, Relaxed);
    }
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let stream = &this.task.0.stream;
        stream.waker.register(cx.waker());
        if stream.cut.load(Relaxed) {
            return Poll::Ready(());
        }
        this.serve.poll(cx)
    }
}
