//! Serving: `run()`, which owns its runtime and its signals, and `serve(listener)`
//! inside a runtime of the user's.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle, Runtime},
};

use super::{
    App, Frozen,
    build::{self, Built, For},
    hooks::Hook,
    logging,
};
use crate::{
    admin::AdminServer,
    config::Settings,
    dispatch::process,
    error::{Error, Fault},
    server::{self, Stop, signal},
    sync::{AtomicUsize, Ordering},
};

impl App {
    /// Serves the application until SIGINT or SIGTERM, then answers what is
    /// left and returns.
    ///
    /// Reads the configuration, owns its runtime (`event_loops` threads) and its
    /// log, listens on `addr` (127.0.0.1:8000). In a worker process it is the
    /// worker's loop instead, and never returns.
    ///
    /// # Errors
    /// Everything that is wrong with the application or its configuration, at
    /// once; an address that cannot be listened on; a runtime that the system
    /// refuses.
    ///
    /// # Panics
    /// Inside a runtime: use [`serve`](Self::serve) there.
    pub fn run(mut self) -> Result<(), Error> {
        if let Some(sockets) = process::sockets() {
            process::serve_worker(self, sockets);
        }
        self.processes.by_run = true;
        let mut resolved = build::settings(&self.config, For::Serving);
        resolved.2.extend(one_address_twice(&resolved.0));
        logging::start(&resolved.0);
        let runtime = runtime(&resolved.0)?;
        let addr = resolved.0.addr;
        let built = build::build(self, resolved, For::Serving, runtime.handle())?;
        let listener = runtime
            .block_on(TcpListener::bind(addr))
            .map_err(|error| Error::one(format!("{addr} cannot be listened on"), error))?;
        let outcome = runtime.block_on(async {
            let stop = signal::stop()
                .map_err(|error| Error::one("signals cannot be listened to", error))?;
            serve_built(built, listener, stop).await
        });
        // Whatever a user spawned does not keep the process alive.
        runtime.shutdown_background();
        outcome
    }

    /// Serves the application on a listener, inside a tokio runtime that is
    /// there already. Await it, or give it an end with [`Serve::until`].
    ///
    /// ```no_run
    /// # mod hybrid { pub use hybrid_core::{app::App, error::Result}; }
    /// # async fn example(app: hybrid::App) -> hybrid::Result<()> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    /// app.serve(listener).until(async { /* until this is ready */ }).await
    /// # }
    /// ```
    pub fn serve(self, listener: TcpListener) -> Serve {
        Serve {
            app: self,
            listener,
            until: Box::pin(std::future::pending()),
        }
    }
}

/// An application about to be served; see [`App::serve`].
#[must_use = "nothing is served until it is awaited"]
pub struct Serve {
    app: App,
    listener: TcpListener,
    until: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Serve {
    /// Stops, gracefully, when the future is ready.
    pub fn until(mut self, until: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = Box::pin(until);
        self
    }
}

impl IntoFuture for Serve {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self {
                app,
                listener,
                until,
            } = self;
            let built = build_apart(app, For::Serving).await?;
            let stop = async move {
                until.await;
                Stop::asked()
            };
            serve_built(built, listener, stop).await
        })
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

/// Builds on a thread of its own, since constructors of states may block.
pub(crate) async fn build_apart(app: App, purpose: For) -> Result<Built, Error> {
    let runtime = Handle::current();
    let (say, hear) = tokio::sync::oneshot::channel();
    let build = move || {
        // Nobody listens where the caller was dropped meanwhile.
        let _ = say.send(build::build_app(app, purpose, &runtime));
    };
    let thread = std::thread::Builder::new().name("hybrid-start".to_owned());
    thread
        .spawn(build)
        .map_err(|error| Error::one("no thread to start on", error))?;
    hear.await
        .unwrap_or_else(|_| Err(Error::from_faults(vec![Fault::new("the start panicked")])))
}

/// The admin endpoints want a port of their own.
fn one_address_twice(settings: &Settings) -> Option<Fault> {
    let addr = settings.addr;
    let is_twice = settings.admin == Some(addr) && addr.port() != 0;
    is_twice.then(|| Fault::new(format!("`addr` and `admin` are both {addr}")))
}

async fn serve_built(
    built: Built,
    listener: TcpListener,
    stop: impl Future<Output = Stop>,
) -> Result<(), Error> {
    let Built {
        app,
        stop: hooks,
        warnings,
        admin,
    } = built;
    logging::say_start(&app, &warnings);
    let admin = admin.and_then(|listener| AdminServer::start(&app, listener));
    if let Ok(addr) = listener.local_addr() {
        tracing::info!("listening on http://{addr}");
    }
    let outcome = server::serve(Arc::clone(&app), listener, stop).await;
    if outcome.cut > 0 {
        tracing::warn!(
            connections = outcome.cut,
            "cut, since the time to finish was over"
        );
    }
    finish(&app, hooks, outcome.left.max(AFTER_LAST_ANSWER)).await;
    if let Some(admin) = admin {
        admin.stop().await;
    }
    Ok(())
}

/// What hooks and threads have after the last answer, also where the time to
/// finish is over.
const AFTER_LAST_ANSWER: Duration = Duration::from_secs(2);

/// What happens after the last answer: handlers whose clients have left, hooks,
/// threads; each within what is left of the time to finish.
async fn finish(app: &Frozen, hooks: Vec<Hook>, left: Duration) {
    app.finish(left).await;
    for hook in hooks {
        if let Err(fault) = hook.stop(left).await {
            tracing::error!("{fault}");
        }
    }
}

/// The event loops.
pub(crate) fn runtime(settings: &Settings) -> Result<Runtime, Error> {
    let number = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(settings.event_loops)
        .thread_name_fn(move || format!("hybrid-loop-{}", number.fetch_add(1, Ordering::Relaxed)))
        .enable_all()
        .build()
        .map_err(|error| Error::one("the event loops could not be started", error))
}
