//! An in-process client for tests: no socket, the same application.

mod client;
mod request;
mod response;

pub(crate) use client::ANSWER_WAIT;
pub use client::{TestClient, hurry_balancer};
pub use request::TestRequest;
pub use response::TestResponse;

/// What the fuzz targets call, with whatever bytes: no part of the public interface.
#[doc(hidden)]
#[cfg(all(target_os = "linux", feature = "processes"))]
pub use crate::dispatch::process_http::{fuzz_answer, fuzz_call};
