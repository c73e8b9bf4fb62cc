//! What an application knows of a request that is on its way through layers,
//! middleware or an extractor of the user's: an extension of the request.

use hybrid_engine::clock::Instant;

use crate::{
    Request,
    context::{Running, ServerContext},
    head::{ClientAddr, Head, Matched, Peer, RequestHead},
    per_connection::PerConnection,
    spec::Lane,
    state::States,
};

/// What is known of a request before its handler is called.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) context: PerConnection<ServerContext>,
    /// The route that takes it, if one does.
    pub(crate) matched: Option<Matched>,
    pub(crate) peer: Peer,
    pub(crate) received: Instant,
}

impl RequestContext {
    /// Of that request; `None` where a layer took away its extensions.
    pub(crate) fn of(request: &Request) -> Option<&Self> {
        request.extensions().get()
    }

    /// The head of a request that is on its way through layers.
    pub(crate) fn head(http: http::request::Parts) -> Head {
        let known = http.extensions.get::<Self>();
        let peer = known.map(|known| known.peer).unwrap_or_default();
        let matched = known.and_then(|known| known.matched.clone());
        Head::new(RequestHead::new(http, peer), matched)
    }

    /// The states that the request's route sees, or else those of the app.
    pub(crate) fn states(&self) -> &States {
        self.matched
            .as_ref()
            .map_or(&self.context.states, |matched| &matched.route.states)
    }

    /// The template of the route that was found.
    pub(crate) fn route(&self) -> Option<&str> {
        self.matched
            .as_ref()
            .map(|matched| matched.route.path.as_str())
    }

    /// Where the request runs, as far as that is known.
    pub(crate) fn lane(&self) -> Lane {
        let matched = self.matched.as_ref();
        matched.map_or(Lane::Event, |matched| {
            matched.route.class.effective_lane.get()
        })
    }

    /// As what a middleware of that route runs.
    pub(crate) fn running(&self) -> Option<Running> {
        let matched = self.matched.as_ref()?;
        let deadline = matched.route.timeout;
        Some(Running {
            context: self.context.clone(),
            route: matched.route.index,
            lane: Lane::Event,
            deadline: deadline.and_then(|timeout| self.received.checked_add(timeout)),
            permit: None,
        })
    }

    /// A copy of the head, where the format of errors wants one.
    pub(crate) fn spare(&self, request: &Request) -> Option<Box<Head>> {
        let needs_head = self.context.error_format.needs_head();
        needs_head.then(|| Box::new(spare_head(request, self.peer, self.matched.as_ref())))
    }

    /// The address of the client, behind the proxies that are trusted.
    pub(crate) fn client(&self, headers: &http::HeaderMap) -> Option<ClientAddr> {
        ClientAddr::find(self.peer, headers, &self.context.settings.trusted_proxies)
    }
}

/// A copy of the head, for a format that wants one after a panic.
fn spare_head(request: &Request, peer: Peer, matched: Option<&Matched>) -> Head {
    let mut copy = http::Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    let request_head = RequestHead::new(copy.into_parts().0, peer);
    Head::new(request_head, matched.cloned())
}
