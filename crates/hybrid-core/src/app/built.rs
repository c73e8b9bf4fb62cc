//! A built application, which serves: what a request meets on its way to a handler.

use std::{fmt, net::IpAddr, sync::Arc};

use http::{HeaderValue, Version, header};
use hybrid_engine::{
    balance::NotConfined,
    clock::{self, Instant},
    telemetry::Shed,
    ticket::{Cancel, Ticket},
};

use super::{
    TrailingSlash,
    layers::{Fallback, Stack},
    target::{Target, Unmatched},
    unmatched::UnmatchedRequest,
};
use crate::{
    BoxResponse, Request, Response,
    answering::{Answering, Outlet, log_refusal},
    body::Body,
    config::Settings,
    context::{Parts, RequestContext, ServerContext, SharedReservation},
    dispatch::{RoutedRequest, Serve},
    head::{Head, Matched, RequestHead},
    log::requests::{self, PanicNote, Seen},
    per_connection::PerConnection,
    problem::{Problem, kinds},
    respond::{IntoResponse as _, length},
    router::Router,
    server::Application,
    spec::{Lane, OnDisconnect},
};

/// A built application: its router, layers and handlers, above the
/// [`ServerContext`] that these share.
pub(crate) struct BuiltApp {
    pub(super) context: Arc<ServerContext>,
    /// The endpoint of each route, by the route's index.
    pub(super) endpoints: Vec<Arc<dyn Serve>>,
    pub(super) router: Router,
    pub(super) stacks: Vec<Stack>,
    pub(super) trailing_slash: TrailingSlash,
    pub(super) fallback: Option<Fallback>,
    /// It is in no other server, so that it sees what clients send.
    pub(super) is_outermost: bool,
    /// The admin endpoints stand among its own paths.
    pub(super) has_admin: bool,
}

/// An application as one connection holds it.
#[derive(Clone)]
pub(crate) struct AppHandle {
    pub(super) app: PerConnection<BuiltApp>,
    pub(super) context: PerConnection<ServerContext>,
}

/// What a request on its way through layers is called with behind them: an
/// extension of the request.
#[derive(Clone)]
pub(super) struct BehindLayers {
    handle: AppHandle,
    /// Where no route takes it.
    unmatched: Option<Unmatched>,
}

impl Application for BuiltApp {
    type Handle = AppHandle;
    type Answer = Answering;

    fn connect(app: &Arc<Self>) -> AppHandle {
        AppHandle {
            app: PerConnection::of(app),
            context: PerConnection::of(&app.context),
        }
    }

    /// Never fails: whatever goes wrong becomes a response.
    fn call(handle: &AppHandle, request_head: Box<RequestHead>, body: Body) -> Answering {
        if requests::wants_span() || handle.context.lines_from == 0 {
            return handle.answer_in_span(request_head, body);
        }
        handle.answer(request_head, body)
    }

    fn refuse(&self, problem: Problem, http: &http::request::Parts) -> Response {
        let context = &self.context;
        let in_flight = context.telemetry.begun(None, &http.method, clock::now());
        let mut response = context.render_refusal(&problem, http);
        if response.status().as_u16() >= context.lines_from {
            log_refusal(http, &in_flight, &mut response);
        }
        length::settle(&mut response, http.method == http::Method::HEAD);
        context
            .telemetry
            .answered(&in_flight, response.status().as_u16());
        response
    }

    fn settings(&self) -> &Settings {
        &self.context.settings
    }

    fn begin_stop(&self) {
        self.context.begin_stop();
    }

    fn refuse_waiting(&self) {
        self.context.refuse_waiting();
    }
}

impl AppHandle {
    pub(crate) fn context(&self) -> &PerConnection<ServerContext> {
        &self.context
    }

    /// The endpoint of the route with that index.
    pub(crate) fn endpoint(&self, route: usize) -> Arc<dyn Serve> {
        Arc::clone(&self.app.endpoints[route])
    }

    /// Begins to answer a request whose span is wanted, or whose line in any case.
    #[cold]
    fn answer_in_span(&self, mut request_head: Box<RequestHead>, body: Body) -> Answering {
        // Named now, so that handler, span and line have the same name for it.
        let id = requests::name(&mut request_head.http.headers);
        let method = request_head.http.method.clone();
        self.answer(request_head, body).in_span(&method, &id)
    }

    /// Begins to answer a request: finds what it is for, and calls that.
    fn answer(&self, mut request_head: Box<RequestHead>, body: Body) -> Answering {
        let received = clock::now();
        if request_head.http.version >= Version::HTTP_2 {
            name_host(&mut request_head.http);
        }
        let context = &*self.context;
        let (target, stack) = self.app.find(&request_head.http);
        let method = &request_head.http.method;
        let outlet = Outlet::of(method);
        let in_flight = match &target {
            // A request for the counts is not counted.
            Target::Other(Unmatched::Admin(_)) => None,
            target => {
                let class = target.matched().map(|matched| &*matched.route.class);
                Some(context.telemetry.begun(class, method, received))
            }
        };
        let spare = context.error_format.needs_head().then(|| {
            let matched = target.matched().cloned();
            Box::new(Head::new(request_head.clone(), matched))
        });
        let mut answering = match stack {
            None => self.call(target, request_head, body, spare, received),
            Some(stack) => self.call_layers(stack, target, request_head, body, spare, received),
        };
        answering.leaves_by(outlet, in_flight);
        answering
    }

