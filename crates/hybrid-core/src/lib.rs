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
pub(crate) mod answering;
pub mod app;
#[cfg(all(test, target_os = "linux", feature = "processes", not(hybrid_loom)))]
mod background_tests;
pub mod body;
pub mod config;
pub mod context;
pub mod dispatch;
pub mod error;
pub mod extract;
pub mod head;
pub(crate) mod log;
pub mod offload;
pub(crate) mod per_connection;
pub mod problem;
pub mod respond;
pub(crate) mod router;
pub(crate) mod server;
pub mod spec;
pub mod state;
pub mod stats;
pub(crate) mod telemetry;
pub mod testing;

#[doc(hidden)]
pub mod __private;

pub use body::{BoxError, Request, Response};
pub(crate) use body::{BoxResponse, ResponseFuture};
pub use bytes::Bytes;
pub use http;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
pub use hybrid_validate::{FromParam, Location, ParamError, Patch, Segment, Source, Violation};
