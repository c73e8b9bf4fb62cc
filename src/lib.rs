#![doc = include_str!("../docs/course.md")]
#![forbid(unsafe_code)]

pub use hybrid_core::{
    BoxError, Bytes, FromParam, HeaderMap, HeaderName, HeaderValue, Location, Method, ParamError,
    Patch, Request, Response, Segment, Source, StatusCode, Uri, Version, Violation,
    app::{
        App, AppService, Group, HybridLayer, Middleware, Next, RequestExt, Routes, Serve,
        TrailingSlash, enter_worker,
    },
    body::Body,
    config::{Balancing, Config, LogFormat, LogRequests, Mode, Variables},
    context::{Current, Parts, current},
    dispatch::Cancel,
    error::{Error, Result},
    extract::{
        BodyReader, BodyStream, Describe, Extension, Form, FromRequest, FromRequestParts, Header,
        Json, Path, Query, State,
    },
    head::{ClientAddr, Head},
    offload::{PoolError, block_on, run_on_pool},
    problem::{ErrorFormat, Problem},
    respond::{Html, IntoHeaders, IntoResponse, Redirect},
    spec::Lane,
    testing::{TestClient, TestRequest, TestResponse},
};

/// The crate `http`, for types in signatures and for constants such as `http::header::ETAG`.
pub use hybrid_core::http;

#[cfg(feature = "multipart")]
pub use hybrid_core::extract::{Multipart, Part};

#[doc = include_str!("../docs/routes.md")]
pub use hybrid_macros::get;

/// Makes a function a handler for `DELETE`; see [`get`](macro@get).
pub use hybrid_macros::delete;
/// Makes a function a handler for `HEAD`, instead of the `GET` handler of the path; see
/// [`get`](macro@get).
pub use hybrid_macros::head;
/// Makes a function a handler for `OPTIONS`; see [`get`](macro@get).
pub use hybrid_macros::options;
/// Makes a function a handler for `PATCH`; see [`get`](macro@get).
pub use hybrid_macros::patch;
/// Makes a function a handler for `POST`; see [`get`](macro@get).
pub use hybrid_macros::post;
/// Makes a function a handler for `PUT`; see [`get`](macro@get).
pub use hybrid_macros::put;
/// Makes a function a handler for several methods: `#[route("/x", methods = [GET, POST])]`;
/// see [`get`](macro@get).
pub use hybrid_macros::route;

/// A list of handlers, for `App::routes` and `Group::routes`.
///
/// The macro finds the crate without help, also under another name or through a re-export.
///
/// ```
/// use hybrid::prelude::*;
///
/// mod users {
///     use hybrid::prelude::*;
///
///     #[get("/users")]
///     pub async fn list() -> &'static str {
///         "Ada, Grace"
///     }
/// }
///
/// #[get("/")]
/// async fn home() -> &'static str {
///     "home"
/// }
///
/// let app = App::new().routes(routes![home, users::list]);
/// assert_eq!(TestClient::new(app).get("/users").send().text(), "Ada, Grace");
/// ```
#[macro_export]
macro_rules! routes {
    ($($handlers:tt)*) => {
        $crate::__private::routes!([$crate] $($handlers)*)
    };
}

#[doc = include_str!("../docs/models.md")]
pub use hybrid_macros::model;

/// Makes a function a middleware. If its signature is wrong, the compile error says what is
/// missing.
///
/// There are two forms. `async fn(Request, Next) -> impl IntoResponse` wraps the rest of the
/// processing. `fn(&Head) -> Result<(), Problem>` is a short check of the head that runs on
/// the event loop.
///
/// ```
/// use hybrid::prelude::*;
///
/// #[middleware]
/// async fn stamp(request: Request, next: Next) -> Response {
///     let mut response = next.run(request).await;
///     response.headers_mut().insert("x-stamped", HeaderValue::from_static("yes"));
///     response
/// }
///
/// #[middleware]
/// fn only_json(head: &Head) -> Result<(), Problem> {
///     match head.header("accept") {
///         Some("application/json") | None => Ok(()),
///         Some(_) => Err(Problem::bad_request("this API speaks JSON")),
///     }
/// }
///
/// #[get("/")]
/// async fn home() -> &'static str {
///     "home"
/// }
///
/// let app = App::new().middleware(stamp).middleware(only_json).routes(routes![home]);
/// let client = TestClient::new(app);
/// assert_eq!(client.get("/").send().header("x-stamped"), Some("yes"));
/// assert_eq!(client.get("/").header("accept", "text/html").send().status(), 400);
/// ```
pub use hybrid_macros::middleware;

