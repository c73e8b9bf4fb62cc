//! From an [`App`] to a [`Frozen`]: routes are resolved, layers composed,
//! everything checked, and then states made. All faults are collected; the first
//! does not hide the rest.
//!
//! Runs on a plain thread, so that constructors of states may block, and may
//! start runtimes of their own.

use std::{net::TcpListener, panic::Location, sync::Arc};

use hybrid_validate::Source;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    App, Frozen, Group,
    group::Limits,
    hooks::Hook,
    layers::Stack,
    mount::Mount,
    processes,
    routes::RouteEntry,
    states::{Plan, Start},
};
use crate::{
    balance::Balancer,
    config::{self, Balancing, Config, ConfigError, Mode, Settings, Warnings},
    dispatch::{
        EffectiveLane, Endpoint,
        alarms::Alarms,
        pool::{self, Pool},
    },
    error::{Error, Fault},
    extract::{BodyCheck, Describe},
    log::requests::lines_from,
    problem::{Registration, Registry},
    router::{Limit, Route, RouterBuilder, Template, join},
    spec::{Lane, OnDisconnect, RouteSpec, Timeout},
    state::{Entry, Origin, StateSource, States},
    sync::AtomicBool,
    telemetry::{Telemetry, sampling::Sampling},
};

/// A built application, and what is left to do when it stops.
pub(crate) struct Built {
    pub(crate) app: Arc<Frozen>,
    pub(crate) stop: Vec<Hook>,
    pub(crate) warnings: Warnings,
    /// Where the admin endpoints listen by themselves.
    pub(crate) admin: Option<TcpListener>,
}

/// Where an application is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
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
pub(crate) fn settings(config: &Config, purpose: For) -> (Settings, Warnings, Vec<Fault>) {
    let resolved = match purpose {
        For::Serving | For::Mounting | For::Worker => config::load(config),
        For::Testing => config::resolve(config, None, Vec::new()),
    };
    match resolved {
        Ok((settings, warnings)) => (settings, warnings, Vec::new()),
        Err(errors) => {
            let faults = errors
                .iter()
                .map(|error: &ConfigError| Fault::new(error.to_string()));
            let faults = faults.collect();
            (Settings::default(), Warnings::new(), faults)
        }
    }
}

/// Resolves the configuration and builds the application.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn build_app(app: App, purpose: For, runtime: &Handle) -> Result<Built, Error> {
    let resolved = settings(&app.config, purpose);
    build(app, resolved, purpose, runtime)
}

/// Builds the application and runs its start hooks.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn build(
    app: App,
    settings: (Settings, Warnings, Vec<Fault>),
    purpose: For,
    runtime: &Handle,
) -> Result<Built, Error> {
    let _context = runtime.enter();
    let (settings, warnings, mut faults) = settings;
    faults.extend(app.faults);
    let is_apart = processes::are_apart(&settings, purpose, &app.processes);
    let mut builder = Builder {
        settings: &settings,
        runtime,
        is_apart,
        process_lane: match purpose {
            For::Worker => Lane::Process,
            _ if is_apart => Lane::Process,
            _ => Lane::Pool,
        },
        plan: Plan::default(),
        faults,
        router: RouterBuilder::default(),
        stacks: Vec::new(),
        routes: Vec::new(),
        kinds: Vec::new(),
        root_mount: None,
    };
    let states = builder.add(app.root, &Around::default());
    let plan = std::mem::take(&mut builder.plan);
    plan.make(Start::of(purpose, is_apart), &mut builder.faults);
    if let Some((path, at)) = &app.admin {
        builder.add_admin(path, at);
    }
    let admin = builder.listen_for_admin(purpose);
    let Builder {
        mut faults,
        router,
        stacks,
        routes,
        kinds,
        root_mount,
        ..
    } = builder;
    faults.extend(processes::faults(
        &settings,
        purpose,
        &app.processes,
        &routes,
    ));
    let router = router.build().map_err(|more| faults.extend(more)).ok();
    if !faults.is_empty() {
        return Err(Error::from_faults(faults));
    }
    if purpose != For::Worker {
        run_start_hooks(app.hooks.start, runtime)?;
    }
    let pool = start_pool(&settings, routes.len(), runtime)?;
    let processes = processes::start(&settings, purpose, app.processes, &routes, runtime)?;
    let balancer = Balancer::new(&settings, app.rules, routes.len(), runtime);
    let lines_from = lines_from(settings.log_requests);
    let frozen = Frozen {
        balancer,
        router: router.unwrap_or_default(),
        stacks,
        states,
        detached: Arc::new(Semaphore::new(settings.queue_depth)),
        settings,
        pool,
        alarms: (purpose != For::Worker).then(Alarms::default),
        processes,
        telemetry: Telemetry::new(&routes),
        routes,
        registry: Registry::new(app.registrations, kinds),
        error_format: app.error_format,
        trailing_slash: app.trailing_slash,
        fallback: app.fallback,
        root_mount,
        runtime: runtime.clone(),
        notes_placement: purpose == For::Testing,
        sends_in_place: purpose == For::Serving,
        stops: AtomicBool::new(false),
        lines_from,
    };
    let built = Arc::new(frozen);
    if purpose != For::Worker {
        built
            .balancer
            .start(&built)
            .map_err(|error| Error::one("the balancer could not be started", error))?;
    }
    Ok(Built {
        app: built,
        stop: app.hooks.stop,
        warnings,
        admin,
    })
}

