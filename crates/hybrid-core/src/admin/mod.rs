//! The admin endpoints: what an operator asks an application about itself.
//!
//! ```text
//! /routes  /lanes          JSON, in full
//! /metrics                 Prometheus' text formats
//! /health/live  /ready     for orchestrators and load balancers
//! ```
//!
//! They stand below a path of the application (`App::admin_at`), or at the root
//! of a listener of their own ([`server`]), which answers to the very end of a
//! stop. Either way they are answered on the event loop: they wait for no thread
//! and no queue, and take no lock but the control plane's. The application's
//! layers are not around them, and requests to them are not counted.
//!
//! Nothing is measured or decided here: [`decided`] asks the balancer, the rest
//! asks [`telemetry`](crate::telemetry) and the pool.

mod answer;
mod decided;
mod health;
mod lanes;
mod metrics;
mod routes;
mod server;
mod time;

pub(crate) use answer::answer;
pub use metrics::names::{METRICS, Metric, MetricKind};
pub(crate) use server::AdminServer;
