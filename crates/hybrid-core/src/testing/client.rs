//! The client.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::runtime::Runtime;

use super::TestRequest;
use crate::{
    app::BuiltApp,
    app::{App, Purpose, build_app, event_loops},
    config::{self, Config},
    error::Error,
};

/// Calls an application without a socket.
///
/// It has a runtime of its own, so it works in a plain `#[test]` and, by
/// [`TestRequest::send_async`], in a `#[tokio::test]`. Only the builder's
/// configuration applies: no file, no environment. The client's address is
/// 127.0.0.1. The application is built at
/// the first request, so that a state which is replaced is never made.
///
/// A wrong expectation panics, with the line of the test that has it.
pub struct TestClient {
    app: Mutex<Option<App>>,
    built: OnceLock<Arc<BuiltApp>>,
    runtime: Option<Runtime>,
}

impl TestClient {
    /// A client of that application.
    ///
    /// # Panics
    /// The system refuses a runtime. The first request panics, with the start-up
    /// report, where the application cannot be built; [`check`](Self::check)
    /// returns it.
    #[must_use]
    #[track_caller]
    pub fn new(app: App) -> Self {
        let runtime = match event_loops(&test_settings()) {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error:?}"),
        };
        Self {
            app: Mutex::new(Some(app)),
            built: OnceLock::new(),
            runtime: Some(runtime),
        }
    }

    /// Builds the application now, and says what is wrong with it.
    ///
    /// # Errors
    /// The start-up report.
    ///
    /// # Panics
    /// A start hook panics.
    #[track_caller]
    pub fn check(&self) -> Result<(), Error> {
        // Held until the end: a second caller waits for what the first builds.
        let mut app = self.app.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(app) = app.take() else { return Ok(()) };
        let handle = self.runtime().handle();
        // A thread of its own: the caller may be inside a runtime.
        let built = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("hybrid-start".to_owned());
            let building = thread.spawn_scoped(scope, || build_app(app, Purpose::Testing, handle));
            building.map(std::thread::ScopedJoinHandle::join)
        });
        match built {
            Ok(Ok(built)) => {
                let app = built?.app;
                self.built.get_or_init(|| app);
                Ok(())
            }
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::one("no thread to start on", error)),
        }
    }

    /// A `GET` of that path.
    pub fn get(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::GET, path)
    }

    /// A `POST` of that path.
    pub fn post(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::POST, path)
    }

    /// A `PUT` of that path.
    pub fn put(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::PUT, path)
    }

    /// A `PATCH` of that path.
    pub fn patch(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::PATCH, path)
    }

    /// A `DELETE` of that path.
    pub fn delete(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::DELETE, path)
    }

    /// A `HEAD` of that path.
    pub fn head(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::HEAD, path)
    }

    /// An `OPTIONS` of that path.
    pub fn options(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(http::Method::OPTIONS, path)
    }

    /// A request of any method.
    pub fn request(&self, method: http::Method, path: impl Into<String>) -> TestRequest<'_> {
        TestRequest::new(self, method, path.into())
    }

    /// Replaces a state of that type, wherever the application or a group has
    /// it, by another value: a fake, say.
    ///
    /// # Panics
    /// No group has a state of that type, since a test that replaces nothing
    /// proves nothing; or a request was sent already.
    #[must_use]
    #[track_caller]
    pub fn replace_state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        let app = self.app.get_mut().unwrap_or_else(PoisonError::into_inner);
        let app = app
            .as_mut()
            .expect("a state is replaced before the first request");
        let replaced = app.root.replace_state(&value);
        assert!(
            replaced,
            "no state of type `{}` to replace",
            std::any::type_name::<T>()
        );
        self
    }

    /// Runs process routes in worker processes that run this program, whose `main`
    /// builds the same application: `env!("CARGO_BIN_EXE_app")`. Without it they run
    /// on the pool, since the test's own binary started again would run its tests.
    ///
    /// # Panics
    /// A request was sent already.
    #[must_use]
    #[track_caller]
    pub fn worker_binary(mut self, program: impl Into<std::path::PathBuf>) -> Self {
        let app = self.app.get_mut().unwrap_or_else(PoisonError::into_inner);
        let app = app
            .as_mut()
            .expect("the workers' program is named before the first request");
        app.processes.program = Some(program.into());
        self
    }

    #[track_caller]
    pub(crate) fn app(&self) -> &Arc<BuiltApp> {
        if let Err(error) = self.check() {
            panic!("{error:?}");
        }
        self.built
            .get()
            .expect("an application that could not be built was reported before")
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken by `drop` alone")
    }
}

fn test_settings() -> config::Settings {
    let config = Config::new().event_loops(2);
    match config::resolve(&config, None, Vec::new()) {
        Ok((settings, _)) => settings,
        Err(errors) => panic!("the defaults hold: {errors:?}"),
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        // In the background: a test may drop it inside a runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("built", &self.built)
            .finish_non_exhaustive()
    }
}

/// How long a test waits for an answer before it fails.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// An application whose balancer tells its story that many times faster, and is
/// generous about slow machines: no part of the public interface.
#[doc(hidden)]
pub fn hurry_balancer(mut app: App, factor: u32) -> App {
    app.rules = app.rules.for_tests(factor);
    app
}
