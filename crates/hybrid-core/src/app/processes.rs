//! The worker processes of an application: whether it has any, what they run, and the
//! call that its `main` must not forget.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hybrid_engine::process::{self, Program, Workers, WorkersConfig};
use tokio::runtime::Handle;

use super::{App, Purpose, worker};
use crate::{
    config::{Settings, Variables},
    context::Processes,
    error::{Error, Fault},
    head::Route,
    spec::Lane,
};

/// [`enter_worker`] was called in this process.
static ENTER_WORKER_IS_CALLED: AtomicBool = AtomicBool::new(false);

/// Lets this process be a worker, if it was started as one: the first statement of
/// a `main` that does not call [`App::run`].
///
/// A process route runs in a worker process: this very program, started again. Its
/// `main` runs there too, and must come to the worker's loop before it binds a
/// listener or does other things that a server does once. [`App::run`] sees to that
/// by itself. A `main` that calls `serve` or `into_service` says it here: in a
/// worker this never returns, in the server it does nothing, and `app` is not
/// called.
///
/// ```no_run
/// # mod hybrid { pub use hybrid_core::app::enter_worker; pub mod prelude { pub use hybrid_core::app::App; } }
/// use hybrid::prelude::*;
///
/// fn app() -> App {
///     App::new()
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// hybrid::enter_worker(app);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
/// app().serve(listener).await?;
/// # Ok(())
/// # }
/// ```
pub fn enter_worker(app: impl FnOnce() -> App) {
    if let Some(sockets) = process::sockets() {
        worker::serve(app(), sockets);
    }
    ENTER_WORKER_IS_CALLED.store(true, Ordering::Relaxed);
}

/// What decides where process routes run.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// `run` was called, which is a worker's loop in a worker.
    pub(crate) by_run: bool,
    /// Another program that the workers run, in tests.
    pub(crate) program: Option<PathBuf>,
}

/// Whether process routes run in other processes than this one.
pub(super) fn are_apart(settings: &Settings, purpose: Purpose, wanted: &Wanted) -> bool {
    let is_server = match purpose {
        Purpose::Serving | Purpose::Mounting => true,
        Purpose::Testing => wanted.program.is_some(),
        Purpose::Worker => false,
    };
    is_server && settings.max_processes > 0
}

/// What is wrong with how an application wants worker processes.
pub(super) fn faults(
    settings: &Settings,
    purpose: Purpose,
    wanted: &Wanted,
    routes: &[Arc<Route>],
) -> Vec<Fault> {
    let process_routes: Vec<_> = of_the_lane(routes).collect();
    if process_routes.is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if settings.sandbox && !process::SANDBOX_IS_AVAILABLE {
        let message = "`sandbox` needs the feature `sandbox` of hybrid: \
                       `hybrid = { version = \"..\", features = [\"sandbox\"] }`";
        faults.push(Fault::new(message));
    }
    let is_reached = purpose == Purpose::Testing
        || wanted.by_run
        || ENTER_WORKER_IS_CALLED.load(Ordering::Relaxed);
    if are_apart(settings, purpose, wanted) && !is_reached {
        let fault = Fault::new(
            "the app has routes that run in worker processes, whose `main` would go on to bind \
             its listener: call `hybrid::enter_worker(app)` as the first statement of `main`",
        );
        faults.push(process_routes.iter().fold(fault, |fault, route| {
            let spec = &route.spec;
            fault.at(format!("`{}`", spec.name), spec.file, spec.line)
        }));
    }
    faults
}

fn of_the_lane(routes: &[Arc<Route>]) -> impl Iterator<Item = &Arc<Route>> {
    routes.iter().filter(|route| route.lane == Lane::Process)
}

/// Begins the lane, as it is to be run.
pub(super) fn start(
    settings: &Settings,
    purpose: Purpose,
    wanted: Wanted,
    routes: &[Arc<Route>],
    runtime: &Handle,
) -> Result<Processes, Error> {
    let fingerprint = fingerprint(routes);
    if purpose == Purpose::Worker {
        return Ok(Processes::Here { fingerprint });
    }
    let has_routes = of_the_lane(routes).next().is_some();
    if !has_routes || !are_apart(settings, purpose, &wanted) {
        return Ok(Processes::OnPool);
    }
    let variables = match &settings.worker_env {
        Variables::All => None,
        Variables::Only(names) => Some(names.clone()),
    };
    let config = WorkersConfig {
        program: match wanted.program {
            Some(program) => Program::other(program, variables),
            None => Program::this(variables),
        },
        processes_max: settings.max_processes,
        queue_depth: settings.queue_depth,
        segment_limit: settings.segment_limit,
        recycle_calls: settings.worker_recycle_requests,
        recycle_memory: settings.worker_recycle_memory,
        fingerprint,
        class_names: routes.iter().map(|route| route.path.clone()).collect(),
    };
    let workers = Workers::start(config, runtime.clone());
    workers
        .map(Processes::InWorkers)
        .map_err(|error| Error::one("worker processes could not be prepared", error))
}

/// A number that is the same where the routes are the same, in the same order: what
/// server and worker call a route by its place among them.
fn fingerprint(routes: &[Arc<Route>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for route in routes {
        (route.spec.name, route.spec.methods, &route.path).hash(&mut hasher);
        route.lane.hash(&mut hasher);
    }
    hasher.finish()
}
