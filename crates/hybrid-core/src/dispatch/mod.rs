//! Lanes: where an endpoint runs, and how its answer gets back.
//!
//! [`endpoint`] holds what all lanes share (guards, texts, body, verdict);
//! [`event`] and [`inline`] finish on the event loop; `on_pool` makes a ticket
//! and waits for its reply; [`pool`](mod@pool) owns the threads. The order of a
//! ticket's life stands in [`ticket`].
//!
//! Which lane a route has is written in its endpoint and changed by nobody:
//! measuring and deciding are not part of this module.

mod current;
mod endpoint;
mod event;
mod handler_future;
mod inline;
mod on_pool;
mod on_process;
#[cfg(all(target_os = "linux", feature = "processes"))]
pub(crate) mod process;
#[cfg(not(all(target_os = "linux", feature = "processes")))]
#[path = "no_processes.rs"]
pub(crate) mod process;
mod run;

pub use current::{Current, current};
pub(crate) use current::{Running, entered};
pub use endpoint::Endpoint;
pub(crate) use endpoint::timed_out;
pub(crate) use endpoint::{Asker, Call, Placement, Serve, Serving, expose, is_exposed, leave};
pub use event::event;
pub use hybrid_engine::ticket::Cancel;
pub(crate) use hybrid_engine::{catch, class::EffectiveLane, ticket};

/// The engine's pool, under its old names here.
pub(crate) mod pool {
    pub(crate) use hybrid_engine::pool::{
        Disposition as Turn, Job, Limits, Pool, SubmitError as Refused,
    };
}
pub use inline::inline;
pub use on_pool::{auto, pool as on_pool};
pub use on_process::process as on_process;
pub use run::{PoolError, block_on, extract, extract_on_pool, run_on_pool};
pub(crate) use run::{run_as, run_uncounted};

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
