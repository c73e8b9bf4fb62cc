//! Groups: routes that share a prefix, layers, states and limits. The app itself
//! is the group without a prefix.

use std::{fmt, future::Future, panic::Location, time::Duration};

use http::Request as HttpRequest;
use tower_service::Service;

use super::{
    Routes,
    guards::GroupGuard,
    layers::{HybridLayer, Layer},
    middleware::Middleware,
    routes::RouteEntry,
};
use crate::{
    BoxError,
    body::Body,
    extract::FromRequestParts,
    router::Mount,
    state::{Make, Making, StateKey, StateSource, States, Value},
};

/// Routes below a common prefix: `.group("/api", |g| g.routes(routes![list]))`.
#[must_use]
pub struct Group {
    pub(crate) prefix: String,
    pub(crate) at: &'static Location<'static>,
    pub(crate) routes: Vec<RouteEntry>,
    pub(crate) groups: Vec<Self>,
    pub(crate) mounts: Vec<(String, Mount, &'static Location<'static>)>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) guards: Vec<GroupGuard>,
    pub(crate) states: Vec<StateSource>,
    pub(crate) limits: Limits,
}

/// What a group sets for its routes; a route's own attribute outranks it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) tags: Vec<String>,
    /// `Some(None)`: no time limit.
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) body_limit: Option<usize>,
}

impl Group {
    #[track_caller]
    pub(super) fn root() -> Self {
        Self::below(String::new(), Location::caller())
    }

    fn below(prefix: String, at: &'static Location<'static>) -> Self {
        Self {
            prefix,
            at,
            routes: Vec::new(),
            groups: Vec::new(),
            mounts: Vec::new(),
            layers: Vec::new(),
            guards: Vec::new(),
            states: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Adds routes below the group's prefix.
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes.extend(routes.entries);
        self
    }

    /// Adds a group below this one. Its prefix may hold parameters
    /// (`/tenants/{tenant}`), which its handlers take with `#[path]`.
    #[track_caller]
    pub fn group(mut self, prefix: &str, fill: impl FnOnce(Self) -> Self) -> Self {
        let group = Self::below(prefix.to_owned(), Location::caller());
        self.groups.push(fill(group));
        self
    }

    /// Mounts a tower service below a path; see [`App::mount`](super::App::mount).
    #[track_caller]
    pub fn mount<S, B>(mut self, path: &str, service: S) -> Self
    where
        S: Service<HttpRequest<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.mounts
            .push((path.to_owned(), Mount::new(service), Location::caller()));
        self
    }