fn run_start_hooks(hooks: Vec<Hook>, runtime: &Handle) -> Result<(), Error> {
    for hook in hooks {
        if let Err(fault) = hook.start(runtime) {
            return Err(Error::from_faults(vec![fault]));
        }
    }
    Ok(())
}

fn start_pool(settings: &Settings, routes: usize, runtime: &Handle) -> Result<Pool, Error> {
    let limits = pool::Limits {
        queue_depth: settings.queue_depth,
        threads_max: settings.max_threads,
        nice: u8::try_from(settings.pool_nice).unwrap_or(19),
        is_managed: settings.mode != Mode::SyncOnly,
        overload: (settings.balancer != Balancing::Off).then_some(settings.queue_wait),
    };
    Pool::start(limits, routes, runtime.clone())
        .map_err(|error| Error::one("the thread pool could not be started", error))
}

struct Builder<'a> {
    settings: &'a Settings,
    runtime: &'a Handle,
    /// Process routes run in processes, and not on the pool of this one.
    is_apart: bool,
    /// Where process routes run in this process.
    process_lane: Lane,
    plan: Plan,
    faults: Vec<Fault>,
    router: RouterBuilder,
    stacks: Vec<Stack>,
    routes: Vec<Arc<Route>>,
    kinds: Vec<Registration>,
    root_mount: Option<Mount>,
}

/// What a group inherits from those around it.
#[derive(Clone, Default)]
struct Around {
    prefix: String,
    states: States,
    limits: Limits,
    stack: Option<usize>,
}

