//! What `routes![]` makes.

use std::fmt;

use crate::{
    dispatch::{Endpoint, RouteHandler},
    spec::RouteSpec,
};

/// Routes that are to be mounted: what `routes![list, create]` makes.
#[derive(Debug, Default)]
#[must_use = "routes do nothing until they are given to `App::routes` or `Group::routes`"]
pub struct Routes {
    pub(crate) entries: Vec<RouteEntry>,
}

/// One route that is to be mounted.
#[derive(Clone, Copy)]
pub struct RouteEntry {
    pub(crate) spec: RouteSpec,
    pub(crate) endpoint: fn() -> Endpoint,
}

impl Routes {
    /// Called by `routes![]`.
    pub fn new(entries: impl IntoIterator<Item = RouteEntry>) -> Self {
        Self {
            entries: entries.into_iter().collect(),
        }
    }
}

impl RouteEntry {
    /// Called by `routes![]`: the entry of one handler.
    #[must_use]
    pub const fn of<R: RouteHandler>() -> Self {
        Self {
            spec: R::SPEC,
            endpoint: R::endpoint,
        }
    }
}

impl fmt::Debug for RouteEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.spec.methods.join(" "), self.spec.path)
    }
}

#[cfg(feature = "discover")]
inventory::collect!(RouteEntry);

/// Every annotated handler that is linked in, by file and line.
#[cfg(feature = "discover")]
pub(super) fn discovered() -> Routes {
    let mut entries: Vec<RouteEntry> = inventory::iter::<RouteEntry>().copied().collect();
    entries.sort_by_key(|entry| (entry.spec.file, entry.spec.line));
    Routes { entries }
}
