//! The routing table: one matcher over all paths, one over the prefixes of
//! groups with layers, which cover what is not found below them too.

use std::{cmp::Reverse, collections::HashMap, panic::Location, sync::Arc};

use http::{HeaderValue, Method};
use rustc_hash::FxHashMap;

use super::{Route, Target, Template, path};
use crate::{app::mount::Mount, error::Fault, head::PathValues};

/// The routes at one path.
pub(crate) struct Entry {
    routes: Vec<(Method, Arc<Route>)>,
    /// What a 405 says.
    pub(crate) allow: HeaderValue,
}

/// What a look-up finds.
pub(crate) enum Found<'r> {
    Route(&'r Arc<Route>, PathValues),
    Mount(&'r Mount),
    /// The admin endpoint of that name; empty for their root.
    Admin(String),
    /// The path is known, the method is not; with the stack of its layers.
    WrongMethod(&'r Entry, Option<usize>),
    /// Nothing there; with the stack of the group whose prefix it has.
    Nothing(Option<usize>),
    /// The path cannot be read.
    Malformed(&'static str),
}

#[derive(Default)]
pub(crate) struct Router {
    /// Paths without a parameter, most of all that are asked for. Who asks does not
    /// choose what is in it, so a hash that is fast will do.
    fixed: FxHashMap<Box<str>, usize>,
    paths: matchit::Router<usize>,
    targets: Vec<Target>,
    /// The prefixes of groups with layers, the longest first.
    prefixes: Vec<Prefix>,
    root_stack: Option<usize>,
}

/// The prefix of a group with layers: what is not found below it is theirs.
struct Prefix {
    pattern: String,
    stack: usize,
}

impl Prefix {
    /// Whether a path is the prefix or below it.
    fn covers(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        self.pattern.split('/').all(|wanted| match segments.next() {
            Some(found) => wanted == found || wanted.starts_with('{') && !found.is_empty(),
            None => false,
        })
    }

    /// Longer prefixes first, and of two as long the one that says more.
    fn rank(&self) -> (Reverse<usize>, usize) {
        let segments = self.pattern.matches('/').count();
        (Reverse(segments), self.pattern.matches('{').count())
    }
}

impl Router {
    pub(crate) fn find(&self, method: &Method, raw_path: &str) -> Found<'_> {
        // An escape is in none of the fixed paths: they are canonical.
        if let Some(target) = self.fixed.get(raw_path) {
            return self.found(*target, method, std::iter::empty());
        }
        let path = match path::canonical(raw_path) {
            Ok(path) => path,
            Err(reason) => return Found::Malformed(reason),
        };
        let Ok(matched) = self.paths.at(&path) else {
            let group = self.prefixes.iter().find(|prefix| prefix.covers(&path));
            return Found::Nothing(group.map(|prefix| prefix.stack).or(self.root_stack));
        };
        let values = matched.params.iter().map(|(_, text)| path::value(text));
        self.found(*matched.value, method, values)
    }

    /// What a path has come to, with the values in it.
    fn found(
        &self,
        target: usize,
        method: &Method,
        mut values: impl Iterator<Item = Box<str>>,
    ) -> Found<'_> {
        match &self.targets[target] {
            Target::Mount(mount) => Found::Mount(mount),
            Target::Ours(ours) => Found::Admin(ours.name(&values.next().unwrap_or_default())),
            Target::Routes(entry) => match entry.route(method) {
                Some(route) => Found::Route(route, values.collect()),
                None => Found::WrongMethod(entry, entry.stack()),
            },
        }
    }

    /// Whether anything stands at that path: for the redirect of a trailing slash.
    pub(crate) fn knows(&self, raw_path: &str) -> bool {
        path::canonical(raw_path).is_ok_and(|path| self.paths.at(&path).is_ok())
    }
}

impl Entry {
    /// The route of that method; `HEAD` is answered from `GET`.
    fn route(&self, method: &Method) -> Option<&Arc<Route>> {
        let of = |wanted: &Method| {
            self.routes
                .iter()
                .find(|(known, _)| known == wanted)
                .map(|(_, route)| route)
        };
        of(method).or_else(|| {
            if method == Method::HEAD {
                of(&Method::GET)
            } else {
                None
            }
        })
    }

    fn stack(&self) -> Option<usize> {
        self.routes.first().and_then(|(_, route)| route.stack)
    }

    fn new(routes: Vec<(Method, Arc<Route>)>) -> Self {
        let mut methods: Vec<&str> = routes.iter().map(|(method, _)| method.as_str()).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        let allow = HeaderValue::try_from(methods.join(", "))
            .expect("methods are tokens, which a header may hold");
        Self { routes, allow }
    }
}

/// Collects routes and mounts, and every fault among them.
#[derive(Default)]
pub(crate) struct RouterBuilder {
    paths: Vec<Spot>,
    by_pattern: HashMap<String, usize>,
    prefixes: Vec<Prefix>,
    root_stack: Option<usize>,
    pub(crate) faults: Vec<Fault>,
}

/// A pattern with what was put there, and where that is written.
struct Spot {
    pattern: String,
    content: Content,
}

enum Content {
    Routes(Vec<(Method, Arc<Route>)>),
    Mount {
        mount: Mount,
        file: &'static str,
        line: u32,
    },
    Ours(Ours),
}

/// Endpoints of our own among the application's paths, and where they were asked for.
#[derive(Clone, Copy)]
pub(crate) enum Ours {
    Admin(&'static Location<'static>),
    /// Those of health alone.
    Health(&'static Location<'static>),
}

impl Ours {
    /// The name of the admin endpoint that a path below theirs stands for.
    fn name(self, below: &str) -> String {
        match self {
            Self::Admin(_) => below.to_owned(),
            Self::Health(_) if below.is_empty() => "health/ready".to_owned(),
            Self::Health(_) => format!("health/{below}"),
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Admin(_) => "admin endpoints",
            Self::Health(_) => "health endpoints",
        }
    }

    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Admin(_) => "/_hybrid",
            Self::Health(_) => "/health",
        }
    }

    pub(crate) fn say_where(self, fault: Fault) -> Fault {
        match self {
            Self::Admin(at) => fault.called_at("`admin_at`", at),
            Self::Health(at) => fault.called_at("`health_at`", at),
        }
    }
}