    /// Calls what was found for a request.
    fn call(
        &self,
        target: Target,
        request_head: Box<RequestHead>,
        body: Body,
        spare: Option<Box<Head>>,
        received: Instant,
    ) -> Answering {
        match target {
            Target::Route(matched) => self.call_route(matched, request_head, body, spare, received),
            Target::Other(unmatched) => {
                let request = UnmatchedRequest {
                    handle: self.clone(),
                    unmatched,
                    peer: request_head.peer,
                    received,
                };
                request.answering(Request::from_parts(request_head.http, body), spare)
            }
        }
    }

    fn call_route(
        &self,
        matched: Matched,
        request_head: Box<RequestHead>,
        body: Body,
        spare: Option<Box<Head>>,
        received: Instant,
    ) -> Answering {
        let context = &self.context;
        let route = &*matched.route;
        let (index, endpoint) = (route.index, self.endpoint(route.index));
        let lane = route.class.effective_lane.get();
        // On a thread of the pool its ticket decides what becomes of it.
        let is_future = route.lane == Lane::Event && lane != Lane::Pool;
        let detaching = (is_future && route.on_disconnect == OnDisconnect::Detach)
            .then(|| Arc::new(Ticket::new(Arc::clone(context.pool.orphans()))));
        let parts = Parts {
            head: Head::new(request_head, Some(matched)),
            context: context.clone(),
            lane,
            received,
            cancel: detaching.clone().map(Cancel::of).unwrap_or_default(),
            reservation: SharedReservation::default(),
        };
        let mut serving = endpoint.serve(RoutedRequest { parts, body });
        if lane == Lane::Quarantine {
            let shedding = context.clone();
            let refuse = move |why| {
                if why == NotConfined::Full {
                    let class = &shedding.routes[index].class;
                    shedding.telemetry.shed(class, Shed::QueueFull);
                }
                not_confined(why)
            };
            serving = context.balancer.confine(serving, index, refuse);
        }
        let mut answering = Answering::new(context.clone(), serving, spare, received);
        answering.handled_by(index, detaching);
        answering
    }

    /// Sends a request through the layers around what was found for it.
    fn call_layers(
        &self,
        stack: usize,
        target: Target,
        request_head: Box<RequestHead>,
        body: Body,
        spare: Option<Box<Head>>,
        received: Instant,
    ) -> Answering {
        let (matched, unmatched) = target.split();
        let known = RequestContext {
            context: self.context.clone(),
            matched,
            peer: request_head.peer,
            received,
        };
        let route = known.matched.as_ref().map(|matched| matched.route.index);
        // What a layer makes of the head is not known here.
        let seen = (self.context.lines_from < u16::MAX)
            .then(|| Seen::of(&request_head.http, known.lane()));
        let mut noted = PanicNote(seen, received);
        let mut request = Request::from_parts(request_head.http, body);
        request.extensions_mut().insert(known);
        request.extensions_mut().insert(BehindLayers {
            handle: self.clone(),
            unmatched,
        });
        let app = self.app.clone();
        let serving = Box::pin(async move {
            let mut response = Box::new(app.stacks[stack].call(request).await);
            if let Some(seen) = noted.0.take()
                && response.status().as_u16() >= app.context.lines_from
            {
                seen.note(response.extensions_mut());
            }
            response
        });
        let mut answering = Answering::new(self.context.clone(), serving, spare, received);
        answering.through_layers(route);
        answering
    }
}

impl BehindLayers {
    /// Begins to answer a request that has come through its layers; `None` where one
    /// of them took away its extensions.
    pub(super) fn answering(mut request: Request) -> Option<Answering> {
        let Self { handle, unmatched } = request.extensions_mut().remove()?;
        let known: RequestContext = request.extensions_mut().remove()?;
        let spare = known.spare(&request);
        let RequestContext {
            matched,
            peer,
            received,
            ..
        } = known;
        let target = Target::of(matched, unmatched);
        let (http, body) = request.into_parts();
        let request_head = RequestHead::new(http, peer);
        Some(handle.call(target, request_head, body, spare, received))
    }
}

impl BuiltApp {
    pub(crate) fn context(&self) -> &Arc<ServerContext> {
        &self.context
    }

    /// Whether the admin endpoints ask for no token where other machines than this
    /// one reach them.
    pub(super) fn shows_admin_to(&self, ip: IpAddr) -> bool {
        self.has_admin && self.context.settings.admin_token.is_none() && !ip.is_loopback()
    }
}

/// Under HTTP/2 the target says the host, and `Host` is mostly left out. It is put in
/// for parameters, layers and mounted services (RFC 9113, section 8.3.1).
fn name_host(http: &mut http::request::Parts) {
    let Some(authority) = http.uri.authority() else {
        return;
    };
    if let header::Entry::Vacant(vacant) = http.headers.entry(header::HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        vacant.insert(host);
    }
}

impl fmt::Debug for BuiltApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}

impl fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}

/// The response of a request that the quarantine did not answer.
fn not_confined(why: NotConfined) -> BoxResponse {
    let problem = match why {
        NotConfined::Full => {
            Problem::overloaded("too many requests of routes that hold their loop")
        }
        NotConfined::Closed => Problem::of(&kinds::SHUTTING_DOWN),
    };
    Box::new(problem.into_response())
}
