//! What operators read: the admin endpoints, metrics and the log.

mod endpoints;
mod log;
mod metrics;
