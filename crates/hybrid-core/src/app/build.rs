//! From an [`App`] to a [`BuiltApp`]: everything is checked, states are made, threads
//! started, and the whole assembled. All faults are collected; the first does not hide
//! the rest.
//!
//! Runs on a plain thread, so that constructors of states may block, and may
//! start runtimes of their own.

use std::{net::TcpListener, sync::Arc};

use hybrid_engine::{
    Engine,
    balance::Balancer,
    pool::{self, Pool},
    sync::AtomicBool,
    telemetry::Telemetry,
};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    App, BuiltApp, Group,
    collect::{Builder, Collected},
    hooks::Hook,
    processes,
    states::StatesToMake,
};
use crate::{
    config::{self, Balancing, Config, ConfigError, Mode, Program, Resolved, Settings, Warnings},
    context::{BodyMemory, Processes, ServerContext},
    error::{Error, Fault},
    head::Route,
    log::requests::lines_from,
    problem::Registry,
    telemetry::{METHODS, SOURCES},
};

/// A built application, and what is left to do when it stops.
pub(crate) struct Built {
    pub(crate) app: Arc<BuiltApp>,
    pub(crate) stop: Vec<Hook>,
    pub(crate) warnings: Warnings,
    /// Where the admin endpoints listen by themselves.
    pub(crate) admin: Option<TcpListener>,
}

/// Where an application is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A process that serves: the file and the environment are read.
    Serving,
    /// Another server, which the application is mounted in: as a process that
    /// serves, but it listens nowhere.
    Mounting,
    /// Tests: the builder's configuration alone, and answers say their lane.
    Testing,
    /// A worker process of a server: states are made on first use, nothing is
    /// listened on, and no hook runs.
    Worker,
}

/// Resolves the configuration; what is wrong with it does not keep the rest of
/// the application from being checked.
pub(crate) fn settings(config: &Config, purpose: Purpose) -> Configured {
    let Resolved { outcome, program } = match purpose {
        Purpose::Serving | Purpose::Mounting | Purpose::Worker => config::load_whole(config),
        Purpose::Testing => config::for_test(config),
    };
    let (settings, warnings, faults) = match outcome {
        Ok((settings, warnings)) => (settings, warnings, Vec::new()),
        Err(errors) => {
            let faults = errors
                .iter()
                .map(|error: &ConfigError| Fault::new(error.to_string()));
            let faults = faults.collect();
            (Settings::default(), Warnings::new(), faults)
        }
    };
    Configured {
        settings,
        warnings,
        faults,
        program,
    }
}

/// The configuration, with what is odd and what is wrong about it.
pub(crate) struct Configured {
    pub(crate) settings: Settings,
    pub(crate) warnings: Warnings,
    pub(crate) faults: Vec<Fault>,
    /// The program's own settings, which its model has not read yet.
    pub(crate) program: Program,
}

/// Resolves the configuration and builds the application.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn build_app(app: App, purpose: Purpose, runtime: &Handle) -> Result<Built, Error> {
    let resolved = settings(&app.config, purpose);
    build(app, resolved, purpose, runtime)
}

/// Builds the application and runs its start hooks.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn build(
    mut app: App,
    configured: Configured,
    purpose: Purpose,
    runtime: &Handle,
) -> Result<Built, Error> {
    let _context = runtime.enter();
    let (settings, collected) = check(&mut app, configured, purpose, runtime)?;
    if purpose != Purpose::Worker {
        run_start_hooks(std::mem::take(&mut app.hooks.start), runtime)?;
    }
    let started = Started::new(&settings, purpose, &mut app, &collected.routes, runtime)?;
    let context = Arc::new(ServerContext {
        balancer: started.balancer,
        states: collected.states,
        detached: Arc::new(Semaphore::new(settings.queue_depth)),
        body_memory: BodyMemory::new(&settings),
        pool: Arc::clone(&started.engine.pool),
        alarms: (purpose != Purpose::Worker).then(|| Arc::clone(&started.engine.far_deadlines)),
        processes: started.processes,
        telemetry: Arc::clone(&started.engine.telemetry),
        routes: collected.routes,
        registry: Registry::new(app.registrations),
        error_format: app.error_format,
        runtime: runtime.clone(),
        notes_placement: purpose == Purpose::Testing,
        sends_in_place: purpose == Purpose::Serving,
        stops: AtomicBool::new(false),
        lines_from: lines_from(settings.log_requests),
        settings,
    });
    if purpose != Purpose::Worker {
        context
            .balancer
            .start(&started.engine)
            .map_err(|error| Error::one("the balancer could not be started", error))?;
    }
    let built = BuiltApp {
        context,
        endpoints: collected.endpoints,
        router: collected.router,
        stacks: collected.stacks,
        trailing_slash: app.trailing_slash,
        fallback: app.fallback,
        is_outermost: purpose != Purpose::Mounting,
        has_admin: app.admin.is_some(),
    };
    Ok(Built {
        app: Arc::new(built),
        stop: app.hooks.stop,
        warnings: collected.warnings,
        admin: collected.admin,
    })
}

