//! What middleware and `FromRequest` can ask of a request that is on its way
//! through the application.

use crate::{context::RequestContext, head::ClientAddr};

/// What an application knows of a request, for middleware and
/// [`FromRequest`](crate::extract::FromRequest). Outside of an application every
/// answer is `None`.
pub trait RequestExt {
    /// The state of that type which the request's route sees; those of the app
    /// where no route takes the request.
    fn state<T: Send + Sync + 'static>(&self) -> Option<&T>;

    /// The template of its route, `/users/{id}` say.
    fn route(&self) -> Option<&str>;

    /// The client's address, behind the proxies that are trusted.
    fn client_addr(&self) -> Option<ClientAddr>;
}

impl<B> RequestExt for http::Request<B> {
    fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions().get::<RequestContext>()?.states().get()
    }

    fn route(&self) -> Option<&str> {
        self.extensions().get::<RequestContext>()?.route()
    }

    fn client_addr(&self) -> Option<ClientAddr> {
        self.extensions()
            .get::<RequestContext>()?
            .client(self.headers())
    }
}