impl Builder<'_> {
    /// Adds a group with all that is in it; returns the states it sees.
    fn add(&mut self, group: Group, around: &Around) -> States {
        let around = self.inside(&group, around);
        let Group {
            layers,
            states,
            routes,
            groups,
            mounts,
            at,
            ..
        } = group;
        let around = Around {
            states: self.states(states, &around.states),
            stack: self.stack(layers, &around),
            ..around
        };
        for entry in routes {
            self.add_route(entry, &around, at);
        }
        for (path, mount, at) in mounts {
            self.add_mount(&path, mount, at, &around);
        }
        for inner in groups {
            self.add(inner, &around);
        }
        around.states
    }

    /// The prefix and the limits inside a group.
    fn inside(&mut self, group: &Group, around: &Around) -> Around {
        let prefix = &group.prefix;
        if !prefix.is_empty() && !prefix.starts_with('/') {
            let message = format!("the prefix `{prefix}` must begin with `/`: write \"/{prefix}\"");
            self.faults
                .push(Fault::new(message).called_at("group", group.at));
        }
        if prefix.contains("{*") {
            let message = format!("the prefix `{prefix}` must not take the rest of the path");
            self.faults
                .push(Fault::new(message).called_at("group", group.at));
        }
        let outer = &around.limits;
        let mut tags = outer.tags.clone();
        tags.extend(group.limits.tags.iter().cloned());
        let limits = Limits {
            tags,
            timeout: group.limits.timeout.or(outer.timeout),
            max_concurrency: group.limits.max_concurrency.or(outer.max_concurrency),
            body_limit: group.limits.body_limit.or(outer.body_limit),
        };
        let prefix = match prefix.strip_prefix('/') {
            None if prefix.is_empty() => around.prefix.clone(),
            // As it was meant, so that its routes are not at fault as well.
            None => join(&around.prefix, &format!("/{prefix}")),
            Some(_) => join(&around.prefix, prefix),
        };
        Around {
            prefix,
            limits,
            ..around.clone()
        }
    }

    fn stack(&mut self, layers: Vec<super::layers::Layer>, around: &Around) -> Option<usize> {
        if layers.is_empty() {
            return around.stack;
        }
        let stack = Stack::new(layers, around.stack.map(|outer| &self.stacks[outer]));
        let index = self.stacks.len();
        self.stacks.push(stack);
        let prefix = if around.prefix.is_empty() {
            "/"
        } else {
            &around.prefix
        };
        if let Ok(template) = Template::parse(prefix) {
            self.router.add_prefix(&template.pattern, index);
        }
        Some(index)
    }

    fn states(&mut self, sources: Vec<StateSource>, parent: &States) -> States {
        let mut own: Vec<Arc<Entry>> = Vec::new();
        for source in sources {
            if let Some(first) = own.iter().find(|entry| entry.key == source.key) {
                let message = format!("two states of type `{}` in one group", source.key.name());
                let fault = Fault::new(message).called_at("first", first.at);
                self.faults.push(fault.called_at("again", source.at));
                continue;
            }
            let entry = Arc::new(Entry::new(source, self.runtime));
            self.plan.add(&entry, self.faults.len());
            own.push(entry);
        }
        States::shadowing(own, parent)
    }

    fn add_route(&mut self, entry: RouteEntry, around: &Around, at: &'static Location<'static>) {
        let RouteEntry { spec, endpoint } = entry;
        let path = join(&around.prefix, spec.path);
        let template = match Template::parse(&path) {
            Ok(template) => template,
            Err(message) => {
                let fault =
                    Fault::new(message).at(format!("`{}`", spec.name), spec.file, spec.line);
                self.faults.push(fault.called_at("group", at));
                return;
            }
        };
        let endpoint = endpoint();
        let mut described = Describe::default();
        endpoint.serve.describe(&mut described);
        self.check(&spec, &path, &template, &described, &around.states);
        let keys = described.states().iter();
        for state in keys.filter_map(|key| around.states.entry(*key)) {
            self.plan.taken(state, endpoint.lane);
        }
        if endpoint.lane == Lane::Process {
            self.check_process(&spec, &described, &around.states);
        }
        let route = Arc::new(self.resolve(spec, path, &template, endpoint, &described, around));
        self.router.add_route(&template, &route);
        self.routes.push(route);
    }

    fn check(
        &mut self,
        spec: &RouteSpec,
        path: &str,
        template: &Template,
        described: &Describe,
        states: &States,
    ) {
        let here = |message: String| {
            Fault::new(message).at(format!("`{}`", spec.name), spec.file, spec.line)
        };
        for state in described
            .states()
            .iter()
            .filter(|state| states.entry(**state).is_none())
        {
            let (name, state) = (spec.name, state.name());
            self.faults.push(here(format!(
                "`{name}` takes `State<{state}>`, which the app does not have: add `.state(..)`"
            )));
        }
        let of_path = described
            .params()
            .iter()
            .filter(|param| param.source == Source::Path);
        for param in of_path.filter(|param| template.names.iter().all(|name| **name != *param.name))
        {
            let (name, param) = (spec.name, param.name);
            self.faults.push(here(format!(
                "`{name}` reads `{{{param}}}`, which {path} does not have"
            )));
        }
        for fault in described.faults() {
            self.faults.push(here(format!("`{}`: {fault}", spec.name)));
        }
    }

    /// What a route cannot have in a worker process.
    fn check_process(&mut self, spec: &RouteSpec, described: &Describe, states: &States) {
        let here = |message: String| {
            Fault::new(message).at(format!("`{}`", spec.name), spec.file, spec.line)
        };
        let name = spec.name;
        let taken = described.states().iter();
        let given = taken
            .filter_map(|state| states.entry(*state))
            .filter(|state| self.is_apart && state.origin == Origin::Given);
        for state in given {
            let ty = state.key.name();
            let fault = here(format!(
                "`{name}` runs in a worker process, which cannot have the value of \
                 `State<{ty}>` that `.state(..)` gives: write `.state_with(|| ..)`, which \
                 the worker calls on first use"
            ));
            self.faults.push(fault.called_at("given", state.at));
        }
        for ty in described.extensions() {
            self.faults.push(here(format!(
                "`{name}` takes `Extension<{ty}>`, which a layer puts into the request and \
                 which cannot cross to a worker process: send it in a header, or take it \
                 from a `State`"
            )));
        }
    }

    fn resolve(
        &mut self,
        spec: RouteSpec,
        path: String,
        template: &Template,
        endpoint: Endpoint,
        described: &Describe,
        around: &Around,
    ) -> Route {
        let Endpoint {
            serve,
            lane,
            is_auto,
            registrations,
            ..
        } = endpoint;
        self.kinds.extend(registrations);
        let timeout = match spec.timeout {
            Timeout::After(timeout) => Some(timeout),
            Timeout::Never => None,
            Timeout::Inherited => around
                .limits
                .timeout
                .unwrap_or(Some(self.settings.request_timeout)),
        };
        let (placed, is_auto) = match lane {
            Lane::Process => (self.process_lane, false),
            lane => placed(self.settings, lane, is_auto, &spec),
        };
        let max_concurrency = spec.max_concurrency.or(around.limits.max_concurrency);
        Route {
            index: self.routes.len(),
            spec,
            path,
            names: template.names.clone(),
            lane,
            effective_lane: EffectiveLane::new(placed),
            is_auto,
            sampling: Sampling::of(lane),
            serve,
            states: around.states.clone(),
            timeout,
            body_limit: spec.body_limit.or(around.limits.body_limit),
            running: max_concurrency.map(|limit| Limit::new(limit, self.settings.queue_depth)),
            on_disconnect: spec
                .on_disconnect
                .unwrap_or_else(|| by_method(spec.methods)),
            stack: around.stack,
            body_check: described.described_body().map(|body| body.check),
        }
    }

    /// The admin endpoints among the application's own paths.
    fn add_admin(&mut self, path: &str, at: &'static Location<'static>) {
        let template = Template::parse(path.trim_end_matches('/'));
        match template {
            _ if !path.starts_with('/') => Err(format!(
                "the path `{path}` of the admin endpoints must begin with `/`: write \"/{path}\""
            )),
            Ok(template) if template.names.is_empty() => Ok(template.pattern),
            Ok(_) => Err(format!(
                "the path `{path}` of the admin endpoints must hold no names"
            )),
            Err(_) if path.trim_end_matches('/').is_empty() => Err(
                "the admin endpoints cannot stand at `/`, which is the app's: write \"/_hybrid\""
                    .to_owned(),
            ),
            Err(message) => Err(message),
        }
        .map_or_else(
            |message| {
                let fault = Fault::new(message).called_at("`admin_at`", at);
                self.faults.push(fault);
            },
            |pattern| self.router.add_admin(&pattern, at),
        );
    }

    /// Their own listener, bound already now, so that what is wrong with its
    /// address is reported with the rest.
    fn listen_for_admin(&mut self, purpose: For) -> Option<TcpListener> {
        let addr = self.settings.admin?;
        if purpose != For::Serving {
            return None;
        }
        let listener = TcpListener::bind(addr);
        let listener = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listener
            .map_err(|error| {
                let message = format!("`admin`: {addr} cannot be listened on: {error}");
                self.faults.push(Fault::new(message));
            })
            .ok()
    }

    fn add_mount(
        &mut self,
        path: &str,
        mut mount: Mount,
        at: &'static Location<'static>,
        around: &Around,
    ) {
        if !path.starts_with('/') {
            let fault = Fault::new(format!("the path `{path}` of a mount must begin with `/`"));
            self.faults.push(fault.called_at("mounted", at));
            return;
        }
        let whole = join(&around.prefix, path);
        mount.stack = around.stack;
        if whole == "/" {
            if self.root_mount.replace(mount).is_some() {
                let fault = Fault::new("two services are mounted at `/`");
                self.faults.push(fault.called_at("again", at));
            }
            return;
        }
        let whole = whole.trim_end_matches('/');
        mount.segments = whole.matches('/').count();
        let template = match Template::parse(whole) {
            Ok(template) => template,
            Err(message) => {
                self.faults
                    .push(Fault::new(message).called_at("mounted", at));
                return;
            }
        };
        let pattern = template.pattern;
        for pattern in [
            pattern.clone(),
            format!("{pattern}/"),
            format!("{pattern}/{{*rest}}"),
        ] {
            self.router
                .add_mount(pattern, mount.clone(), at.file(), at.line());
        }
    }
}