impl RouterBuilder {
    pub(crate) fn add_route(&mut self, template: &Template, route: &Arc<Route>) {
        let index = match self.by_pattern.get(&template.pattern) {
            Some(index) => *index,
            None => self.add_spot(template.pattern.clone(), Content::Routes(Vec::new())),
        };
        for method in route.spec.methods {
            let Ok(method) = Method::from_bytes(method.as_bytes()) else {
                self.faults.push(at_route(
                    Fault::new(format!("`{method}` is no method")),
                    route,
                ));
                continue;
            };
            match &mut self.paths[index].content {
                Content::Routes(routes) => {
                    if let Some((_, other)) = routes.iter().find(|(known, _)| *known == method) {
                        let fault =
                            Fault::new(format!("two routes answer {method} {}", route.path));
                        self.faults.push(at_route(at_route(fault, other), route));
                        continue;
                    }
                    routes.push((method, Arc::clone(route)));
                }
                Content::Mount { file, line, .. } => {
                    let fault = Fault::new(format!("{} is a route and a mount", route.path));
                    self.faults
                        .push(at_route(fault.at("mounted", file, *line), route));
                }
                // They are added last.
                Content::Ours(_) => {}
            }
        }
    }

    pub(crate) fn add_mount(
        &mut self,
        pattern: String,
        mount: Mount,
        file: &'static str,
        line: u32,
    ) {
        if self.by_pattern.contains_key(&pattern) {
            let fault = Fault::new(format!("something stands at {pattern} already"));
            self.faults.push(fault.at("mounted", file, line));
            return;
        }
        self.add_spot(pattern, Content::Mount { mount, file, line });
    }

