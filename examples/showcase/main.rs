//! A tour of both kinds of handlers: computing, waiting, both together, moving from one kind
//! to the other, and work in worker processes. The times and places in the responses are
//! measured. Each subject has its module.
//!
//! Run with: cargo run --release --example showcase
//! Try: curl 'http://127.0.0.1:8000/compute-prime?n=30'
//!      curl 'http://127.0.0.1:8000/fetch-user-data?user_id=7'
//!      curl http://127.0.0.1:8000/_hybrid/routes
//!      curl -i http://127.0.0.1:8000/heavy/crash/abort
//!      curl 'http://127.0.0.1:8000/process-data' --json '{"data":[{"id":1,"value":2.5}]}'

use hybrid::prelude::*;

mod best_practices;
mod common_patterns;
mod concurrent_requests;
mod cpu_bound;
mod debugging;
mod error_handling;
mod heavy;
mod how_it_works;
mod io_bound;
mod measure;
mod migration;
mod mixed_workloads;
mod monitoring;
mod performance_comparison;

pub use common_patterns::Gateway;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new()
        .admin_at("/_hybrid")
        .state_with(Gateway::from_env)
        .state_with(heavy::Model::load)
        .routes(how_it_works::routes())
        .routes(cpu_bound::routes())
        .routes(io_bound::routes())
        .routes(mixed_workloads::routes())
        .routes(concurrent_requests::routes())
        .routes(error_handling::routes())
        .routes(performance_comparison::routes())
        .routes(migration::routes())
        .routes(best_practices::routes())
        .routes(common_patterns::routes())
        .routes(debugging::routes())
        .routes(monitoring::routes())
        .routes(heavy::routes())
}

fn main() -> hybrid::Result<()> {
    app().run()
}
