//! Walks through the groups of an application and collects what is in them: routes,
//! stacks of layers, states and mounts, and every fault among them.

use std::{net::TcpListener, panic::Location, sync::Arc};

use tokio::runtime::Handle;

use super::{
    Group,
    build::Purpose,
    group::Limits,
    guards::GroupGuard,
    layers::{Layer, Stack},
    processes,
    states::{StatePlan, StatesToMake},
};
use crate::{
    config::{Program, Settings, Warnings},
    dispatch::Serve,
    error::{Error, Fault},
    head::Route,
    router::{Mount, Router, RouterBuilder, Template, join},
    spec::Lane,
    state::{Make, StateEntry, StateSource, States},
};

pub(super) struct Builder<'a> {
    pub(super) settings: &'a Settings,
    /// The program's own settings, and where they are read.
    pub(super) program: &'a Program,
    pub(super) settings_at: Option<&'static Location<'static>>,
    pub(super) warnings: Warnings,
    pub(super) runtime: &'a Handle,
    /// Process routes run in processes, and not on the pool of this one.
    pub(super) is_apart: bool,
    /// Where process routes run in this process.
    pub(super) process_lane: Lane,
    pub(super) plan: StatePlan,
    pub(super) faults: Vec<Fault>,
    pub(super) router: RouterBuilder,
    pub(super) stacks: Vec<Stack>,
    pub(super) routes: Vec<Arc<Route>>,
    /// The endpoint of each route, at the same place.
    pub(super) endpoints: Vec<Arc<dyn Serve>>,
}

/// What was collected, without a fault.
pub(super) struct Collected {
    /// The states that the app itself sees.
    pub(super) states: States,
    pub(super) router: Router,
    pub(super) stacks: Vec<Stack>,
    pub(super) routes: Vec<Arc<Route>>,
    pub(super) endpoints: Vec<Arc<dyn Serve>>,
    pub(super) warnings: Warnings,
    /// Where the admin endpoints listen by themselves.
    pub(super) admin: Option<TcpListener>,
}

/// What a group inherits from those around it.
#[derive(Clone, Default)]
pub(super) struct Around {
    pub(super) prefix: String,
    pub(super) states: States,
    pub(super) limits: Limits,
    pub(super) guards: Vec<GroupGuard>,
    pub(super) stack: Option<usize>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(settings: &'a Settings, program: &'a Program, runtime: &'a Handle) -> Self {
        Self {
            settings,
            program,
            settings_at: None,
            warnings: Warnings::new(),
            runtime,
            is_apart: false,
            process_lane: Lane::Pool,
            plan: StatePlan::default(),
            faults: Vec::new(),
            router: RouterBuilder::default(),
            stacks: Vec::new(),
            routes: Vec::new(),
            endpoints: Vec::new(),
        }
    }

    /// Says where process routes run; with `is_apart` in processes of their own.
    pub(super) fn run_process_routes(&mut self, purpose: Purpose, is_apart: bool) {
        self.is_apart = is_apart;
        self.process_lane = match purpose {
            Purpose::Worker => Lane::Process,
            _ if is_apart => Lane::Process,
            _ => Lane::Pool,
        };
    }

    /// Adds the app itself, and with it all groups; returns the states it sees.
    pub(super) fn add_root(&mut self, root: Group) -> States {
        self.add(root, &Around::default())
    }

    /// Makes the states that the start makes.
    pub(super) fn make_states(&mut self, start: StatesToMake) {
        let plan = std::mem::take(&mut self.plan);
        plan.make(start, &mut self.faults);
    }

    /// What is wrong with how the application wants worker processes.
    pub(super) fn check_processes(&mut self, purpose: Purpose, wanted: &processes::Wanted) {
        let faults = processes::faults(self.settings, purpose, wanted, &self.routes);
        self.faults.extend(faults);
    }

    /// # Errors
    /// All faults, where there are any.
    pub(super) fn finish(
        mut self,
        states: States,
        admin: Option<TcpListener>,
    ) -> Result<Collected, Error> {
        let router = self.router.build();
        let router = router.map_err(|more| self.faults.extend(more)).ok();
        if !self.faults.is_empty() {
            return Err(Error::from_faults(self.faults));
        }
        Ok(Collected {
            states,
            router: router.unwrap_or_default(),
            stacks: self.stacks,
            routes: self.routes,
            endpoints: self.endpoints,
            warnings: self.warnings,
            admin,
        })
    }
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

    fn stack(&mut self, layers: Vec<Layer>, around: &Around) -> Option<usize> {
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
        let mut own: Vec<Arc<StateEntry>> = Vec::new();
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
    fn entry(
        &mut self,
        source: StateSource,
        own: &[Arc<StateEntry>],
        parent: &States,
    ) -> StateEntry {
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
        StateEntry::new(StateSource { key, at, make }, self.runtime).made_from(needs)
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