/// Resolves routes, composes layers and makes states.
///
/// # Errors
/// Everything that is wrong with the application.
fn check(
    app: &mut App,
    configured: Configured,
    purpose: Purpose,
    runtime: &Handle,
) -> Result<(Settings, Collected), Error> {
    let Configured {
        settings,
        warnings,
        mut faults,
        program,
    } = configured;
    faults.append(&mut app.faults);
    let is_apart = processes::are_apart(&settings, purpose, &app.processes);
    let mut builder = Builder {
        warnings,
        faults,
        ..Builder::new(&settings, &program, runtime)
    };
    builder.run_process_routes(purpose, is_apart);
    let states = builder.add_root(std::mem::replace(&mut app.root, Group::root()));
    builder.check_unread(&program);
    builder.make_states(StatesToMake::of(purpose, is_apart));
    if let Some((path, at)) = &app.admin {
        builder.add_admin(path, at);
    }
    if let Some((path, at)) = &app.health {
        builder.add_health(path, at);
    }
    let admin = builder.listen_for_admin(purpose);
    builder.check_processes(purpose, &app.processes);
    let collected = builder.finish(states, admin)?;
    Ok((settings, collected))
}

/// What of an application runs by itself.
struct Started {
    engine: Engine,
    processes: Processes,
    balancer: Balancer,
}

impl Started {
    fn new(
        settings: &Settings,
        purpose: Purpose,
        app: &mut App,
        routes: &[Arc<Route>],
        runtime: &Handle,
    ) -> Result<Self, Error> {
        let wanted = std::mem::take(&mut app.processes);
        let rules = std::mem::take(&mut app.rules);
        Ok(Self {
            engine: start_engine(settings, routes, runtime)?,
            processes: processes::start(settings, purpose, wanted, routes, runtime)?,
            balancer: Balancer::new(power_of(settings), rules, routes.len(), runtime),
        })
    }
}

fn run_start_hooks(hooks: Vec<Hook>, runtime: &Handle) -> Result<(), Error> {
    for hook in hooks {
        if let Err(fault) = hook.start(runtime) {
            return Err(Error::from_faults(vec![fault]));
        }
    }
    Ok(())
}

fn start_engine(
    settings: &Settings,
    routes: &[Arc<Route>],
    runtime: &Handle,
) -> Result<Engine, Error> {
    let limits = pool::Limits {
        queue_depth: settings.queue_depth,
        threads_max: settings.max_threads,
        nice: u8::try_from(settings.pool_nice).unwrap_or(19),
        is_managed: settings.mode != Mode::SyncOnly,
        overload: (settings.balancer != Balancing::Off).then_some(settings.queue_wait),
    };
    let pool = Pool::start(limits, routes.len(), runtime.clone())
        .map_err(|error| Error::one("the thread pool could not be started", error))?;
    let classes: Arc<[_]> = routes
        .iter()
        .map(|route| Arc::clone(&route.class))
        .collect();
    Ok(Engine {
        runtime: runtime.clone(),
        telemetry: Arc::new(Telemetry::new(&classes, &METHODS, SOURCES.len())),
        pool: Arc::new(pool),
        far_deadlines: Arc::default(),
        classes,
    })
}

/// What the balancer may do: a lane that is the same for all routes is nothing to move
/// routes between.
fn power_of(settings: &Settings) -> Balancing {
    match settings.mode {
        Mode::AsyncOnly | Mode::SyncOnly if settings.balancer == Balancing::On => {
            Balancing::Observe
        }
        _ => settings.balancer,
    }
}
