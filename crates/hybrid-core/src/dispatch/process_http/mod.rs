//! HTTP for the process lane: a request as the head of a call, a response as the head of
//! an answer.
//!
//! [`process`](super::process) carries both without reading them. The server writes a
//! [`RequestMessage`](request::RequestMessage) and the worker reads it; the worker writes
//! a [`ResponseMessage`](response::ResponseMessage), and the server checks it before it
//! believes any of it. Both are covered by the version of the protocol, in
//! `process::messages`.

mod caller;
#[cfg(all(target_os = "linux", feature = "processes"))]
mod fuzz;
mod request;
mod response;

pub(crate) use caller::{CallFailure, HttpCaller, HttpResult, into_response, problem_of, shed_of};
#[cfg(all(target_os = "linux", feature = "processes"))]
pub use fuzz::{fuzz_answer, fuzz_call};
pub(crate) use request::{BodyState, HEAD_BYTES_MAX, encoded_bytes, read as read_request};
pub(crate) use response::{CheckedResponse, REFUSED_MAX, write as write_response};

#[cfg(all(test, target_os = "linux", feature = "processes"))]
mod tests;
