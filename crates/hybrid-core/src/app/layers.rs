//! Layers: tower's and our own middleware, composed once, when the app is built.
//! A route without layers never meets this module.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request as HttpRequest;
use hybrid_engine::catch::{Catching, Panicked, catch};
use tower::{ServiceExt, util::BoxCloneSyncService};
use tower_service::Service;

use super::{built::BehindLayers, edge::Edge};
use crate::{
    BoxError, Request, Response, ResponseFuture,
    problem::Problem,
    respond::{IntoResponse, into_body},
};

/// What layers are put around: everything further in, in one type. It takes requests
/// of any body, since a layer may change it.
#[derive(Clone)]
pub struct Inner(BoxCloneSyncService<Request, Response, Infallible>);

impl Inner {
    pub(super) fn new<S>(service: S) -> Self
    where
        S: Service<Request, Response = Response, Error = Infallible, Future = Answer>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        Self(BoxCloneSyncService::new(service))
    }

    /// The answer of what is further in.
    pub(super) async fn answer(self, request: Request) -> Response {
        match self.0.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl<B> Service<HttpRequest<B>> for Inner
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        self.0.call(request.map(into_body))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner")
    }
}

/// A tower layer that fits around routes.
///
/// Implemented for every [`tower_layer::Layer`] whose service takes
/// `http::Request<Body>` and answers an `http::Response` of any body: those of
/// tower-http among them. It may call what is further in with a request of another
/// body, as those do that decompress bodies or limit them. An error of its service
/// becomes 503 where it says that there was no room or time, else 500; its panic is
/// a 500, which the layers around it see as an answer like any other.
pub trait HybridLayer: Send + 'static {
    #[doc(hidden)]
    fn put_around(&self, inner: Inner) -> Inner;
}

impl<L, S, B> HybridLayer for L
where
    L: tower_layer::Layer<Inner, Service = S> + Send + 'static,
    S: Service<Request, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn put_around(&self, inner: Inner) -> Inner {
        Inner::new(LayerService {
            service: self.layer(inner),
        })
    }
}

/// A layer or a middleware, its types erased.
pub struct Layer(Box<dyn FnOnce(Inner) -> Inner + Send>);

impl Layer {
    pub(super) fn tower(layer: impl HybridLayer) -> Self {
        Self(Box::new(move |inner| layer.put_around(inner)))
    }

    pub(super) fn new(put_around: impl FnOnce(Inner) -> Inner + Send + 'static) -> Self {
        Self(Box::new(put_around))
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

/// The layers of one group and of those around it, ready to be called.
pub(crate) struct Stack {
    service: Inner,
}

impl Stack {
    /// Puts layers, the outermost first, around the routes.
    pub(crate) fn new(layers: Vec<Layer>, around: Option<&Self>) -> Self {
        let innermost = || Inner::new(Routes);
        // Layers of the outer groups cannot be put around twice; they are asked
        // to call what this request carries instead of the routes.
        let service = layers
            .into_iter()
            .rev()
            .fold(innermost(), |inner, Layer(put)| put(inner));
        match around {
            None => Self { service },
            Some(outer) => Self {
                service: Inner::new(Nested {
                    outer: outer.service.clone(),
                    inner: service,
                }),
            },
        }
    }

    pub(crate) async fn call(&self, request: Request) -> Response {
        self.service.clone().answer(request).await
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stack")
    }
}

pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// The answer of a layer or a middleware, as what stands further out sees it: its
/// panic and its problem are answers too, in the application's format.
pub(super) fn settled<F>(edge: Option<Edge>, answer: impl FnOnce() -> F) -> Answer
where
    F: Future<Output = Response> + Send + 'static,
{
    let answering = catch(answer).map(|answering| Catching::new(Box::pin(answering)));
    Box::pin(async move {
        let answer = match answering {
            Ok(answering) => answering.await,
            Err(panicked) => Err(panicked),
        };
        let response = match answer {
            Ok(response) => response,
            Err(Panicked(text)) => {
                Problem::internal(format!("a layer panicked: {text}")).into_response()
            }
        };
        Ok(match edge {
            Some(edge) => edge.settle(response),
            None => response,
        })
    })
}

/// The innermost service: what the router found for this request.
#[derive(Clone, Copy)]
struct Routes;

impl Service<Request> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answer {
        let inward = request
            .extensions_mut()
            .get_mut::<Inward>()
            .and_then(Inward::pop);
        if let Some(inner) = inward {
            return Box::pin(inner.oneshot(request));
        }
        Box::pin(async move {
            Ok(match BehindLayers::answering(request) {
                Some(answering) => *answering.await,
                None => {
                    Problem::internal("a layer took away the request's extensions").into_response()
                }
            })
        })
    }
}

/// What a request still has to pass on its way in, the next one last.
#[derive(Clone, Default)]
struct Inward(Vec<Inner>);

impl Inward {
    fn pop(&mut self) -> Option<Inner> {
        self.0.pop()
    }
}

/// An outer stack with an inner one in place of its routes.
#[derive(Clone)]
struct Nested {
    outer: Inner,
    inner: Inner,
}

impl Service<Request> for Nested {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answer {
        let inward = request.extensions_mut().get_or_insert_default::<Inward>();
        inward.0.push(self.inner.clone());
        Box::pin(self.outer.clone().oneshot(request))
    }
}

/// A layer's service whose answers and errors are ours.
#[derive(Clone)]
struct LayerService<S> {
    service: S,
}

impl<S, B> Service<Request> for LayerService<S>
where
    S: Service<Request, Response = http::Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Readiness is awaited inside the call, where its error can be answered.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        let edge = Edge::of(&request);
        let service = self.service.clone();
        settled(edge, || async move {
            match service.oneshot(request).await {
                Ok(response) => response.map(into_body),
                Err(error) => Problem::of_service_error(&error.into()).into_response(),
            }
        })
    }
}

/// What answers where no route does.
#[derive(Clone)]
pub(crate) struct Fallback(Arc<dyn Fn(Request) -> ResponseFuture + Send + Sync>);

impl Fallback {
    pub(super) fn new<F, Fut>(handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResponse> + Send + 'static,
    {
        Self(Arc::new(move |request| {
            let answer = handler(request);
            Box::pin(async move { Box::new(answer.await.into_response()) })
        }))
    }

    pub(super) fn answer(&self, request: Request) -> ResponseFuture {
        (self.0)(request)
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallback")
    }
}
