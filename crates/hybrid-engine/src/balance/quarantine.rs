//! Where the futures of an `async fn` run that keeps holding its loop: a small
//! runtime of its own, so that it delays only other functions of its kind.
//!
//! It is made by the balancer's thread when a class is moved there for the first
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

use super::stall_watch::Slots;
use crate::{
    catch::{Catching, Panicked},
    sync::{AtomicUsize, Ordering},
};

/// A future that a quarantine may take.
pub type BoxFuture<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// Why a future has no output of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotConfined {
    /// As many are in quarantine as may be.
    Full,
    /// The quarantine was closed while it ran.
    Closed,
}

/// Enough that one class's stall does not hold all others, few enough to leave
/// the machine to the loops.
const THREADS: usize = 2;

/// The quarantine of an application.
pub(super) struct Quarantine {
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

    /// A future that is polled in here; where it cannot be, `refuse` makes its output.
    pub(super) fn confine<R: Send + 'static>(
        &self,
        future: BoxFuture<R>,
        slots: Arc<Slots>,
        class: usize,
        refuse: impl FnOnce(NotConfined) -> R + Send + 'static,
    ) -> BoxFuture<R> {
        let (handle, permits) = (self.handle.clone(), Arc::clone(&self.permits));
        Box::pin(async move {
            let Ok(permit) = permits.try_acquire_owned() else {
                return refuse(NotConfined::Full);
            };
            let watched = Watched {
                future: Catching::new(future),
                slots,
                class,
            };
            let confined = async move {
                let output = watched.await;
                drop(permit);
                output
            };
            let output = Confined(handle.spawn(confined.in_current_span())).await;
            output.unwrap_or_else(|| refuse(NotConfined::Closed))
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

/// A future in quarantine; the stall watch sees each of its polls.
struct Watched<R> {
    future: Catching<R>,
    slots: Arc<Slots>,
    class: usize,
}

impl<R> Future for Watched<R> {
    type Output = Result<R, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let _watching = this.slots.watching_confined(this.class);
        Pin::new(&mut this.future).poll(cx)
    }
}

/// The output of a future in quarantine, `None` where the runtime was shut down under
/// it. Dropped, it cancels that future.
struct Confined<R>(JoinHandle<Result<R, Panicked>>);

impl<R> Future for Confined<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        Pin::new(&mut self.0).poll(cx).map(|ended| match ended {
            Ok(Ok(output)) => Some(output),
            // As on its event loop, where the caller catches it.
            Ok(Err(Panicked(text))) => std::panic::resume_unwind(Box::new(text)),
            Err(_) => None,
        })
    }
}

impl<R> Drop for Confined<R> {
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

    fn confined<R: Send + 'static>(
        quarantine: &Quarantine,
        future: BoxFuture<R>,
    ) -> BoxFuture<Result<R, NotConfined>> {
        let future = Box::pin(async { Ok(future.await) });
        quarantine.confine(future, Slots::new(2), 0, Err)
    }

    fn begin<R>(future: &mut BoxFuture<R>) -> Poll<R> {
        future
            .as_mut()
            .poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    fn waits(dropped: tokio::sync::mpsc::Sender<()>) -> BoxFuture<()> {
        Box::pin(async move {
            let _held = dropped;
            std::future::pending().await
        })
    }

    #[tokio::test]
    async fn futures_run_on_its_threads_and_panic_as_on_their_loop() {
        let quarantine = Quarantine::start(4).unwrap();
        let name = confined(&quarantine, Box::pin(async { thread_name() })).await;
        let name = name.unwrap();
        assert!(name.starts_with("hybrid-quarantine-"), "{name}");
        let panics = Box::pin(async { std::panic::resume_unwind(Box::new("boom")) });
        let caught = Catching::new(confined::<()>(&quarantine, panics)).await;
        assert_eq!(caught.expect_err("it panicked").0, "boom");
    }

    #[tokio::test]
    async fn what_is_beyond_its_bound_is_refused_and_what_is_dropped_is_cancelled() {
        let quarantine = Quarantine::start(1).unwrap();
        let (held, mut dropped) = tokio::sync::mpsc::channel(1);
        let mut first = confined(&quarantine, waits(held));
        assert!(begin(&mut first).is_pending());
        let second = confined(&quarantine, Box::pin(async { "second" })).await;
        assert_eq!(second, Err(NotConfined::Full));
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
        let mut future = confined(&quarantine, waits(held));
        assert!(begin(&mut future).is_pending());
        drop(quarantine);
        assert!(dropped.recv().await.is_none());
        assert_eq!(future.await, Err(NotConfined::Closed));
    }
}
