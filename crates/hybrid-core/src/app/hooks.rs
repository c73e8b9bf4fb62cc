//! What runs before the server listens and after it has answered every request.

use std::{fmt, future::Future, panic::Location, pin::Pin, time::Duration};

use hybrid_engine::catch::{Catching, Panicked};
use tokio::{runtime::Handle, sync::oneshot};

use crate::{BoxError, error::Fault};

type HookFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// One hook, with the place where it was given.
pub(crate) struct Hook {
    run: Run,
    at: &'static Location<'static>,
}

enum Run {
    /// May block: called on a thread that is no event loop.
    Plain(Box<dyn FnOnce() -> Result<(), BoxError> + Send>),
    Async(Box<dyn FnOnce() -> HookFuture + Send>),
}

/// The hooks of an application, in the order given.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) start: Vec<Hook>,
    pub(crate) stop: Vec<Hook>,
}

impl Hook {
    /// A hook that may block.
    pub(super) fn plain<E: Into<BoxError>>(
        hook: impl FnOnce() -> Result<(), E> + Send + 'static,
        at: &'static Location<'static>,
    ) -> Self {
        let run = Run::Plain(Box::new(move || hook().map_err(Into::into)));
        Self { run, at }
    }

    /// An async hook.
    pub(super) fn future<E, Fut>(
        hook: impl FnOnce() -> Fut + Send + 'static,
        at: &'static Location<'static>,
    ) -> Self
    where
        E: Into<BoxError>,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        let run = move || -> HookFuture {
            let running = hook();
            Box::pin(async move { running.await.map_err(Into::into) })
        };
        Self {
            run: Run::Async(Box::new(run)),
            at,
        }
    }

    /// Runs a start hook, on a thread that may block.
    pub(crate) fn start(self, runtime: &Handle) -> Result<(), Fault> {
        let Self { run, at } = self;
        let ran = match run {
            Run::Plain(run) => run(),
            Run::Async(run) => runtime.block_on(run()),
        };
        ran.map_err(|error| failed("a start hook", &error, at))
    }

    /// Runs a stop hook, for so long at most; a panic is its failure.
    pub(crate) async fn stop(self, longest: Duration) -> Result<(), Fault> {
        let Self { run, at } = self;
        let running: HookFuture = match run {
            Run::Plain(run) => Box::pin(on_a_thread(run)),
            Run::Async(run) => run(),
        };
        let ran = match tokio::time::timeout(longest, Catching::new(running)).await {
            Ok(Ok(ran)) => ran,
            Ok(Err(Panicked(panic))) => Err(format!("it panicked: {panic}").into()),
            Err(_) => Err("it took too long and was left".into()),
        };
        ran.map_err(|error| failed("a stop hook", &error, at))
    }
}

fn failed(what: &str, error: &BoxError, at: &'static Location<'static>) -> Fault {
    Fault::new(format!("{what} failed: {error}")).called_at("given", at)
}

async fn on_a_thread(
    run: Box<dyn FnOnce() -> Result<(), BoxError> + Send>,
) -> Result<(), BoxError> {
    let (say, hear) = oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("hybrid-stop".to_owned());
    thread.spawn(move || {
        let _context = runtime.enter();
        // The receiver is gone where it took too long.
        let _ = say.send(run());
    })?;
    hear.await.unwrap_or_else(|_| Err("it panicked".into()))
}

impl Hooks {
    /// Whether a start hook is async.
    pub(super) fn awaits(&self) -> bool {
        self.start
            .iter()
            .any(|hook| matches!(hook.run, Run::Async(_)))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({})", self.at)
    }
}
