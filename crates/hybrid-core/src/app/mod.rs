//! Building an application: routes, groups, states, layers, hooks, and how it is
//! started. [`build`](mod@build) turns it into a [`BuiltApp`], which serves.

mod build;
mod builder;
mod built;
mod collect;
mod collect_route;
mod edge;
mod group;
mod guards;
mod hooks;
mod layers;
mod middleware;
pub(crate) mod processes;
mod request_ext;
mod routes;
mod sent;
mod serve;
mod service;
mod settings;
mod standing;
mod start_log;
mod states;
mod target;
mod unmatched;
mod worker;

pub(crate) use build::{Configured, Purpose, build, build_app, settings};
pub use builder::{App, TrailingSlash};
pub(crate) use built::{AppHandle, BuiltApp};
pub use group::Group;
pub use layers::{HybridLayer, Inner, Layer};
pub use middleware::{Middleware, Next};
pub use processes::enter_worker;
pub use request_ext::RequestExt;
pub use routes::{RouteEntry, Routes};
pub use serve::Serve;
pub(crate) use serve::runtime as event_loops;
pub use service::AppService;
