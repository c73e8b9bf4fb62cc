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
#![cfg_attr(
    not(all(target_os = "linux", feature = "processes", feature = "multipart")),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        clippy::default_constructed_unit_structs,
        clippy::needless_pass_by_value,
        clippy::unused_self,
        reason = "what only worker processes and multipart bodies use stays where it is"
    )
)]

pub mod admin;
pub(crate) mod answering;
pub mod app;
pub mod body;
pub mod config;
pub mod context;
pub mod dispatch;
pub mod error;
pub mod extract;
pub mod head;
pub(crate) mod kept;
pub(crate) mod log;
pub mod offload;
pub(crate) mod per_connection;
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

use std::{future::Future, pin::Pin};

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

/// The future of a response.
pub(crate) type ResponseFuture = Pin<Box<dyn Future<Output = BoxResponse> + Send>>;
