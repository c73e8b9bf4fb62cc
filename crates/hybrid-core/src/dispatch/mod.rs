//! Endpoints: how a request comes to its handler's arguments, on which lane the
//! handler runs, and what becomes of what it returns.
//!
//! There is one endpoint for each colour of handler: [`async_fn`] and [`plain_fn`]. Both
//! go through the same [`stages`] up to the arguments, wait for the route's limit in
//! [`admission`], and finish the response in [`placement`]. A lane is where the rest is
//! sent: it is called on the event loop, becomes a job in [`pool_lane`], or a call of a
//! worker process in [`on_process`].
//!
//! Nothing here measures or decides: a request reads its route's lane, and the balancer
//! writes it.

mod admission;
pub(crate) mod alarms;
mod async_fn;
pub(crate) mod catch;
mod endpoint;
mod extractor;
mod handling;
mod on_process;
mod placement;
mod plain_fn;
pub(crate) mod pool;
mod pool_lane;
#[cfg(all(target_os = "linux", feature = "processes"))]
pub(crate) mod process;
#[cfg(not(all(target_os = "linux", feature = "processes")))]
#[path = "no_processes.rs"]
pub(crate) mod process;
mod stages;
pub(crate) mod ticket;
pub(crate) mod within;

pub use async_fn::event;
pub use endpoint::{Endpoint, RouteHandler};
pub(crate) use endpoint::{RoutedRequest, Serve};
pub use extractor::{extract, extract_on_pool};
pub use on_process::process as on_process;
pub(crate) use placement::{Placement, expose, is_exposed, leave};
pub use plain_fn::{auto, inline, pool as on_pool};
pub(crate) use stages::Asker;
pub use ticket::Cancel;
