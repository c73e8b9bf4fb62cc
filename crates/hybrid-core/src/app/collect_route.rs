//! A route, checked and resolved: what its attribute says, completed by its groups and
//! the configuration.

use std::{panic::Location, sync::Arc};

use hybrid_engine::{Class, class::EffectiveLane, sampling::Sampling};
use hybrid_validate::Source;

use super::{
    collect::{Around, Builder},
    guards,
    routes::RouteEntry,
};
use crate::{
    config::{Mode, Settings},
    dispatch::Endpoint,
    error::Fault,
    extract::Describe,
    head::{ConcurrencyLimit, Route},
    router::{Template, join},
    spec::{Lane, OnDisconnect, RouteSpec, Timeout},
    state::States,
};

impl Builder<'_> {
    pub(super) fn add_route(
        &mut self,
        entry: RouteEntry,
        around: &Around,
        at: &'static Location<'static>,
    ) {
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
        let route = self.resolve(spec, path, &template, &endpoint, &described, around);
        let route = Arc::new(route);
        self.router.add_route(&template, &route);
        self.routes.push(route);
        self.endpoints
            .push(guards::behind(&around.guards, endpoint.serve));
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
        endpoint: &Endpoint,
        described: &Describe,
        around: &Around,
    ) -> Route {
        let Endpoint { lane, is_auto, .. } = *endpoint;
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
            states: around.states.clone(),
            timeout,
            body_limit: spec.body_limit.or(around.limits.body_limit),
            running: max_concurrency
                .map(|limit| ConcurrencyLimit::new(limit, self.settings.queue_depth)),
            on_disconnect: spec
                .on_disconnect
                .unwrap_or_else(|| by_method(spec.methods)),
            stack: around.stack,
            body_check: described.described_body().map(|body| body.check),
        }
    }
}

fn position_of(methods: &[&str], wanted: &str) -> usize {
    let position = methods.iter().position(|method| *method == wanted);
    position.unwrap_or(0)
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
