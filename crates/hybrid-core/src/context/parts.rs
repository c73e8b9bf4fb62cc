//! A request's head inside its application: what an extractor sees.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use http::Extensions;
use hybrid_engine::{clock::Instant, ticket::Cancel, timing::Timing};

use super::{RequestContext, ServerContext, SharedReservation};
use crate::{
    head::{Head, Route},
    log::requests::Seen,
    per_connection::PerConnection,
    spec::Lane,
};

/// A [`Head`] inside its application: what an extractor sees.
///
/// Derefs to [`Head`], and through it to [`http::request::Parts`].
pub struct Parts {
    pub(crate) head: Head,
    pub(crate) context: PerConnection<ServerContext>,
    /// Where this request runs; its route may move while it does.
    pub(crate) lane: Lane,
    pub(crate) received: Instant,
    pub(crate) cancel: Cancel,
    /// What its body takes of the memory for bodies.
    pub(crate) reservation: SharedReservation,
}

impl Parts {
    /// The route that takes the request.
    pub(crate) fn matched_route(&self) -> &Arc<Route> {
        let matched = self.head.matched();
        &matched
            .expect("parts are made where a route was found")
            .route
    }

    /// The state of that type which the route's group or its app holds.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.matched_route().states.get()
    }

    /// What is known of this request, for extractors that take it whole.
    pub(crate) fn request_context(&self) -> RequestContext {
        RequestContext {
            context: self.context.clone(),
            matched: self.head.matched().cloned(),
            peer: self.head.peer(),
            received: self.received,
        }
    }

    /// Notes what a line says of this request.
    #[cold]
    pub(crate) fn note(&self, extensions: &mut Extensions, timing: Option<&Timing>) {
        // What ran last knows more than a note of a layer's.
        extensions.insert(Seen::of(&self.head, self.lane).timed(timing));
    }

    #[cold]
    fn keep_for_line(&self) {
        if self.context.lines_from() != u16::MAX {
            Seen::of(&self.head, self.lane).keep(self.received);
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_for_line();
        }
    }
}

impl Deref for Parts {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl DerefMut for Parts {
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}