/// Makes the return type of a function an argument of handlers.
///
/// The function has parameters like a handler, but without a body. An `async fn` runs on the
/// event loop, a plain `fn` is a separate ticket on the pool. It runs as a guard: in the order
/// of the handler's arguments, before hybrid checks any parameter of the handler. If it refuses,
/// its refusal is the response.
///
/// ```
/// use hybrid::prelude::*;
///
/// struct User(String);
///
/// #[extractor]
/// async fn user(#[header] authorization: Option<String>) -> Result<User> {
///     match authorization.as_deref().and_then(|value| value.strip_prefix("Bearer ")) {
///         Some(token) => Ok(User(token.to_owned())),
///         None => Err(Problem::unauthorized("a bearer token is missing")),
///     }
/// }
///
/// #[get("/me")]
/// fn me(User(name): User) -> String {
///     name
/// }
///
/// let client = TestClient::new(App::new().routes(routes![me]));
/// assert_eq!(client.get("/me").send().status(), 401);
/// assert_eq!(client.get("/me").header("authorization", "Bearer Ada").send().text(), "Ada");
/// ```
pub use hybrid_macros::extractor;

/// Makes an enum without fields a parameter: `?sort=newest`.
///
/// The wire names are the names of the variants, unless `#[param(rename_all = "kebab-case")]`
/// or `#[param(rename = "x")]` (or serde's attributes of those names) change them.
///
/// ```
/// use hybrid::prelude::*;
///
/// #[derive(FromParam)]
/// #[param(rename_all = "kebab-case")]
/// enum Sort {
///     NewestFirst,
///     ByName,
/// }
///
/// #[get("/orders")]
/// async fn orders(#[query] sort: Sort) -> &'static str {
///     match sort {
///         Sort::NewestFirst => "newest first",
///         Sort::ByName => "by name",
///     }
/// }
///
/// let client = TestClient::new(App::new().routes(routes![orders]));
/// assert_eq!(client.get("/orders?sort=by-name").send().text(), "by name");
/// assert_eq!(client.get("/orders?sort=random").send().status(), 422);
/// ```
pub use hybrid_macros::FromParam;

/// Makes an enum or a struct a typed error of handlers.
///
/// Each variant has a status and a code. Its title is the name of the variant in words, unless
/// `title = ".."` is given. Its detail is `detail = ".."`, or the text of the type's `Display`
/// if it has one. A type that implements `std::error::Error` also keeps its status when `?`
/// converts it into a [`Problem`](struct@Problem), in handlers, helpers and unit tests.
/// [`App::on_error`] takes precedence. A generic type such as `Failed<T>` keeps its status only
/// as the `E` of a handler's `Result`.
///
/// ```
/// use hybrid::prelude::*;
///
/// #[derive(Problem)]
/// enum UserError {
///     #[problem(status = 404, code = "no_user")]
///     NoUser,
///     #[problem(status = 409, code = "name_taken", title = "The name is taken")]
///     NameTaken,
/// }
///
/// #[get("/users/{id}")]
/// async fn user(id: u64) -> Result<String, UserError> {
///     match id {
///         1 => Ok("Ada".to_owned()),
///         2 => Err(UserError::NameTaken),
///         _ => Err(UserError::NoUser),
///     }
/// }
///
/// let client = TestClient::new(App::new().routes(routes![user]));
/// assert_eq!(client.get("/users/1").send().text(), "Ada");
/// assert_eq!(client.get("/users/3").send().status(), 404);
/// ```
///
/// Under `?`:
///
/// ```
/// use hybrid::prelude::*;
///
/// #[derive(Debug, Problem)]
/// #[problem(status = 409, code = "out_of_stock")]
/// struct OutOfStock;
///
/// impl std::fmt::Display for OutOfStock {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("nothing is left")
///     }
/// }
///
/// impl std::error::Error for OutOfStock {}
///
/// fn take() -> Result<u32> {
///     Err(OutOfStock)?
/// }
///
/// assert_eq!(take().map_err(|problem| problem.status().as_u16()), Err(409));
/// ```
pub use hybrid_macros::Problem;

/// The types of the measurements; [`guide::observability`] explains the numbers.
pub mod observability {
    pub use hybrid_core::{
        admin::{METRICS, Metric, MetricKind},
        stats::{Percentiles, RouteStats, Stats},
    };
}

pub mod guide;

/// The items that nearly every program uses: `use hybrid::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "multipart")]
    pub use crate::Multipart;
    pub use crate::{
        App, Body, BodyReader, BodyStream, Bytes, Cancel, ClientAddr, Config, ErrorFormat,
        Extension, Form, FromParam, FromRequest, FromRequestParts, Group, Head, Header, HeaderMap,
        HeaderName, HeaderValue, Html, IntoResponse, Json, Lane, Method, Next, Parts, Patch, Path,
        Problem, Query, Redirect, Request, RequestExt, Response, State, StatusCode, TestClient,
        Uri, delete, extractor, get, head, middleware, model, options, patch, post, put, route,
        routes,
    };
    pub use hybrid_core::problem::Result;
}

/// The program of the README, as a test of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[doc(hidden)]
pub mod __private {
    pub use hybrid_core::__private::*;
    pub use hybrid_macros::routes;
}
