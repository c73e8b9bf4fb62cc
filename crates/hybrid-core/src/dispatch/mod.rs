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
pub(crate) mod process;
pub(crate) mod process_http;
mod stages;

pub use async_fn::event;
pub use endpoint::{Endpoint, RouteHandler};
pub(crate) use endpoint::{RoutedRequest, Serve};
pub use extractor::{extract, extract_on_pool};
pub use hybrid_engine::ticket::Cancel;
pub(crate) use hybrid_engine::{catch, ticket};

/// The engine's pool, under its old names here.
pub(crate) mod pool {
    pub(crate) use hybrid_engine::pool::{
        Disposition as Turn, Job, Limits, Pool, SubmitError as Refused,
    };
}
pub use on_process::process as on_process;
pub(crate) use on_process::{Work, Worked};
pub(crate) use placement::{Placement, expose, is_exposed, leave};
pub use plain_fn::{auto, inline, pool as on_pool};
pub(crate) use stages::Asker;

/// The engine's deadlines, under their old names here.
pub(crate) mod within {
    pub(crate) use hybrid_engine::deadline::{
        with_deadline as within, with_far_deadline as within_far,
    };
}

/// The engine's far deadlines, under their old names here.
pub(crate) mod alarms {
    pub(crate) use hybrid_engine::far_deadlines::{DeadlineTimer as Alarm, FarDeadlines as Alarms};
}
