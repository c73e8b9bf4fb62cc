//! The application as its author writes it.

use std::{fmt, future::Future, panic::Location};

use http::Request as HttpRequest;
use hybrid_engine::balance::Rules;
use tower_service::Service;

#[cfg(feature = "discover")]
use super::routes;
use super::{
    Group, HybridLayer, Middleware, Routes,
    hooks::{Hook, Hooks},
    layers::Fallback,
    processes,
};
use crate::{
    BoxError, Request,
    body::Body,
    config::Config,
    error::Fault,
    extract::FromRequestParts,
    problem::{ErrorFormat, Problem, Registration},
    respond::IntoResponse,
};

/// A web application: routes, and what stands around them.
///
/// The recommended shape is `fn app() -> App` beside
/// `fn main() -> hybrid::Result<()> { app().run() }`, so that tests build the
/// same app. Whatever is wrong with it is reported when it is built, all at
/// once, each fault with its file and line.
#[must_use]
pub struct App {
    pub(crate) root: Group,
    pub(crate) config: Config,
    pub(crate) hooks: Hooks,
    pub(crate) registrations: Vec<Registration>,
    pub(crate) error_format: ErrorFormat,
    pub(crate) trailing_slash: TrailingSlash,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) admin: Option<(String, &'static Location<'static>)>,
    pub(crate) health: Option<(String, &'static Location<'static>)>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) rules: Rules,
    pub(crate) processes: processes::Wanted,
}