    /// Endpoints of our own, once everything else is there: nothing may stand at
    /// their path or below it.
    pub(crate) fn add_ours(&mut self, pattern: &str, ours: Ours) {
        let below = format!("{pattern}/");
        let stands_there =
            |spot: &&Spot| spot.pattern == pattern || spot.pattern.starts_with(&below);
        if let Some(spot) = self.paths.iter().find(stands_there) {
            let fault = Fault::new(format!(
                "{} is among the {} at {pattern}",
                spot.path(),
                ours.what()
            ));
            let fault = spot.say_where(fault);
            self.faults.push(ours.say_where(fault));
            return;
        }
        for pattern in [
            pattern.to_owned(),
            below.clone(),
            format!("{below}{{*rest}}"),
        ] {
            self.add_spot(pattern, Content::Ours(ours));
        }
    }

    /// A group with layers: they cover what is not found below its prefix.
    pub(crate) fn add_prefix(&mut self, pattern: &str, stack: usize) {
        if pattern == "/" {
            self.root_stack = Some(stack);
        } else {
            let pattern = pattern.to_owned();
            self.prefixes.push(Prefix { pattern, stack });
        }
    }

    fn add_spot(&mut self, pattern: String, content: Content) -> usize {
        let index = self.paths.len();
        self.by_pattern.insert(pattern.clone(), index);
        self.paths.push(Spot { pattern, content });
        index
    }

    pub(crate) fn build(mut self) -> Result<Router, Vec<Fault>> {
        let mut router = Router {
            root_stack: self.root_stack,
            ..Router::default()
        };
        for (index, spot) in self.paths.iter().enumerate() {
            if let Err(error) = router.paths.insert(spot.pattern.as_str(), index) {
                self.faults.push(self.conflict(spot, &error));
            }
            if !spot.pattern.contains(['{', '%']) {
                router.fixed.insert(spot.pattern.as_str().into(), index);
            }
        }
        router.targets = std::mem::take(&mut self.paths)
            .into_iter()
            .map(Spot::target)
            .collect();
        // Stable: of two groups of one prefix the first covers what neither knows.
        router.prefixes = std::mem::take(&mut self.prefixes);
        router.prefixes.sort_by_key(Prefix::rank);
        if self.faults.is_empty() {
            Ok(router)
        } else {
            Err(self.faults)
        }
    }
}

impl RouterBuilder {
    /// Two paths that one request would match: says where both are written.
    fn conflict(&self, spot: &Spot, error: &matchit::InsertError) -> Fault {
        let matchit::InsertError::Conflict { with } = error else {
            let fault = Fault::new(format!(
                "the path {} cannot be matched: {error}",
                spot.pattern
            ));
            return spot.say_where(fault);
        };
        let other = self.by_pattern.get(with).map(|index| &self.paths[*index]);
        let (path, with) = (spot.path(), other.map_or_else(|| with.clone(), Spot::path));
        let fault = Fault::new(format!(
            "the paths {path} and {with} clash: one request would match both"
        ));
        let fault = other.map_or(fault.clone(), |other| other.say_where(fault));
        spot.say_where(fault)
    }
}

impl Spot {
    fn target(self) -> Target {
        match self.content {
            Content::Routes(routes) => Target::Routes(Entry::new(routes)),
            Content::Mount { mount, .. } => Target::Mount(mount),
            Content::Ours(ours) => Target::Ours(ours),
        }
    }

    /// The path as it was written.
    fn path(&self) -> String {
        match &self.content {
            Content::Routes(routes) => routes.first().map(|(_, route)| route.path.clone()),
            Content::Mount { .. } | Content::Ours(_) => None,
        }
        .unwrap_or_else(|| self.pattern.clone())
    }

    fn say_where(&self, fault: Fault) -> Fault {
        match &self.content {
            Content::Routes(routes) => routes
                .iter()
                .fold(fault, |fault, (_, route)| at_route(fault, route)),
            Content::Mount { file, line, .. } => fault.at("mounted", file, *line),
            Content::Ours(ours) => ours.say_where(fault),
        }
    }
}

fn at_route(fault: Fault, route: &Route) -> Fault {
    fault.at(
        format!("`{}`", route.spec.name),
        route.spec.file,
        route.spec.line,
    )
}
