//! Answers: what a handler may return, and how it becomes a response. Runs where
//! the handler ran, so a plain `fn` serialises on its pool thread.

mod headers;
mod into_response;
pub(crate) mod length;
mod redirect;

#[cfg(test)]
mod tests;

pub use headers::IntoHeaders;
pub use into_response::{Html, IntoResponse};
pub(crate) use into_response::{into_body, with_type, without_status};
pub use redirect::Redirect;
