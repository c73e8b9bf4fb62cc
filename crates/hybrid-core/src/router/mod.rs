//! From method and path to a route. Nothing in it changes after the start; a look-up
//! takes no lock.
//!
//! Templates are matched on the path as sent, escapes decoded but for `%2F` and
//! `%25`, so that an escaped slash stays inside its segment. The values are
//! decoded once more when they are taken out.

mod mount;
mod mounts;
mod path;
mod table;
mod template;

pub(crate) use mount::Mount;
pub(crate) use table::{Found, Ours, Router, RouterBuilder};
pub(crate) use template::{Template, join};
