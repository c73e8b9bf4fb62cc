//! An application as one connection holds it.
//!
//! Every request holds its application several times over: in its parts, around
//! its handler, for the handler to find. Were all of that one count, each of these
//! would take the line of memory with it away from the other event loops. So each
//! connection has a count of its own, and the application's own count moves only
//! when a connection comes or goes.

use std::{fmt, ops::Deref, sync::Arc};

/// An application, counted apart from how others hold it.
#[expect(
    clippy::redundant_allocation,
    reason = "a count of its own is what it is for"
)]
pub(crate) struct PerConnection<A>(Arc<Arc<A>>);

impl<A> PerConnection<A> {
    /// For a connection, or for another caller.
    pub(crate) fn of(app: &Arc<A>) -> Self {
        Self(Arc::new(Arc::clone(app)))
    }
}

impl<A> Clone for PerConnection<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Deref for PerConnection<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: fmt::Debug> fmt::Debug for PerConnection<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
