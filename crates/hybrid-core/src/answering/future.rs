//! The future around every request's handler.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Method;
use hybrid_engine::{
    catch::{Catching, Panicked},
    clock::Instant,
    telemetry::InFlight,
    ticket::Ticket,
};

use crate::{
    BoxResponse, Response, ResponseFuture,
    context::ServerContext,
    dispatch::{Placement, expose, is_exposed},
    head::{Head, Route},
    log::requests,
    per_connection::PerConnection,
    problem::{Carried, Problem},
    respond::length,
};

/// What of a response leaves the application.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outlet {
    /// Nothing: layers around it come first.
    Layers,
    /// The whole response goes to the client.
    Client,
    /// The client asked for the head alone.
    ClientHeadOnly,
}

impl Outlet {
    /// To the client that sent a request of that method.
    pub(crate) fn of(method: &Method) -> Self {
        if *method == Method::HEAD {
            Self::ClientHeadOnly
        } else {
            Self::Client
        }
    }
}

/// A request that is being answered. Its panics become responses too. Dropped, it
/// goes on by itself where its route is detached and its handler has begun.
pub(crate) struct Answering {
    pub(super) context: PerConnection<ServerContext>,
    pub(super) serving: Catching<BoxResponse>,
    pub(super) received: Instant,
    /// The index of its route.
    route: Option<usize>,
    detaching: Option<Arc<Ticket>>,
    spare: Option<Box<Head>>,
    outlet: Outlet,
    /// It goes through the layers around the route, whose own answering is
    /// further in.
    is_layered: bool,
    /// Counted when it ends; taken along by the outermost answering alone.
    pub(super) in_flight: Option<InFlight>,
}

impl Answering {
    /// `spare` is a copy of the head, where the format of errors wants one.
    pub(crate) fn new(
        context: PerConnection<ServerContext>,
        serving: ResponseFuture,
        spare: Option<Box<Head>>,
        received: Instant,
    ) -> Self {
        Self {
            context,
            received,
            serving: Catching::new(serving),
            route: None,
            detaching: None,
            spare,
            outlet: Outlet::Layers,
            is_layered: false,
            in_flight: None,
        }
    }

    /// Its handler is that route's; the ticket says whether it has begun, where it
    /// may outlive its client.
    pub(crate) fn handled_by(&mut self, route: usize, detaching: Option<Arc<Ticket>>) {
        self.route = Some(route);
        self.detaching = detaching;
    }

    /// It goes through the layers around that route.
    pub(crate) fn through_layers(&mut self, route: Option<usize>) {
        self.route = route;
        self.is_layered = true;
    }

    /// Its response leaves the application there, and its end is counted.
    pub(crate) fn leaves_by(&mut self, outlet: Outlet, in_flight: Option<InFlight>) {
        self.outlet = outlet;
        self.in_flight = in_flight;
    }

    fn finish(&self, response: Result<BoxResponse, Panicked>) -> BoxResponse {
        let mut response = match response {
            Ok(response) => response,
            Err(panicked) => Box::new(self.panicked(panicked)),
        };
        // A problem that no endpoint rendered: a middleware's.
        if let Some(carried) = response.extensions_mut().remove::<Carried>() {
            let rendered = self.render(&carried.0);
            carried.replace(&mut response, rendered);
        }
        self.place(&mut response);
        if response.status().as_u16() >= self.context.lines_from {
            self.log(&mut response);
        }
        match self.outlet {
            Outlet::Layers => {}
            Outlet::Client => length::settle(&mut response, false),
            Outlet::ClientHeadOnly => length::settle(&mut response, true),
        }
        response
    }

    pub(super) fn route(&self) -> Option<&Route> {
        self.route.map(|index| &*self.context.routes[index])
    }

    fn panicked(&self, Panicked(text): Panicked) -> Response {
        let handler = self.route().filter(|_| !self.is_layered);
        let name = handler.map_or("a layer", |route| route.spec.name);
        self.render(&Problem::internal(format!("`{name}` panicked: {text}")))
    }

    /// Every response of a route says its lane, also one that its endpoint did not
    /// make: that of a panic, or of a middleware that refuses.
    fn place(&self, response: &mut Response) {
        let exposes = self.context.settings.expose_lane;
        let notes = self.context.notes_placement;
        if !exposes && !notes {
            return;
        }
        let Some(route) = self.route() else { return };
        let placement = Placement::never_ran(route.class.effective_lane.get());
        if exposes && !is_exposed(response) {
            expose(response, placement);
        }
        if notes {
            response.extensions_mut().get_or_insert(placement);
        }
    }

    fn render(&self, problem: &Problem) -> Response {
        self.context
            .render_for(problem, self.spare.as_deref(), self.route())
    }
}

impl Future for Answering {
    type Output = BoxResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BoxResponse> {
        let this = self.get_mut();
        let polled = {
            let route = this.route;
            let _watching = route.map(|route| this.context.balancer.watching(route));
            Pin::new(&mut this.serving).poll(cx)
        };
        polled.map(|response| {
            this.detaching = None;
            let response = this.finish(response);
            if let Some(in_flight) = this.in_flight.take() {
                this.context
                    .telemetry
                    .answered(&in_flight, response.status().as_u16());
            }
            response
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            self.context.telemetry.left(&in_flight);
            if self.context.lines_from == 0 {
                let path = self.route().map(|route| route.path.as_str());
                requests::say_left(self.context.telemetry.variant(&in_flight), path);
            }
        }
        let begun = self
            .detaching
            .as_ref()
            .is_some_and(|ticket| ticket.has_started());
        if let Some(serving) = begun.then(|| self.serving.take()).flatten() {
            ServerContext::detach(&self.context, serving, self.route);
        }
    }
}
