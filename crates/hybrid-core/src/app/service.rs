//! The application as a tower service, for programs that bring their own server:
//! hybrid inside axum, say.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request as HttpRequest;
use hybrid_engine::background;
use tokio::runtime::Handle;
use tower_service::Service;

use super::{
    App, AppHandle, BuiltApp,
    build::{self, Built, Purpose},
    serve::build_apart,
    start_log::say_start,
};
use crate::{
    BoxError, Response,
    error::{Error, Fault},
    head::{Peer, RequestHead},
    respond::into_body,
    server::Application,
};

/// A built application as a [`tower_service::Service`]; see [`App::into_service`].
///
/// Its thread pool ends with its last clone.
#[derive(Clone)]
pub struct AppService {
    app: AppHandle,
}

impl App {
    /// Builds the application as a tower service, inside a tokio runtime.
    ///
    /// The configuration applies as far as it is not the server's; time limits
    /// on connections are those of the server it is put into. Start hooks run,
    /// stop hooks do not.
    ///
    /// # Errors
    /// Everything that is wrong with the application; among it async states and
    /// hooks, which [`into_service_async`](Self::into_service_async) can await.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn into_service(self) -> Result<AppService, Error> {
        let runtime = Handle::current();
        let mut configured = build::settings(&self.config, Purpose::Mounting);
        if self.awaits() {
            let message = "the app has async states or hooks: use `into_service_async().await`";
            configured.faults.push(Fault::new(message));
            return Err(Error::from_faults(configured.faults));
        }
        let thread = std::thread::Builder::new().name("hybrid-start".to_owned());
        let built = std::thread::scope(|scope| {
            let build = move || build::build(self, configured, Purpose::Mounting, &runtime);
            let built = thread.spawn_scoped(scope, build);
            built.map(std::thread::ScopedJoinHandle::join)
        });
        match built {
            Ok(Ok(built)) => Ok(AppService::of(&built?)),
            Ok(Err(_)) => Err(Error::from_faults(vec![Fault::new("the start panicked")])),
            Err(error) => Err(Error::one("no thread to start on", error)),
        }
    }

    /// As [`into_service`](Self::into_service), awaiting async states and hooks.
    ///
    /// # Errors
    /// Everything that is wrong with the application.
    ///
    /// # Cancel safety
    /// Dropped early, the states that were being made are dropped when they are
    /// ready.
    pub async fn into_service_async(self) -> Result<AppService, Error> {
        let built = build_apart(self, Purpose::Mounting).await?;
        Ok(AppService::of(&built))
    }

    fn awaits(&self) -> bool {
        self.root.awaits() || self.hooks.awaits()
    }
}

impl AppService {
    fn of(built: &Built) -> Self {
        background::quietly(|| say_start(built.app.context(), &built.warnings));
        if built.app.context().settings().admin.is_some() {
            tracing::warn!(
                "`admin` is ignored: an app inside another server listens nowhere; use `admin_at`"
            );
        }
        Self {
            app: Application::connect(&built.app),
        }
    }
}

impl<B> Service<HttpRequest<B>> for AppService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        let (head, body) = request.map(into_body).into_parts();
        let answer = BuiltApp::call(&self.app, RequestHead::new(head, Peer::default()), body);
        Box::pin(async move { Ok(*answer.await) })
    }
}

impl fmt::Debug for AppService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.app.fmt(f)
    }
}