/// Where an endpoint of that lane begins, and whether the balancer may move it
/// inline.
fn placed(settings: &Settings, lane: Lane, is_auto: bool, spec: &RouteSpec) -> (Lane, bool) {
    match settings.mode {
        Mode::Hybrid => {
            let promoted = settings.promote && lane == Lane::Pool && !spec.lane_written;
            (lane, is_auto || promoted)
        }
        Mode::AsyncOnly if lane == Lane::Pool => (Lane::Inline, false),
        Mode::AsyncOnly => (lane, false),
        Mode::SyncOnly => (Lane::Pool, false),
    }
}

/// A client that leaves cancels what only reads.
fn by_method(methods: &[&str]) -> OnDisconnect {
    let reads = methods
        .iter()
        .all(|method| matches!(*method, "GET" | "HEAD" | "OPTIONS"));
    if reads {
        OnDisconnect::Cancel
    } else {
        OnDisconnect::Detach
    }
}

impl Limit {
    fn new(running: usize, waiting: usize) -> Self {
        Self {
            at_once: running,
            permits: Arc::new(Semaphore::new(running.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: Arc::new(Semaphore::new(waiting)),
        }
    }
}

/// How a route's body is checked, in the words of the log.
pub(crate) fn check_word(check: Option<BodyCheck>) -> Option<&'static str> {
    check.map(|check| match check {
        BodyCheck::Model => "model",
        BodyCheck::Validator => "validator",
        BodyCheck::Unchecked => "unchecked",
        BodyCheck::Raw => "raw",
    })
}