/// What becomes of a path with a trailing slash that no route has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingSlash {
    /// It is another path: 404.
    #[default]
    Strict,
    /// 308 to the path without it (or with it), where a route is there, and the path
    /// itself is no mount's. The redirect names the path as the client sees it, prefixes
    /// of mounts included; inside another server, where those are not known, it is
    /// relative (with the feature `axum` it knows those of axum's `nest_service`).
    Redirect,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// An application without routes.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            root: Group::root(),
            config: Config::new(),
            hooks: Hooks::default(),
            registrations: Vec::new(),
            error_format: ErrorFormat::default(),
            trailing_slash: TrailingSlash::default(),
            fallback: None,
            admin: None,
            health: None,
            faults: Vec::new(),
            rules: Rules::default(),
            processes: processes::Wanted::default(),
        }
    }

    fn map_root(mut self, f: impl FnOnce(Group) -> Group) -> Self {
        self.root = f(self.root);
        self
    }

    /// Adds routes: `.routes(routes![list, create])`.
    pub fn routes(self, routes: Routes) -> Self {
        self.map_root(|root| root.routes(routes))
    }

    /// Adds a group of routes below a prefix.
    #[track_caller]
    pub fn group(mut self, prefix: &str, fill: impl FnOnce(Group) -> Group) -> Self {
        self.root = self.root.group(prefix, fill);
        self
    }

    /// Mounts a tower service, an axum `Router` say, below a path. It sees the
    /// path without the prefix; the client's address is in its extensions, as
    /// [`ClientAddr`](crate::head::ClientAddr), and with the feature `axum` as axum's
    /// `ConnectInfo<SocketAddr>`, which is the connection's.
    ///
    /// It gets what no route takes below that path, `mount("/", ..)` so of the whole
    /// application: paths that no route has, and the methods that no route of a path
    /// has, so that an application moves over handler by handler. A route below the
    /// prefix goes before it (`/legacy/{id}/orders` beside `mount("/legacy", ..)`); it
    /// goes before routes that say less (`/{*rest}`). What belongs to a mount is not
    /// redirected for its trailing slash.
    ///
    /// A route at the very path of a mount, or for all that is below, is a start-up
    /// error.
    #[track_caller]
    pub fn mount<S, B>(mut self, path: &str, service: S) -> Self
    where
        S: Service<HttpRequest<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.root = self.root.mount(path, service);
        self
    }

    /// Shares a value with the handlers that take `State<T>`.
    ///
    /// A worker process is the same program started again, and does not have the
    /// value: a route with `lane = process` that takes it is a start-up error. Give
    /// such a state by [`state_with`](Self::state_with).
    #[track_caller]
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.root = self.root.state(value);
        self
    }

    /// Shares a value that is made at start-up, before the server listens, in the
    /// order given; an error is part of the start-up report, and so is a panic.
    ///
    /// Worker processes, where routes with `lane = process` run, each call the
    /// constructor themselves, when a handler first takes the state: what they
    /// have is their own and is not shared with the server. If it fails there,
    /// the handlers that take the state answer 500, and the log says why. A state
    /// that no other route takes is not made by the server at all.
    ///
    /// The constructor may block. Middleware that asks for a state which nothing
    /// has made yet waits for it on its event loop.
    #[track_caller]
    pub fn state_with<T, E>(mut self, make: impl FnOnce() -> Result<T, E> + Send + 'static) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        self.root = self.root.state_with(make);
        self
    }

    /// As [`state_with`](Self::state_with), by an async constructor that runs in
    /// the app's runtime.
    #[track_caller]
    pub fn state_with_async<T, E, Fut>(
        mut self,
        make: impl FnOnce() -> Fut + Send + 'static,
    ) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.root = self.root.state_with_async(make);
        self
    }

    /// Shares a value that is made at start-up from another state, which stands before
    /// it: a pool of connections from the settings, say. In all else as
    /// [`state_with`](Self::state_with).
    ///
    /// ```
    /// # use hybrid_core::app::App;
    /// #[derive(Clone)]
    /// struct Settings {
    ///     database: String,
    /// }
    ///
    /// #[derive(Clone)]
    /// struct Database(String);
    ///
    /// let settings = Settings { database: "app.db".to_owned() };
    /// let app = App::new().state(settings).state_from(|settings: Settings| {
    ///     Ok::<_, std::io::Error>(Database(settings.database))
    /// });
    /// # let _ = app;
    /// ```
    #[track_caller]
    pub fn state_from<S, T, E>(
        mut self,
        make: impl FnOnce(S) -> Result<T, E> + Send + 'static,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        self.root = self.root.state_from(make);
        self
    }

    /// As [`state_from`](Self::state_from), by an async constructor.
    #[track_caller]
    pub fn state_from_async<S, T, E, Fut>(
        mut self,
        make: impl FnOnce(S) -> Fut + Send + 'static,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.root = self.root.state_from_async(make);
        self
    }

    /// Asks a guard for every route of the app, and takes its value away; see
    /// [`Group::guard`].
    #[track_caller]
    pub fn guard<G: FromRequestParts + Send + 'static>(mut self) -> Self {
        self.root = self.root.guard::<G>();
        self
    }

    /// Puts a tower layer around every route of the app, and around what is refused or
    /// panics further in: 404, 405, a path that cannot be read, an inner middleware.
    /// The first layer added is the outermost, whatever the order of calls.
    ///
    /// A layer may change the type of the request's body: tower-http's
    /// `RequestDecompressionLayer` and `RequestBodyLimitLayer` do. The route is found
    /// before layers run: where one rewrites the URI, what is further in sees it, and the
    /// route stays the same.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: HybridLayer,
    {
        self.map_root(|root| root.layer(layer))
    }

    /// Puts a middleware around every route of the app: an
    /// `async fn(Request, Next) -> Response`, or a `fn(&Head) -> Result<(), Problem>`.
    pub fn middleware<M, Kind>(self, middleware: M) -> Self
    where
        M: Middleware<Kind>,
    {
        self.map_root(|root| root.middleware(middleware))
    }

    /// Answers what no route takes, in place of the 404.
    pub fn fallback<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResponse> + Send + 'static,
    {
        self.fallback = Some(Fallback::new(handler));
        self
    }

    /// Puts the admin endpoints below a path of the application itself:
    /// `.admin_at("/_hybrid")` gives `/_hybrid/routes`, `/_hybrid/metrics`,
    /// `/_hybrid/health/ready` and the others; `docs/observability.md` explains them.
    ///
    /// They are off by default, since every client that reaches them may read them, unless the
    /// configuration has an `admin_token`: the application's layers, middleware and
    /// guards are not around them. They are answered on the event loop and never wait
    /// for the pool. The configuration's `admin` gives them a listener of their own
    /// instead, or as well. Without a token, on an address that others reach, the start
    /// warns.
    ///
    /// A path that a route or a mount has, or that does not begin with `/`, is a
    /// start-up error.
    #[track_caller]
    pub fn admin_at(mut self, path: &str) -> Self {
        self.admin = Some((path.to_owned(), Location::caller()));
        self
    }

    /// Puts the health endpoints alone below a path: `.health_at("/health")` gives
    /// `/health/live` (the event loops turn) and `/health/ready` (it serves and has not
    /// begun to stop: 200, else 503); `/health` itself answers as `ready`.
    ///
    /// Like those of [`admin_at`](Self::admin_at) they stand outside of layers, never
    /// wait for the pool, and are not counted; they ask for no token.
    ///
    /// A path that a route has, or that does not begin with `/`, is a start-up error.
    #[track_caller]
    pub fn health_at(mut self, path: &str) -> Self {
        self.health = Some((path.to_owned(), Location::caller()));
        self
    }

    /// What becomes of a trailing slash that no route has. Default: `Strict`.
    pub fn trailing_slash(mut self, trailing_slash: TrailingSlash) -> Self {
        self.trailing_slash = trailing_slash;
        self
    }

    /// The problem that an error type becomes under `?` in a handler, and as the
    /// `E` of its `Result`. It outranks what `#[derive(Problem)]` says of the type.
    pub fn on_error<E: std::error::Error + 'static>(
        mut self,
        to_problem: impl Fn(&E) -> Problem + Send + Sync + 'static,
    ) -> Self {
        self.registrations.push(Registration::mapping(to_problem));
        self
    }

    /// How errors are written. Default: RFC 9457.
    pub fn error_format(mut self, format: ErrorFormat) -> Self {
        self.error_format = format;
        self
    }

    /// Sets the configuration's builder layer; the file and the environment
    /// outrank it.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Runs at start-up, before the server listens; an error ends the start.
    #[track_caller]
    pub fn on_start<E: Into<BoxError>>(
        mut self,
        hook: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> Self {
        self.hooks.start.push(Hook::plain(hook, Location::caller()));
        self
    }

    /// As [`on_start`](Self::on_start), async.
    #[track_caller]
    pub fn on_start_async<E, Fut>(mut self, hook: impl FnOnce() -> Fut + Send + 'static) -> Self
    where
        E: Into<BoxError>,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.hooks
            .start
            .push(Hook::future(hook, Location::caller()));
        self
    }

    /// Runs when all requests have been answered; an error is logged.
    #[track_caller]
    pub fn on_stop<E: Into<BoxError>>(
        mut self,
        hook: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> Self {
        self.hooks.stop.push(Hook::plain(hook, Location::caller()));
        self
    }

    /// As [`on_stop`](Self::on_stop), async.
    #[track_caller]
    pub fn on_stop_async<E, Fut>(mut self, hook: impl FnOnce() -> Fut + Send + 'static) -> Self
    where
        E: Into<BoxError>,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.hooks.stop.push(Hook::future(hook, Location::caller()));
        self
    }

    /// Adds every annotated handler that is linked into the binary, and logs how
    /// many came from which module. Routes that the linker drops are missing
    /// silently: [`discover_exactly`](Self::discover_exactly) counts.
    #[cfg(feature = "discover")]
    pub fn discover(self) -> Self {
        self.routes(routes::discovered())
    }

    /// As [`discover`](Self::discover); any other number of handlers is a
    /// start-up error.
    #[cfg(feature = "discover")]
    #[track_caller]
    pub fn discover_exactly(mut self, expected: usize) -> Self {
        let found = routes::discovered();
        if found.entries.len() != expected {
            let message = format!(
                "{expected} routes were expected, {} found",
                found.entries.len()
            );
            self.faults
                .push(Fault::new(message).called_at("counted", Location::caller()));
        }
        self.routes(found)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
