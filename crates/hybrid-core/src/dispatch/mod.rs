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
mod async_fn;
mod endpoint;
mod extractor;
mod handler_future;
mod on_process;
mod placement;
mod plain_fn;
mod pool_lane;
pub(crate) mod process_http;
mod stages;

pub use async_fn::event;
pub use endpoint::{Endpoint, RouteHandler};
pub(crate) use endpoint::{RoutedRequest, Serve};
pub use extractor::{extract, extract_on_pool};
pub use hybrid_engine::ticket::Cancel;
pub use on_process::process as on_process;
pub(crate) use on_process::{Work, Worked};
pub(crate) use placement::{Placement, expose, is_exposed, leave};
pub use plain_fn::{auto, inline, pool as on_pool};
pub(crate) use stages::Asker;
