//! What a request is for: a route, or what stands where no route does.

use std::sync::Arc;

use http::{HeaderValue, Uri};

use super::{BuiltApp, TrailingSlash};
use crate::{
    head::Matched,
    router::{Found, Mount},
};

/// What the router found for a request.
pub(super) enum Target {
    Route(Matched),
    Other(Unmatched),
}

/// What a request is for that no route takes.
#[derive(Clone)]
pub(super) enum Unmatched {
    Mount(Mount),
    WrongMethod(HeaderValue),
    Malformed(&'static str),
    /// From a path to one that stands for it, with the query.
    Redirect(Arc<(String, String)>),
    /// An admin endpoint.
    Admin(String),
    Nothing,
}

impl Target {
    pub(super) fn of(matched: Option<Matched>, unmatched: Option<Unmatched>) -> Self {
        match matched {
            Some(matched) => Self::Route(matched),
            None => Self::Other(unmatched.unwrap_or(Unmatched::Nothing)),
        }
    }

    pub(super) fn split(self) -> (Option<Matched>, Option<Unmatched>) {
        match self {
            Self::Route(matched) => (Some(matched), None),
            Self::Other(unmatched) => (None, Some(unmatched)),
        }
    }

    pub(super) fn matched(&self) -> Option<&Matched> {
        match self {
            Self::Route(matched) => Some(matched),
            Self::Other(_) => None,
        }
    }
}

impl BuiltApp {
    /// What a request is for, and the stack of the layers around it.
    pub(super) fn find(&self, head: &http::request::Parts) -> (Target, Option<usize>) {
        let (unmatched, stack) = match self.router.find(&head.method, head.uri.path()) {
            Found::Route(route, values) => {
                let matched = Matched {
                    route: Arc::clone(route),
                    values,
                };
                return (Target::Route(matched), route.stack);
            }
            Found::Mount(mount, stack) => (Unmatched::Mount(mount.clone()), stack),
            Found::WrongMethod(entry, stack) => {
                (Unmatched::WrongMethod(entry.allow.clone()), stack)
            }
            Found::Malformed(reason, stack) => (Unmatched::Malformed(reason), stack),
            Found::Admin(name) => (Unmatched::Admin(name), None),
            Found::Nothing(stack) => (self.nothing_at(&head.uri), stack),
        };
        (Target::Other(unmatched), stack)
    }

    fn nothing_at(&self, uri: &Uri) -> Unmatched {
        match self.other_slash(uri) {
            Some(to) => Unmatched::Redirect(Arc::new((uri.path().to_owned(), to))),
            None => Unmatched::Nothing,
        }
    }

    /// The path with the slash at its end taken off or put on, where a route is
    /// there and redirects are wanted.
    fn other_slash(&self, uri: &Uri) -> Option<String> {
        if self.trailing_slash == TrailingSlash::Strict {
            return None;
        }
        let path = uri.path();
        let other = match path.strip_suffix('/') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        // `//host` and, to browsers, `/\\host` would be another site.
        let is_local = !other.starts_with("//") && !other.starts_with("/\\");
        if other.is_empty() || !is_local || !self.router.knows(&other) {
            return None;
        }
        Some(match uri.query() {
            Some(query) => format!("{other}?{query}"),
            None => other,
        })
    }
}
