//! Forms of text that have a name. A small parser for its grammar checks each form in linear time and without
//! allocation, in a macro and at run time alike.

mod email;
mod named;
pub(crate) mod time;
mod uri;

pub use named::Format;
