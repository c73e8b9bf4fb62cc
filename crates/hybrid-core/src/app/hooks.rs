//! What runs before the server listens and after it has answered everybody.

use std::{fmt, future::Future, panic::Location, pin::Pin};

use crate::{BoxError, error::Fault};

type Running = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// One hook, with the place where it was given.
pub(crate) struct Hook {
    run: Box<dyn FnOnce() -> Running + Send>,
    awaits: bool,
    at: &'static Location<'static>,
}

/// The hooks of an application, in the order given.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) start: Vec<Hook>,
    pub(crate) stop: Vec<Hook>,
}

impl Hook {
    fn plain<E: Into<BoxError>>(
        hook: impl FnOnce() -> Result<(), E> + Send + 'static,
        at: &'static Location<'static>,
    ) -> Self {
        let run = move || -> Running { Box::pin(std::future::ready(hook().map_err(Into::into))) };
        Self {
            run: Box::new(run),
            awaits: false,
            at,
        }
    }

    fn future<E, Fut>(
        hook: impl FnOnce() -> Fut + Send + 'static,
        at: &'static Location<'static>,
    ) -> Self
    where
        E: Into<BoxError>,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        let run = move || -> Running {
            let running = hook();
            Box::pin(async move { running.await.map_err(Into::into) })
        };
        Self {
            run: Box::new(run),
            awaits: true,
            at,
        }
    }

    /// Runs it; an error becomes a fault that says where the hook was given.
    pub(crate) async fn run(self, what: &str) -> Result<(), Fault> {
        (self.run)().await.map_err(|error| {
            Fault::new(format!("{what} failed: {error}")).called_at("given", self.at)
        })
    }
}

impl Hooks {
    /// Whether a start hook is async.
    pub(super) fn awaits(&self) -> bool {
        self.start.iter().any(|hook| hook.awaits)
    }

    pub(super) fn on_start<E: Into<BoxError>>(
        &mut self,
        hook: impl FnOnce() -> Result<(), E> + Send + 'static,
        at: &'static Location<'static>,
    ) {
        self.start.push(Hook::plain(hook, at));
    }

    pub(super) fn on_start_async<E, Fut>(
        &mut self,
        hook: impl FnOnce() -> Fut + Send + 'static,
        at: &'static Location<'static>,
    ) where
        E: Into<BoxError>,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.start.push(Hook::future(hook, at));
    }

    pub(super) fn on_stop<E: Into<BoxError>>(
        &mut self,
        hook: impl FnOnce() -> Result<(), E> + Send + 'static,
        at: &'static Location<'static>,
    ) {
        self.stop.push(Hook::plain(hook, at));
    }

    pub(super) fn on_stop_async<E, Fut>(
        &mut self,
        hook: impl FnOnce() -> Fut + Send + 'static,
        at: &'static Location<'static>,
    ) where
        E: Into<BoxError>,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.stop.push(Hook::future(hook, at));
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({})", self.at)
    }
}
