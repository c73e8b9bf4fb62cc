//! What operators read: the admin endpoints, metrics and the log.

mod endpoints;
mod exposition;
mod health;
mod listener;
mod log;
mod metrics;
