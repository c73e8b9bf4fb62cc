//! Middleware of our own kind: an async function around the rest of the way, or
//! a short check of the head.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use super::{
    edge::Edge,
    layers::{Answer, Inner, Layer, settled},
};
use crate::{
    Request, Response,
    context::{RequestContext, Running, entered},
    head::Head,
    problem::Problem,
    respond::IntoResponse,
};

/// What `.middleware(..)` takes: `async fn(Request, Next) -> impl IntoResponse`,
/// or `fn(&Head) -> Result<(), Problem>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    label = "not a middleware",
    note = "write `async fn name(request: Request, next: Next) -> Response`, or \
            `fn name(head: &Head) -> Result<(), Problem>` for a short check"
)]
pub trait Middleware<Kind>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_layer(self) -> Layer;
}

/// Marks middleware that goes around the rest of the way.
#[derive(Debug, Clone, Copy)]
pub struct Around<Fut>(std::marker::PhantomData<fn() -> Fut>);

/// Marks middleware that looks at the head.
#[derive(Debug, Clone, Copy)]
pub struct OfHead;

/// The rest of a request's way: further middleware, then its handler.
pub struct Next {
    inner: Inner,
}

impl Next {
    /// Goes on, to the answer.
    pub async fn run(self, request: Request) -> Response {
        self.inner.answer(request).await
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}

impl<F, Fut> Middleware<Around<Fut>> for F
where
    F: Fn(Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn into_layer(self) -> Layer {
        let middleware = Arc::new(self);
        Layer::new(move |inner| {
            let call = move |request: Request, inner: Inner| -> MiddlewareFuture {
                let running = Running::of_request(&request);
                let answer = middleware(request, Next { inner });
                Box::pin(async move {
                    match running {
                        Some(running) => entered(running, answer).await.into_response(),
                        None => answer.await.into_response(),
                    }
                })
            };
            Inner::new(Called {
                call: Arc::new(call),
                inner,
            })
        })
    }
}

impl<F> Middleware<OfHead> for F
where
    F: Fn(&Head) -> Result<(), Problem> + Send + Sync + 'static,
{
    fn into_layer(self) -> Layer {
        let check = Arc::new(self);
        Layer::new(move |inner| {
            let call = move |request: Request, inner: Inner| -> MiddlewareFuture {
                let (http, body) = request.into_parts();
                let head = RequestContext::head(http);
                match check(&head) {
                    Ok(()) => Box::pin(inner.answer(Request::from_parts(head.into_http(), body))),
                    Err(problem) => Box::pin(std::future::ready(problem.into_response())),
                }
            };
            Inner::new(Called {
                call: Arc::new(call),
                inner,
            })
        })
    }
}

type MiddlewareFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A middleware as a tower service.
struct Called<F> {
    call: Arc<F>,
    inner: Inner,
}

impl<F> Clone for Called<F> {
    fn clone(&self) -> Self {
        Self {
            call: Arc::clone(&self.call),
            inner: self.inner.clone(),
        }
    }
}

impl<F: Fn(Request, Inner) -> MiddlewareFuture> Service<Request> for Called<F> {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        let edge = Edge::of(&request);
        settled(edge, || (self.call)(request, self.inner.clone()))
    }
}
