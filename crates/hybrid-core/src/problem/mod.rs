//! Errors of a request on their way to the wire: the ready-made [`Problem`],
//! the kinds that the framework itself answers with, and the formats in which a
//! problem is written.
//!
//! A problem is made anywhere and rendered in one place, the edge of an
//! endpoint, since only there the application's [`ErrorFormat`] and its
//! `on_error` mappings are known.

mod error_format;
mod kind;
mod of_service;
mod ready_made;
mod registry;

#[cfg(test)]
mod tests;

pub use error_format::ErrorFormat;
pub(crate) use kind::kinds;
pub use kind::{Kind, ProblemKind, TypedError};
pub(crate) use ready_made::Carried;
pub use ready_made::{Problem, Result};
pub use registry::{Conversion, Submitted};
pub(crate) use registry::{Registration, Registry};
