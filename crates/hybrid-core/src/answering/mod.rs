//! A request that is being answered, from its handler's future to the response that
//! leaves the application: its panics, its problem, its lane, its line in the log.

mod future;
mod lines;

pub(crate) use future::{Answering, Outlet};
pub(crate) use lines::log_refusal;
