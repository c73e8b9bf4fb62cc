//! The routing table: one matcher over all paths, and the prefixes of mounts and of
//! groups with layers, which have what is not found below them.

use std::{borrow::Cow, collections::HashMap, panic::Location, sync::Arc};

use http::{HeaderValue, Method};
use rustc_hash::FxHashMap;

use super::{
    Mount, Template,
    mounts::{Mounts, Segments},
    path,
};
use crate::{
    error::Fault,
    head::{PathValues, Route},
};

/// What stands at a path.
enum AtPath {
    Routes(PathRoutes),
    /// Endpoints of our own, or one of them.
    Ours(Ours),
}

/// The routes at one path.
pub(crate) struct PathRoutes {
    routes: Vec<(Method, Arc<Route>)>,
    /// What a 405 says.
    pub(crate) allow: HeaderValue,
}

/// What a look-up finds.
pub(crate) enum Found<'r> {
    Route(&'r Arc<Route>, PathValues),
    /// What no route takes, with the stack of the layers around it.
    Mount(&'r Mount, Option<usize>),
    /// The admin endpoint of that name; empty for their root.
    Admin(String),
    /// The path is known, the method is not; with the stack of its layers.
    WrongMethod(&'r PathRoutes, Option<usize>),
    /// Nothing there; with the stack of the group whose prefix it has.
    Nothing(Option<usize>),
    /// The path cannot be read; with the stack of the group whose prefix it has.
    Malformed(&'static str, Option<usize>),
}

#[derive(Default)]
pub(crate) struct Router {
    /// Paths without a parameter, most of all that are asked for. A client does not
    /// choose what is in it, so a hash that is fast will do.
    fixed: FxHashMap<Box<str>, usize>,
    paths: matchit::Router<usize>,
    targets: Vec<(AtPath, Box<[usize]>)>,
    mounts: Mounts,
    /// The prefixes of groups with layers, the longest first.
    prefixes: Vec<(Segments, usize)>,
    root_stack: Option<usize>,
    /// The stack around each stack.
    around: Vec<Option<usize>>,
}

impl Router {
    pub(crate) fn find(&self, method: &Method, raw_path: &str) -> Found<'_> {
        // An escape is in none of the fixed paths: they are canonical.
        if let Some(target) = self.fixed.get(raw_path) {
            return self.found(*target, method, raw_path, std::iter::empty());
        }
        let path = match path::canonical(raw_path) {
            Ok(path) => path,
            Err(reason) => return Found::Malformed(reason, self.stack_over(&lossy(raw_path))),
        };
        let Some(matched) = self.at(&path) else {
            let stack = self.stack_over(&path);
            return match self.mounts.over(&path) {
                Some(mount) => self.mounted(mount, stack),
                None => Found::Nothing(stack),
            };
        };
        let values = matched.params.iter().map(|(_, text)| path::value(text));
        self.found(*matched.value, method, &path, values)
    }

    /// What stands at a canonical path, unless a mount is nearer to it.
    fn at<'p>(&self, path: &'p str) -> Option<matchit::Match<'_, 'p, &usize>> {
        let matched = self.paths.at(path).ok()?;
        let (_, before) = &self.targets[*matched.value];
        (before.is_empty() || !self.mounts.any_over(before, path)).then_some(matched)
    }

    /// What a path has come to, with the values in it.
    fn found(
        &self,
        target: usize,
        method: &Method,
        path: &str,
        mut values: impl Iterator<Item = Box<str>>,
    ) -> Found<'_> {
        match &self.targets[target].0 {
            AtPath::Ours(ours) => Found::Admin(ours.name(&values.next().unwrap_or_default())),
            AtPath::Routes(entry) => match entry.route(method) {
                Some(route) => Found::Route(route, values.collect()),
                None => match self.mounts.over(path) {
                    Some(mount) => self.mounted(mount, entry.stack()),
                    None => Found::WrongMethod(entry, entry.stack()),
                },
            },
        }
    }

    /// A mount, inside the layers of the group whose prefix or path it is asked by,
    /// where those stand inside the layers of its own group; else inside its own.
    fn mounted<'r>(&self, mount: &'r Mount, asked: Option<usize>) -> Found<'r> {
        let mut stack = asked;
        while stack != mount.stack {
            match stack {
                Some(inner) => stack = self.around[inner],
                None => return Found::Mount(mount, mount.stack),
            }
        }
        Found::Mount(mount, asked)
    }

    /// The layers of the group whose prefix a path has.
    fn stack_over(&self, path: &str) -> Option<usize> {
        let group = self.prefixes.iter().find(|(prefix, _)| prefix.cover(path));
        group.map(|(_, stack)| *stack).or(self.root_stack)
    }

    /// Whether a route stands at that path: for the redirect of a trailing slash.
    pub(crate) fn knows(&self, raw_path: &str) -> bool {
        path::canonical(raw_path).is_ok_and(|path| self.at(&path).is_some())
    }
}

/// A path that cannot be read, with what can be read of it: the prefix of a group may
/// be in that.
fn lossy(raw_path: &str) -> String {
    let segments = raw_path.split('/');
    let segments =
        segments.map(|segment| path::canonical(segment).unwrap_or(Cow::Borrowed("\u{fffd}")));
    segments.collect::<Vec<_>>().join("/")
}

