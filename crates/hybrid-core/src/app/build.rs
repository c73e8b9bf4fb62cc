//! From an [`App`] to a [`Frozen`]: routes are resolved, layers composed,
//! everything checked, and then states made. All faults are collected; the first
//! does not hide the rest.
//!
//! Runs on a plain thread, so that constructors of states may block, and may
//! start runtimes of their own.

use std::{net::TcpListener, panic::Location, sync::Arc};

use hybrid_engine::{Class, Engine};
use hybrid_validate::Source;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    App, Frozen, Group,
    group::Limits,
    guards::{self, GroupGuard},
    hooks::Hook,
    layers::Stack,
    mount::Mount,
    processes,
    routes::RouteEntry,
    states::{Plan, Start},
};
use crate::{
    balance::Balancer,
    config::{self, Balancing, Config, ConfigError, Mode, Program, Resolved, Settings, Warnings},
    dispatch::{
        EffectiveLane, Endpoint,
        pool::{self, Pool},
    },
    error::{Error, Fault},
    extract::{BodyCheck, Describe, room::Bodies},
    log::requests::lines_from,
    problem::Registry,
    router::{Limit, Route, RouterBuilder, Template, join},
    spec::{Lane, OnDisconnect, RouteSpec, Timeout},
    state::{Entry, Make, StateSource, States},
    sync::AtomicBool,
    telemetry::{METHODS, SOURCES, Telemetry, sampling::Sampling},
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
pub(crate) fn settings(config: &Config, purpose: For) -> Configured {
    let Resolved { outcome, program } = match purpose {
        For::Serving | For::Mounting | For::Worker => config::load_whole(config),
        For::Testing => config::for_test(config),
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
    configured: Configured,
    purpose: For,
    runtime: &Handle,
) -> Result<Built, Error> {
    let _context = runtime.enter();
    let Configured {
        settings,
        warnings,
        mut faults,
        program,
    } = configured;
    faults.extend(app.faults);
    let is_apart = processes::are_apart(&settings, purpose, &app.processes);
    let mut builder = Builder {
        settings: &settings,
        program: &program,
        settings_at: None,
        warnings,
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
    };
    let states = builder.add(app.root, &Around::default());
    builder.check_unread(&program);
    let plan = std::mem::take(&mut builder.plan);
    plan.make(Start::of(purpose, is_apart), &mut builder.faults);
    if let Some((path, at)) = &app.admin {
        builder.add_admin(path, at);
    }
    if let Some((path, at)) = &app.health {
        builder.add_health(path, at);
    }
    let admin = builder.listen_for_admin(purpose);
    let Builder {
        mut faults,
        warnings,
        router,
        stacks,
        routes,
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
    let engine = start_engine(&settings, &routes, runtime)?;
    let processes = processes::start(&settings, purpose, app.processes, &routes, runtime)?;
    let balancer = Balancer::new(power_of(&settings), app.rules, routes.len(), runtime);
    let lines_from = lines_from(settings.log_requests);
    let frozen = Frozen {
        balancer,
        router: router.unwrap_or_default(),
        stacks,
        states,
        detached: Arc::new(Semaphore::new(settings.queue_depth)),
        bodies: Bodies::new(&settings),
        settings,
        pool: Arc::clone(&engine.pool),
        alarms: (purpose != For::Worker).then(|| Arc::clone(&engine.far_deadlines)),
        processes,
        telemetry: Arc::clone(&engine.telemetry),
        routes,
        registry: Registry::new(app.registrations),
        error_format: app.error_format,
        trailing_slash: app.trailing_slash,
        fallback: app.fallback,
        is_outermost: purpose != For::Mounting,
        has_admin: app.admin.is_some(),
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
            .start(&engine)
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

fn position_of(methods: &[&str], wanted: &str) -> usize {
    let position = methods.iter().position(|method| *method == wanted);
    position.unwrap_or(0)
}

pub(super) struct Builder<'a> {
    pub(super) settings: &'a Settings,
    /// The program's own settings, and where they are read.
    pub(super) program: &'a Program,
    pub(super) settings_at: Option<&'static Location<'static>>,
    pub(super) warnings: Warnings,
    runtime: &'a Handle,
    /// Process routes run in processes, and not on the pool of this one.
    is_apart: bool,
    /// Where process routes run in this process.
    process_lane: Lane,
    plan: Plan,
    pub(super) faults: Vec<Fault>,
    pub(super) router: RouterBuilder,
    stacks: Vec<Stack>,
    routes: Vec<Arc<Route>>,
}

/// What a group inherits from those around it.
#[derive(Clone, Default)]
struct Around {
    prefix: String,
    states: States,
    limits: Limits,
    guards: Vec<GroupGuard>,
    stack: Option<usize>,
}

impl Builder<'_> {
    /// Adds a group with all that is in it; returns the states it sees.
    fn add(&mut self, group: Group, around: &Around) -> States {
        let around = self.inside(&group, around);
        let Group {
            layers,
            guards,
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
            guards: around.guards.iter().copied().chain(guards).collect(),
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
        // What cannot be parsed is reported with the group's routes.
        let template = Template::parse(prefix);
        let pattern = template.map_or_else(|_| prefix.to_owned(), |template| template.pattern);
        self.router.add_prefix(&pattern, around.stack);
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
            let position = self.faults.len();
            let entry = Arc::new(self.entry(source, &own, parent));
            self.plan.add(&entry, position);
            own.push(entry);
        }
        States::shadowing(own, parent)
    }

    /// A state, tied to the one that it is made from, which stands before it.
    fn entry(&mut self, source: StateSource, own: &[Arc<Entry>], parent: &States) -> Entry {
        let StateSource { key, at, make } = source;
        let before = States::shadowing(own.to_vec(), parent);
        let wanted = make.needs();
        let needs = wanted.and_then(|wanted| before.entry(wanted)).cloned();
        let make = match wanted {
            Some(wanted) if needs.is_none() => {
                let (name, wanted) = (key.name(), wanted.name());
                let fault = Fault::new(format!(
                    "the state of type `{name}` is made from `State<{wanted}>`, which does not \
                     stand before it"
                ));
                self.faults.push(fault.called_at("given", at));
                Make::Settled(None)
            }
            _ => self.settled(make, at).tied_to(before),
        };
        Entry::new(StateSource { key, at, make }, self.runtime).made_from(needs)
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
        self.check_guards(&spec, &path, &template, around);
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
        for warning in described.warnings() {
            // A model that many routes read is spoken of once.
            if !self.warnings.contains(warning) {
                self.warnings.push(warning.clone());
            }
        }
    }

    /// What the guards of its groups want of a route: they are asked in the server,
    /// whatever its lane.
    fn check_guards(&mut self, spec: &RouteSpec, path: &str, template: &Template, around: &Around) {
        let mut described = Describe::default();
        for guard in &around.guards {
            (guard.describe)(&mut described);
        }
        let known = self.faults.len();
        self.check(spec, path, template, &described, &around.states);
        for fault in &mut self.faults[known..] {
            let guards = around.guards.iter();
            *fault = guards.fold(fault.clone(), |fault, guard| {
                fault.called_at(format!("guard `{}`", guard.name), guard.at)
            });
        }
        let keys = described.states().iter();
        for state in keys.filter_map(|key| around.states.entry(*key)) {
            self.plan.taken(state, Lane::Event);
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
            .filter_map(|state| states.entry(*state)?.given())
            .filter(|_| self.is_apart);
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
            ..
        } = endpoint;
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
        let class = Class {
            id: self.routes.len(),
            name: path.clone(),
            variants: spec.methods,
            // A `HEAD` that a `GET` route answers is one of its `GET`s.
            default_variant: position_of(spec.methods, "GET"),
            function: spec.name,
            file: spec.file,
            line: spec.line,
            lane,
            lane_written: spec.lane_written,
            is_auto,
            effective_lane: EffectiveLane::new(placed),
            sampling: Sampling::of(lane),
        };
        Route {
            index: class.id,
            spec,
            path,
            names: template.names.clone(),
            lane,
            class: Arc::new(class),
            serve: guards::behind(&around.guards, serve),
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
        if path.contains("{*") {
            let fault = Fault::new(format!(
                "the path `{path}` of a mount must not take the rest: all that is below it is the \
                 mount's"
            ));
            self.faults.push(fault.called_at("mounted", at));
            return;
        }
        let whole = join(&around.prefix, path);
        mount.stack = around.stack;
        if let Some(guard) = around.guards.last() {
            let fault = Fault::new(format!(
                "the guard `{}` is asked for routes, and the service mounted at {whole} would be \
                 reached past it: mount it in a group without guards, or put the check around it \
                 as a middleware",
                guard.name
            ));
            let fault = fault.called_at("guard", guard.at);
            self.faults.push(fault.called_at("mounted", at));
            return;
        }
        if whole == "/" {
            self.router.add_mount(String::new(), mount, at);
            return;
        }
        let whole = whole.trim_end_matches('/');
        mount.segments = whole.matches('/').count();
        match Template::parse(whole) {
            Ok(template) => self.router.add_mount(template.pattern, mount, at),
            Err(message) => {
                self.faults
                    .push(Fault::new(message).called_at("mounted", at));
            }
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
