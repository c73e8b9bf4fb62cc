//! One HTTP/2 stream: the time limits of its request's body and of its answer,
//! and the task that serves it, which ends when the answer is not taken.
//!
//! hyper polls an answer's body again only after the last frame was taken, so
//! the time since a frame was given is the time without progress. Dropping the
//! task resets the stream and leaves the connection's others alone.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

use super::{conn::Conn, shared::Shared, ticks::Millis, waiting::Waiting};

/// What is known of a stream while its task lives.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) body: Waiting,
    /// When a frame was given that has not been taken, 0 for none.
    given: AtomicU64,
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl Stream {
    pub(crate) fn give(&self, now: Millis) {
        self.given.store(now, Relaxed);
    }

    pub(crate) fn take(&self) {
        self.given.store(0, Relaxed);
    }

    /// Ends the stream's task.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Relaxed);
        self.waker.wake();
    }

    pub(crate) fn sweep(&self, shared: &Shared) {
        self.body.sweep(shared);
        let given = self.given.load(Relaxed);
        if given != 0 && shared.ticks.passed(given, shared.limits.write) {
            self.cut();
        }
    }
}

/// Runs the streams of one connection as tasks. The service leaves the stream
/// that it has just begun; hyper then asks for the task of exactly that one.
#[derive(Clone, Debug)]
pub(crate) struct StreamTasks {
    conn: Arc<Conn>,
    next: Arc<Mutex<Option<Arc<Stream>>>>,
}

impl StreamTasks {
    pub(crate) fn new(conn: Arc<Conn>) -> Self {
        Self {
            conn,
            next: Arc::default(),
        }
    }

    /// Begins a stream, whose task comes next.
    pub(crate) fn begin(&self) -> Arc<Stream> {
        let stream = Arc::<Stream>::default();
        self.conn.begin_stream(Arc::clone(&stream));
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&stream));
        stream
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
            Some(stream) => {
                let running = Running {
                    conn: Arc::clone(&self.conn),
                    stream,
                };
                tokio::spawn(StreamTask { serve, running });
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
        running: Running,
    }
}

/// Says that the stream has ended, also when its task panics.
struct Running {
    conn: Arc<Conn>,
    stream: Arc<Stream>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.conn.end_stream(&self.stream);
    }
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.running.stream.waker.register(cx.waker());
        if this.running.stream.cut.load(Relaxed) {
            return Poll::Ready(());
        }
        this.serve.poll(cx)
    }
}
