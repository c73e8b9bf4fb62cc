//! Where the process routes of an application run.

use hybrid_engine::process::Workers;

/// Where an application's process routes run.
pub(crate) enum Processes {
    /// On the pool: in tests, or since `max_processes` is 0.
    OnPool,
    /// In worker processes.
    InWorkers(Workers),
    /// Here: this is a worker process.
    Here {
        /// A number that stands for the routes.
        fingerprint: u64,
    },
}