impl PathRoutes {
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
    mounts: Vec<Mounted>,
    prefixes: Vec<(Segments, usize)>,
    root_stack: Option<usize>,
    around: Vec<Option<usize>>,
    pub(crate) faults: Vec<Fault>,
}

/// A pattern with what was put there, and where that is written.
struct Spot {
    pattern: String,
    content: Content,
}

enum Content {
    Routes(Vec<(Method, Arc<Route>)>),
    Ours(Ours),
}

/// A mount with the pattern of its prefix, empty at the root, and where it is written.
struct Mounted {
    pattern: String,
    mount: Mount,
    at: &'static Location<'static>,
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
                // They are added last.
                Content::Ours(_) => {}
            }
        }
    }

    /// A mount below a prefix; the empty one is the root.
    pub(crate) fn add_mount(
        &mut self,
        pattern: String,
        mount: Mount,
        at: &'static Location<'static>,
    ) {
        if let Some(other) = self.mounts.iter().find(|other| other.pattern == pattern) {
            let message = match pattern.as_str() {
                "" => "two services are mounted at `/`".to_owned(),
                pattern => format!("something stands at {pattern} already"),
            };
            let fault = Fault::new(message).called_at("mounted", other.at);
            self.faults.push(fault.called_at("again", at));
            return;
        }
        self.mounts.push(Mounted { pattern, mount, at });
    }

    /// Routes below a mount go before it, but what would hide it or never be asked is
    /// a fault: a route at its very path, or for all that is below.
    fn check_mounts(&mut self) {
        for mounted in self
            .mounts
            .iter()
            .filter(|mounted| !mounted.pattern.is_empty())
        {
            let pattern = &mounted.pattern;
            let below = format!("{pattern}/");
            let clashes = |spot: &&Spot| {
                let rest = spot.pattern.strip_prefix(&below);
                spot.pattern == *pattern
                    || rest.is_some_and(|r| r.is_empty() || r.starts_with("{*"))
            };
            for spot in self.paths.iter().filter(clashes) {
                let path = spot.path();
                let fault = Fault::new(format!("{path} is a route and a mount"));
                let fault = spot.say_where(fault);
                self.faults.push(fault.called_at("mounted", mounted.at));
            }
        }
    }

    /// Endpoints of our own, once everything else is there: nothing may stand at
    /// their path or below it.
    pub(crate) fn add_ours(&mut self, pattern: &str, ours: Ours) {
        let below = format!("{pattern}/");
        let stands_there =
            |spot: &&Spot| spot.pattern == pattern || spot.pattern.starts_with(&below);
        let is_among = |path: &str| {
            let what = ours.what();
            Fault::new(format!("{path} is among the {what} at {pattern}"))
        };
        let mounted_there =
            |mounted: &&Mounted| mounted.pattern == pattern || mounted.pattern.starts_with(&below);
        let route = self.paths.iter().find(stands_there);
        let route = route.map(|spot| spot.say_where(is_among(&spot.path())));
        let mount = || self.mounts.iter().find(mounted_there);
        let fault = route.or_else(|| {
            mount().map(|mount| is_among(&mount.pattern).called_at("mounted", mount.at))
        });
        if let Some(fault) = fault {
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

    /// A group with layers, the next stack, inside of another: they cover what is not
    /// found below its prefix.
    pub(crate) fn add_prefix(&mut self, pattern: &str, around: Option<usize>) {
        let stack = self.around.len();
        self.around.push(around);
        if pattern == "/" {
            self.root_stack = Some(stack);
        } else {
            self.prefixes.push((Segments::of(pattern), stack));
        }
    }

    fn add_spot(&mut self, pattern: String, content: Content) -> usize {
        let index = self.paths.len();
        self.by_pattern.insert(pattern.clone(), index);
        self.paths.push(Spot { pattern, content });
        index
    }

    pub(crate) fn build(mut self) -> Result<Router, Vec<Fault>> {
        self.check_mounts();
        let mounts = std::mem::take(&mut self.mounts).into_iter();
        let mut router = Router {
            root_stack: self.root_stack,
            around: std::mem::take(&mut self.around),
            mounts: Mounts::new(mounts.map(|mounted| (mounted.pattern, mounted.mount))),
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
            .map(|spot| {
                let before = router.mounts.before(&spot.pattern);
                (spot.target(), before)
            })
            .collect();
        // Stable: of two groups of one prefix the first covers what neither knows.
        router.prefixes = std::mem::take(&mut self.prefixes);
        router.prefixes.sort_by_key(|(prefix, _)| prefix.rank());
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
    fn target(self) -> AtPath {
        match self.content {
            Content::Routes(routes) => AtPath::Routes(PathRoutes::new(routes)),
            Content::Ours(ours) => AtPath::Ours(ours),
        }
    }

    /// The path as it was written.
    fn path(&self) -> String {
        match &self.content {
            Content::Routes(routes) => routes.first().map(|(_, route)| route.path.clone()),
            Content::Ours(_) => None,
        }
        .unwrap_or_else(|| self.pattern.clone())
    }

    fn say_where(&self, fault: Fault) -> Fault {
        match &self.content {
            Content::Routes(routes) => routes
                .iter()
                .fold(fault, |fault, (_, route)| at_route(fault, route)),
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
