//! Where the futures of an `async fn` run that keeps holding its loop: a small
//! runtime of its own, so that it holds nobody but its like.
//!
//! It is made by the balancer's thread when a route is moved there for the first
//! time. What runs there is bounded like the queue for the pool; what is beyond
//! is refused. A request's future stays on its loop and waits for the one in
//! here: dropping it, which is what a client that leaves comes to, cancels that.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Semaphore,
    task::JoinHandle,
};
use tracing::Instrument as _;

use super::watch::Slots;
use crate::{
    BoxResponse, ResponseFuture,
    dispatch::catch::{Catching, Panicked},
    problem::{Problem, kinds},
    respond::IntoResponse,
    sync::{AtomicUsize, Ordering},
};

/// Enough that one route's stall does not hold all others, few enough to leave
/// the machine to the loops.
const THREADS: usize = 2;

/// The quarantine of an application.
pub(crate) struct Quarantine {
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    permits: Arc<Semaphore>,
}

impl Quarantine {
    /// Starts its threads; so many requests may be in it at once.
    pub(super) fn start(requests_max: usize) -> io::Result<Self> {
        let number = AtomicUsize::new(0);
        let name = move || {
            let number = number.fetch_add(1, Ordering::Relaxed);
            format!("hybrid-quarantine-{number}")
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name_fn(name)
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            permits: Arc::new(Semaphore::new(requests_max)),
        })
    }

    /// The future of a request, to be polled in here; `refused` is told where there
    /// is no room.
    pub(super) fn confine(
        &self,
        serving: ResponseFuture,
        slots: Arc<Slots>,
        route: usize,
        refused: impl FnOnce() + Send + 'static,
    ) -> ResponseFuture {
        let (handle, permits) = (self.handle.clone(), Arc::clone(&self.permits));
        Box::pin(async move {
            let Ok(permit) = permits.try_acquire_owned() else {
                refused();
                let full = "too many requests of routes that hold their loop";
                return Box::new(Problem::overloaded(full).into_response());
            };
            let watched = Watched {
                serving: Catching::new(serving),
                slots,
                route,
            };
            let confined = async move {
                let answered = watched.await;
                drop(permit);
                answered
            };
            Confined(handle.spawn(confined.in_current_span())).await
        })
    }

    /// Ends its threads; what still runs is cut at its next pause.
    pub(super) fn close(&self) {
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        // A runtime that is dropped where futures run would panic.
        self.close();
    }
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantine")
            .field("free", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

/// A future in quarantine, each poll under the eyes of the watch.
struct Watched {
    serving: Catching<BoxResponse>,
    slots: Arc<Slots>,
    route: usize,
}

impl Future for Watched {
    type Output = Result<BoxResponse, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let _watching = this.slots.watching_confined(this.route);
        Pin::new(&mut this.serving).poll(cx)
    }
}

/// The answer of a future in quarantine; dropped, it takes that with it.
struct Confined(JoinHandle<Result<BoxResponse, Panicked>>);

impl Future for Confined {
    type Output = BoxResponse;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BoxResponse> {
        Pin::new(&mut self.0).poll(cx).map(|ended| match ended {
            Ok(Ok(response)) => response,
            // As it would have on its loop, where it is caught and becomes a 500.
            Ok(Err(Panicked(text))) => std::panic::resume_unwind(Box::new(text)),
            // The runtime was shut down under it.
            Err(_) => Box::new(Problem::of(&kinds::SHUTTING_DOWN).into_response()),
        })
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    fn thread_name() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    fn confined(quarantine: &Quarantine, serving: ResponseFuture) -> ResponseFuture {
        quarantine.confine(serving, Slots::new(2), 0, || ())
    }

    fn begin(serving: &mut ResponseFuture) -> Poll<BoxResponse> {
        serving
            .as_mut()
            .poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    fn waits(dropped: tokio::sync::mpsc::Sender<()>) -> ResponseFuture {
        Box::pin(async move {
            let _held = dropped;
            std::future::pending().await
        })
    }

    #[tokio::test]
    async fn futures_run_on_its_threads_and_panic_as_on_their_loop() {
        let quarantine = Quarantine::start(4).unwrap();
        let says = Box::pin(async { Box::new(thread_name().into_response()) });
        let response = confined(&quarantine, says).await;
        let body = crate::extract::receive::read_to_end(response.into_body(), 100).await;
        let name = String::from_utf8(body.unwrap().to_vec()).unwrap();
        assert!(name.starts_with("hybrid-quarantine-"), "{name}");
        let panics = Box::pin(async { std::panic::resume_unwind(Box::new("boom")) });
        let caught = Catching::new(confined(&quarantine, panics)).await;
        assert_eq!(caught.expect_err("it panicked").0, "boom");
    }

    #[tokio::test]
    async fn what_is_beyond_its_bound_is_refused_and_what_is_dropped_is_cancelled() {
        let quarantine = Quarantine::start(1).unwrap();
        let (held, mut dropped) = tokio::sync::mpsc::channel(1);
        let mut first = confined(&quarantine, waits(held));
        assert!(begin(&mut first).is_pending());
        let second = confined(
            &quarantine,
            Box::pin(async { Box::new("second".into_response()) }),
        )
        .await;
        assert_eq!(
            second
                .extensions()
                .get::<crate::problem::Carried>()
                .map(|c| c.0.status().as_u16()),
            Some(503)
        );
        drop(first);
        assert!(dropped.recv().await.is_none());
        // Its place is free, as soon as it is gone.
        while quarantine.permits.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn it_ends_with_what_runs_in_it() {
        let quarantine = Quarantine::start(1).unwrap();
        let (held, mut dropped) = tokio::sync::mpsc::channel(1);
        let mut serving = confined(&quarantine, waits(held));
        assert!(begin(&mut serving).is_pending());
        drop(quarantine);
        assert!(dropped.recv().await.is_none());
        serving.await;
    }
}