    /// Shares a value with this group's handlers; it shadows one of the same
    /// type further out. A route with `lane = process` cannot take it; see
    /// [`App::state`](super::App::state).
    #[track_caller]
    pub fn state<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.add_state::<T>(Make::Given(Box::new(value)), Location::caller())
    }

    /// Shares a value that is made at start-up, or on first use by a worker
    /// process; see [`App::state_with`](super::App::state_with).
    #[track_caller]
    pub fn state_with<T, E>(self, make: impl FnOnce() -> Result<T, E> + Send + 'static) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        let make = move || make().map(value).map_err(Into::into);
        self.add_state::<T>(Make::With(Box::new(make)), Location::caller())
    }

    /// As [`state_with`](Self::state_with), by an async constructor.
    #[track_caller]
    pub fn state_with_async<T, E, Fut>(self, make: impl FnOnce() -> Fut + Send + 'static) -> Self
    where
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let make = move || {
            let making = make();
            let making: Making =
                Box::pin(async move { making.await.map(value).map_err(Into::into) });
            making
        };
        self.add_state::<T>(Make::WithAsync(Box::new(make)), Location::caller())
    }

    /// Shares a value that is made from a state which stands before it, here or
    /// further out; see [`App::state_from`](super::App::state_from).
    #[track_caller]
    pub fn state_from<S, T, E>(self, make: impl FnOnce(S) -> Result<T, E> + Send + 'static) -> Self
    where
        S: Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        let make = move |states: &States| make(needed(states)?).map(value).map_err(Into::into);
        self.add_state::<T>(
            Make::From(StateKey::of::<S>(), Box::new(make)),
            Location::caller(),
        )
    }

    /// As [`state_from`](Self::state_from), by an async constructor.
    #[track_caller]
    pub fn state_from_async<S, T, E, Fut>(
        self,
        make: impl FnOnce(S) -> Fut + Send + 'static,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let make = move |states: &States| {
            let making = needed(states).map(make);
            let making: Making =
                Box::pin(async move { making?.await.map(value).map_err(Into::into) });
            making
        };
        self.add_state::<T>(
            Make::FromAsync(StateKey::of::<S>(), Box::new(make)),
            Location::caller(),
        )
    }

    /// Replaces a state of that type, here and further in; whether there was one.
    pub(crate) fn replace_state<T: Clone + Send + Sync + 'static>(&mut self, value: &T) -> bool {
        let mut replaced = false;
        for state in self
            .states
            .iter_mut()
            .filter(|state| state.key == StateKey::of::<T>())
        {
            state.make = Make::Replaced(Box::new(value.clone()));
            replaced = true;
        }
        self.groups
            .iter_mut()
            .fold(replaced, |r, group| group.replace_state(value) | r)
    }

    /// Whether a state here or further in has an async constructor.
    pub(super) fn awaits(&self) -> bool {
        let here = self
            .states
            .iter()
            .any(|state| matches!(state.make, Make::WithAsync(_) | Make::FromAsync(..)));
        here || self.groups.iter().any(Self::awaits)
    }

    pub(super) fn add_state<T: 'static>(
        mut self,
        make: Make,
        at: &'static Location<'static>,
    ) -> Self {
        self.states.push(StateSource {
            key: StateKey::of::<T>(),
            at,
            make,
        });
        self
    }

    /// Puts a tower layer around this group's routes, and around what is not
    /// found below its prefix. The first layer added is the outermost; see
    /// [`App::layer`](super::App::layer).
    pub fn layer<L: HybridLayer>(mut self, layer: L) -> Self {
        self.layers.push(Layer::tower(layer));
        self
    }

    /// Puts a middleware around this group's routes; it takes its place among
    /// the layers in the order added.
    pub fn middleware<M, Kind>(mut self, middleware: M) -> Self
    where
        M: Middleware<Kind>,
    {
        self.layers.push(middleware.into_layer());
        self
    }

    /// Asks a guard for every route of this group and of the groups in it, and takes
    /// its value away: `.guard::<Admin>()`.
    ///
    /// It runs before any parameter is judged and before the body is read, after the
    /// guards of the groups around it and before those that the handler takes; a
    /// refusal is the answer. A handler may take the same guard as an argument, and
    /// asks it a second time then.
    ///
    /// It runs in the server, also for routes with `lane = process`, within the time
    /// that the route's handler has. What is no route is not asked for: a fallback,
    /// a path that is not found, the admin endpoints. A group that has guards and a
    /// mounted service, which would be reached past them, is a start-up error.
    #[track_caller]
    pub fn guard<G: FromRequestParts + Send + 'static>(mut self) -> Self {
        self.guards.push(GroupGuard::of::<G>(Location::caller()));
        self
    }

    /// Tags of this group's routes in the API description.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.limits.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// How long this group's handlers may take; `None` is without limit.
    /// Default: the configuration's `request_timeout`.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.limits.timeout = Some(timeout.into());
        self
    }

    /// How many requests of each of this group's routes run at once.
    pub fn max_concurrency(mut self, limit: usize) -> Self {
        self.limits.max_concurrency = Some(limit);
        self
    }

    /// The largest body of this group's routes, in bytes.
    pub fn body_limit(mut self, bytes_max: usize) -> Self {
        self.limits.body_limit = Some(bytes_max);
        self
    }
}

/// The state that another one is made from.
fn needed<S: Clone + Send + Sync + 'static>(states: &States) -> Result<S, BoxError> {
    let missing = || {
        let name = std::any::type_name::<S>();
        format!("the state of type `{name}`, which it is made from, is not there")
    };
    states.get::<S>().cloned().ok_or_else(|| missing().into())
}

fn value<T: Send + Sync + 'static>(value: T) -> Value {
    Box::new(value)
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("prefix", &self.prefix)
            .field("routes", &self.routes)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}
