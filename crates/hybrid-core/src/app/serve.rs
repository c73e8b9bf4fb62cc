//! Serving: `run()`, which owns its runtime and its signals, and `serve(listener)`
//! inside a runtime of the user's.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use hybrid_engine::{
    background,
    catch::{Catching, Panicked},
    process,
    sync::{AtomicUsize, Ordering},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle, Runtime},
};

use super::{
    App, BuiltApp,
    build::{self, Built, Purpose},
    hooks::Hook,
    start_log::say_start,
    worker,
};
use crate::{
    admin::AdminServer,
    config::Settings,
    error::{Error, Fault},
    log::{self, stderr},
    server::{self, Ended, Stop, signal},
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
    /// refuses; and an end before everything was finished, by a second signal or
    /// since `shutdown_grace` was over: how many connections were cut.
    ///
    /// A runtime that is there already, `#[tokio::main]` say: call
    /// [`serve`](Self::serve) there.
    pub fn run(self) -> Result<(), Error> {
        if let Some(sockets) = process::sockets() {
            worker::serve(self, sockets);
        }
        let outcome = self.run_here();
        log::finish(LOG_WAIT);
        if outcome.is_err() && !stderr::is_ready(LOG_WAIT) {
            // `main` would write the error where nothing reads, and never end.
            std::process::exit(1);
        }
        outcome
    }

    fn run_here(mut self) -> Result<(), Error> {
        if Handle::try_current().is_ok() {
            return Err(inside_a_runtime());
        }
        self.processes.by_run = true;
        let mut configured = build::settings(&self.config, Purpose::Serving);
        let settings = &configured.settings;
        configured.faults.extend(one_address_twice(settings));
        log::start(settings)
            .map_err(|error| Error::one("the log's thread could not be started", error))?;
        let runtime = runtime(settings)?;
        let addr = settings.addr;
        let built = build::build(self, configured, Purpose::Serving, runtime.handle())?;
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
            let built = build_apart(app, Purpose::Serving).await?;
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
pub(crate) async fn build_apart(app: App, purpose: Purpose) -> Result<Built, Error> {
    let runtime = Handle::current();
    let (say, hear) = tokio::sync::oneshot::channel();
    let build = move || {
        // The receiver is gone where the caller was dropped meanwhile.
        let _ = say.send(build::build_app(app, purpose, &runtime));
    };
    let thread = std::thread::Builder::new().name("hybrid-start".to_owned());
    thread
        .spawn(build)
        .map_err(|error| Error::one("no thread to start on", error))?;
    hear.await
        .unwrap_or_else(|_| Err(Error::from_faults(vec![Fault::new("the start panicked")])))
}

/// How long the end of a program waits for its last log lines to be written.
const LOG_WAIT: Duration = Duration::from_millis(500);

fn inside_a_runtime() -> Error {
    Error::from_faults(vec![Fault::new(
        "`run()` starts a runtime of its own and was called inside of one: write `fn main()` \
         without `#[tokio::main]` and `async`, or keep both and call \
         `app.serve(listener).await` in place of `run()`",
    )])
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
    stop: impl Future<Output = Stop> + Send + 'static,
) -> Result<(), Error> {
    let Built {
        app,
        stop: hooks,
        warnings,
        admin,
    } = built;
    background::quietly(|| say_start(app.context(), &warnings));
    let admin = admin.map(|listener| AdminServer::start(app.context(), listener));
    if let Ok(addr) = listener.local_addr() {
        background::quietly(|| tracing::info!("listening on http://{addr}"));
        if app.shows_admin_to(addr.ip()) {
            background::quietly(|| {
                tracing::warn!(
                    "the admin endpoints are open to every client that reaches {addr}: set `admin_token`"
                );
            });
        }
    }
    let serving = server::serve(Arc::clone(&app), listener, stop);
    let outcome = Catching::new(Box::pin(serving))
        .await
        .map_err(|Panicked(panic)| Error::while_serving("the server panicked and ends", panic))?;
    let left = match outcome.how {
        Ended::Finished => outcome.left.max(AFTER_LAST_ANSWER),
        // What does not end by itself has had its time.
        Ended::Late | Ended::AtOnce => AFTER_CUT,
    };
    finish(&app, hooks, left).await;
    if let Some(admin) = admin {
        admin.stop().await;
    }
    let cut = outcome.cut;
    let cut = format!(
        "{cut} connection{} cut",
        if cut == 1 { " was" } else { "s were" }
    );
    match outcome.how {
        Ended::Finished => Ok(()),
        Ended::Late => Err(Error::ended(format!(
            "the time to finish, `shutdown_grace`, was over before everything was finished: {cut}"
        ))),
        Ended::AtOnce => Err(Error::ended(format!(
            "stopped at once by a second signal, before everything was finished: {cut}"
        ))),
    }
}

/// What hooks and threads have after the last answer.
const AFTER_LAST_ANSWER: Duration = Duration::from_secs(2);
/// What threads have after the rest was cut, to notice.
const AFTER_CUT: Duration = Duration::from_millis(100);

/// What happens after the last answer: handlers whose clients have left, hooks,
/// threads; each within what is left of the time to finish.
async fn finish(app: &BuiltApp, hooks: Vec<Hook>, left: Duration) {
    app.context().finish(left).await;
    for hook in hooks {
        if let Err(fault) = hook.stop(left.max(AFTER_LAST_ANSWER)).await {
            background::quietly(|| tracing::error!("{fault}"));
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
