//! The runtime of hybrid: server, router, extraction, lanes.
//!
//! Users depend on the `hybrid` facade, which re-exports what is public here.
//! A request flows one way through the modules below:
//!
//! ```text
//! socket ─server→ head ─router→ route ─extract→ arguments ─dispatch→ value ─respond→ socket
//! ```
//!
//! [`app`] builds what a request meets; nothing here knows the macros, and the
//! macros know nothing but [`__private`].
#![deny(unsafe_code)]
#![warn(clippy::needless_pass_by_value)]

pub mod admin;
pub mod app;
pub(crate) mod balance;
pub mod body;
pub mod config;
pub mod dispatch;
pub mod error;
pub mod extract;
pub mod head;
pub(crate) mod kept;
pub(crate) mod log;
pub mod problem;
pub mod respond;
pub(crate) mod router;
pub mod server;
pub mod spec;
pub mod state;
pub mod stats;
pub(crate) mod telemetry;
pub mod testing;

pub(crate) use hybrid_engine::{os::cgroup, sync};

#[doc(hidden)]
pub mod __private;

pub use bytes::Bytes;
pub use http;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
pub use hybrid_validate::{FromParam, Location, ParamError, Patch, Segment, Source, Violation};

/// An error of any type, as tower and hyper pass it around.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request with a body that may still be on its way.
pub type Request = http::Request<body::Body>;

/// An answer.
pub type Response = http::Response<body::Body>;

/// An answer on its way to the client: it is large and passes through many hands.
pub(crate) type BoxResponse = Box<Response>;
