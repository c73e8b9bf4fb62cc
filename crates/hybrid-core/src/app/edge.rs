//! The outer edge of a middleware or a layer, where its problem is rendered.

use std::sync::Arc;

use crate::{
    Request, Response,
    context::{RequestContext, ServerContext},
    head::{Head, Route},
    per_connection::PerConnection,
    problem::Carried,
};

/// Where a middleware or a layer stands: it renders the problem that the layer answers
/// with, before the layers further out see the response.
pub(crate) struct Edge {
    context: PerConnection<ServerContext>,
    route: Option<Arc<Route>>,
    spare: Option<Box<Head>>,
}

impl Edge {
    /// `None` where a layer took away the request's extensions.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let known = RequestContext::of(request)?;
        let matched = known.matched.as_ref();
        Some(Self {
            context: known.context.clone(),
            route: matched.map(|matched| Arc::clone(&matched.route)),
            spare: known.spare(request),
        })
    }

    /// The response, its problem in the application's format if it carries one.
    pub(crate) fn settle(self, mut response: Response) -> Response {
        let Some(carried) = response.extensions_mut().remove::<Carried>() else {
            return response;
        };
        let route = self.route.as_deref();
        let rendered = self
            .context
            .render_for(&carried.0, self.spare.as_deref(), route);
        carried.replace(&mut response, rendered);
        response
    }
}
