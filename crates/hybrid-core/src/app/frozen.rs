//! A built application, which serves: from a request to its answer.
//!
//! Nothing in it changes any more but counters, so requests share it without a
//! lock.

mod lines;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Method, Uri, Version, header};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    TrailingSlash,
    layers::{Fallback, Stack},
    mount::Mount,
    sent,
};
use crate::{
    BoxResponse, Request, Response, admin,
    balance::{self, Balancer, NotConfined},
    body::Body,
    config::Settings,
    dispatch::{
        Call, Cancel, Placement, Processes, Running, Serving,
        alarms::Alarms,
        catch::{Catching, Panicked, catch},
        expose, is_exposed,
        pool::Pool,
        ticket::Ticket,
        within::within,
    },
    extract::room::{self, Bodies},
    head::{Came, Head, Matched, Parts},
    kept,
    log::{
        clip,
        requests::{self, Failure, Kept, Seen},
    },
    problem::{Carried, ErrorFormat, Problem, Registry, kinds},
    respond::{IntoResponse, Redirect, length},
    router::{Found, Route, Router},
    server::{Application, ClientAddr, Local, Peer},
    spec::{Lane, OnDisconnect},
    state::States,
    sync::{AtomicBool, Ordering},
    telemetry::{
        InFlight, Shed, Telemetry,
        clock::{self, Instant},
    },
};

/// A built application.
pub struct Frozen {
    pub(super) router: Router,
    pub(super) stacks: Vec<Stack>,
    pub(super) routes: Vec<Arc<Route>>,
    /// The states of the app itself, for requests that no route takes.
    pub(super) states: States,
    pub(super) settings: Settings,
    pub(super) pool: Arc<Pool>,
    pub(super) bodies: Bodies,
    /// Where somebody rings: in a worker process nobody does.
    pub(super) alarms: Option<Arc<Alarms>>,
    pub(super) processes: Processes,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) balancer: Balancer,
    pub(super) registry: Registry,
    pub(super) error_format: ErrorFormat,
    pub(super) trailing_slash: TrailingSlash,
    pub(super) fallback: Option<Fallback>,
    /// It is in no other server, so that it sees what clients send.
    pub(super) is_outermost: bool,
    /// The admin endpoints stand among its own paths.
    pub(super) has_admin: bool,
    pub(super) runtime: Handle,
    /// A permit for each handler that may outlive its client.
    pub(super) detached: Arc<Semaphore>,
    pub(super) notes_placement: bool,
    /// Nobody but hyper looks at the bodies of answers that no layer is around.
    pub(super) sends_in_place: bool,
    /// The server has begun to stop.
    pub(super) stops: AtomicBool,
    /// The least status whose requests have a line in the log.
    pub(super) lines_from: u16,
}

/// What the router found for a request, on its way through layers.
#[derive(Clone)]
pub(crate) struct Routed {
    app: Local<Frozen>,
    target: Target,
    peer: Peer,
    received: Instant,
}

#[derive(Clone)]
enum Target {
    Route(Matched),
    Mount(Mount),
    WrongMethod(HeaderValue),
    Malformed(&'static str),
    /// From a path to one that stands for it, with the query.
    Elsewhere(Arc<(String, String)>),
    /// An admin endpoint.
    Admin(String),
    Nothing,
}

impl Application for Frozen {
    /// Never fails: whatever goes wrong is an answer.
    fn call(
        app: Local<Self>,
        came: Box<Came>,
        body: Body,
    ) -> impl Future<Output = BoxResponse> + Send + 'static {
        Self::answering(app, came, body)
    }

    fn refuse(&self, problem: Problem, http: &http::request::Parts) -> Response {
        let in_flight = self.telemetry.begun(None, &http.method, clock::now());
        let mut response = self.render_refusal(&problem, http);
        if response.status().as_u16() >= self.lines_from {
            lines::log_refusal(http, &in_flight, &mut response);
        }
        length::settle(&mut response, http.method == Method::HEAD);
        self.telemetry
            .answered(&in_flight, response.status().as_u16());
        response
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn begin_stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
    }

    fn refuse_waiting(&self) {
        let limits = self
            .routes
            .iter()
            .filter_map(|route| route.running.as_ref());
        limits.for_each(|limit| limit.permits.close());
        if let Processes::InWorkers(workers) = &self.processes {
            workers.close();
        }
        let requests = self.pool.cut();
        if requests > 0 {
            kept::quietly(|| tracing::warn!(requests, "requests that waited were refused"));
        }
    }
}

impl Frozen {
    fn answering(app: Local<Self>, came: Box<Came>, body: Body) -> Answering {
        if requests::wants_span() || app.lines_from == 0 {
            return Self::answering_in_span(app, came, body);
        }
        Self::answering_alone(app, came, body)
    }

    fn answering_alone(app: Local<Self>, mut came: Box<Came>, body: Body) -> Answering {
        let received = clock::now();
        if came.http.version >= Version::HTTP_2 {
            name_host(&mut came.http);
        }
        let (target, stack) = app.find(&came.http);
        let in_flight = app.begin(&target, &came.http.method, received);
        let spare = app.error_format.needs_head().then(|| {
            let matched = target.matched().cloned();
            Box::new(Head::new(came.clone(), matched))
        });
        let sends = Sends::of(&came.http.method);
        let routed = Routed {
            app,
            target,
            peer: came.peer,
            received,
        };
        let mut answering = match stack {
            None => routed.answer(came, body, spare),
            Some(stack) => routed.answer_in_layers(stack, came, body, spare),
        };
        answering.sends = sends;
        answering.in_flight = in_flight;
        answering
    }

    /// Counts a request, unless it asks for the counts.
    fn begin(&self, target: &Target, method: &Method, received: Instant) -> Option<InFlight> {
        let route = match target {
            Target::Admin(_) => return None,
            target => target.matched().map(|matched| &*matched.route),
        };
        Some(
            self.telemetry
                .begun(route.map(|route| &*route.class), method, received),
        )
    }

    /// Answers a request that came to the listener of the admin endpoints.
    pub(crate) fn call_admin(
        app: Local<Self>,
        came: Box<Came>,
        body: Body,
    ) -> impl Future<Output = BoxResponse> + Send + 'static {
        let sends = Sends::of(&came.http.method);
        let routed = Routed {
            target: Target::Admin(came.http.uri.path().to_owned()),
            app,
            peer: came.peer,
            received: clock::now(),
        };
        let mut answering = routed.answer(came, body, None);
        answering.sends = sends;
        answering
    }

    fn find(&self, head: &http::request::Parts) -> (Target, Option<usize>) {
        match self.router.find(&head.method, head.uri.path()) {
            Found::Route(route, values) => {
                let matched = Matched {
                    route: Arc::clone(route),
                    values,
                };
                (Target::Route(matched), route.stack)
            }
            Found::Mount(mount, stack) => (Target::Mount(mount.clone()), stack),
            Found::WrongMethod(entry, stack) => (Target::WrongMethod(entry.allow.clone()), stack),
            Found::Malformed(reason, stack) => (Target::Malformed(reason), stack),
            Found::Admin(name) => (Target::Admin(name), None),
            Found::Nothing(stack) => (self.nothing_at(&head.uri), stack),
        }
    }

    fn nothing_at(&self, uri: &Uri) -> Target {
        match self.other_slash(uri) {
            Some(to) => Target::Elsewhere(Arc::new((uri.path().to_owned(), to))),
            None => Target::Nothing,
        }
    }

    /// The path with the slash at its end taken off or put on, where a route is
    /// there and redirects are wanted.
    fn other_slash(&self, uri: &Uri) -> Option<String> {
        if self.trailing_slash == TrailingSlash::Strict {
            return None;
        }
        let path = uri.path();
        let other = match path.strip_suffix('/') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        // `//host` and, to browsers, `/\\host` would be another site.
        let is_local = !other.starts_with("//") && !other.starts_with("/\\");
        if other.is_empty() || !is_local || !self.router.knows(&other) {
            return None;
        }
        Some(match uri.query() {
            Some(query) => format!("{other}?{query}"),
            None => other,
        })
    }

    /// The status with which a response will go out, once its problem is rendered.
    pub(crate) fn status_of(&self, response: &Response) -> http::StatusCode {
        self.registry.status(response)
    }

    /// Renders a problem in the application's format, as the mapped type of its
    /// source says; what the client is not told reaches the log.
    pub(crate) fn render(&self, problem: &Problem, head: &Head) -> Response {
        self.rendering(problem, head.route().unwrap_or_default(), |shown| {
            self.error_format.render(shown, head)
        })
    }

    /// As [`render`](Self::render), of a head that the server refuses.
    pub(crate) fn render_refusal(
        &self,
        problem: &Problem,
        http: &http::request::Parts,
    ) -> Response {
        let head = Head::new(Came::new(http.clone(), Peer::default()), None);
        self.render(problem, &head)
    }

    /// As [`render`](Self::render), where the head is at hand only if the format
    /// wants it.
    fn render_for(
        &self,
        problem: &Problem,
        head: Option<&Head>,
        route: Option<&Route>,
    ) -> Response {
        if let Some(head) = head {
            return self.render(problem, head);
        }
        let route = route.map_or("", |route| route.path.as_str());
        self.rendering(problem, route, |shown| self.error_format.write(shown))
    }

    /// Formats, mappings and the texts of errors are the user's, and may panic:
    /// then the answer is the plainest there is.
    fn rendering(
        &self,
        problem: &Problem,
        route: &str,
        write: impl FnOnce(&Problem) -> Response,
    ) -> Response {
        let rendered = catch(|| {
            let resolved = self.registry.resolve(problem);
            let shown = resolved.as_ref().unwrap_or(problem);
            let mut response = write(shown);
            if shown.status().is_server_error() {
                note_failure(problem, &mut response);
            }
            response
        });
        rendered.unwrap_or_else(|Panicked(panic)| {
            let panic = clip(&panic);
            kept::quietly(|| tracing::error!(route, panic, "writing an error panicked"));
            self.error_format.write(&Problem::of(&kinds::INTERNAL))
        })
    }

    /// The least status whose requests have a line in the log.
    pub(crate) fn lines_from(&self) -> u16 {
        self.lines_from
    }

    /// Whether the server has begun to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    /// Whether the admin endpoints ask for nothing where others than this machine
    /// reach them.
    pub(super) fn shows_admin_to(&self, ip: std::net::IpAddr) -> bool {
        self.has_admin && self.settings.admin_token.is_none() && !ip.is_loopback()
    }

    /// The configuration.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Room for the bodies of requests.
    pub(crate) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The far deadlines of requests.
    pub(crate) fn alarms(&self) -> Option<&Alarms> {
        self.alarms.as_deref()
    }

    /// What a ticket is queued with.
    pub(crate) fn for_tickets(&self) -> (&Pool, Option<&Alarms>) {
        (&self.pool, self.alarms())
    }

    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Whether an answer's body may stay where a worker process wrote it.
    pub(crate) fn sends_in_place(&self) -> bool {
        self.sends_in_place
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(crate) fn balancer(&self) -> &Balancer {
        &self.balancer
    }

    pub(crate) fn notes_placement(&self) -> bool {
        self.notes_placement
    }

    /// How many event loops it is served on.
    pub(crate) fn loops(&self) -> usize {
        self.runtime.metrics().num_workers()
    }

    pub(crate) fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Waits until every handler that outlived its client has ended, and every
    /// pool thread has left.
    pub(crate) async fn finish(&self, longest: Duration) {
        let all = u32::try_from(self.settings.queue_depth).unwrap_or(u32::MAX);
        let until = clock::now() + longest;
        let detached = self.detached.acquire_many(all);
        if tokio::time::timeout_at(until.into(), detached)
            .await
            .is_err()
        {
            kept::quietly(|| tracing::warn!("handlers whose clients have left were cut"));
        }
        if let Processes::InWorkers(workers) = &self.processes {
            workers.close();
            if tokio::time::timeout_at(until.into(), workers.join())
                .await
                .is_err()
            {
                kept::quietly(|| tracing::warn!("worker processes are still busy and are killed"));
            }
        }
        self.pool.close();
        if tokio::time::timeout_at(until.into(), self.pool.join())
            .await
            .is_err()
        {
            let threads = self.pool.gauges().busy;
            kept::quietly(|| tracing::warn!(threads, "pool threads are still busy and were left"));
        }
        self.balancer.close();
        // It leaves as soon as it is woken.
        let _ = tokio::time::timeout_at(until.into(), self.balancer.join()).await;
    }

    /// Lets a handler outlive its client, as long as there is room.
    pub(crate) fn detach(app: &Local<Self>, serving: Serving, route: Option<usize>) {
        let Ok(permit) = Arc::clone(&app.detached).try_acquire_owned() else {
            kept::quietly(|| {
                tracing::warn!("too many handlers outlive their clients; one was cancelled")
            });
            return;
        };
        let app = app.clone();
        let mut serving = Catching::new(serving);
        let runtime = app.runtime.clone();
        runtime.spawn(async move {
            let ended = poll_fn(|cx| {
                let _watching = route.map(|route| app.balancer.watching(route));
                Pin::new(&mut serving).poll(cx)
            });
            if let Err(Panicked(panic)) = ended.await {
                let panic = clip(&panic);
                kept::quietly(|| {
                    tracing::error!(panic, "a handler whose client had left panicked")
                });
            }
            drop(permit);
        });
    }
}

/// What is not for the client is for the log.
#[cold]
fn note_failure(problem: &Problem, response: &mut Response) {
    let text = problem.private_detail();
    if !text.is_empty() {
        response
            .extensions_mut()
            .insert(Failure(clip(&text).into()));
    }
}

/// Under HTTP/2 the target says the host, and `Host` is mostly left out. It is put in
/// for all who read it: parameters, layers, mounted services (RFC 9113, section 8.3.1).
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

/// A copy of the head, for a format that wants one after a panic.
fn spare_head(request: &Request, peer: Peer, target: &Target) -> Head {
    let mut copy = http::Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    let came = Came::new(copy.into_parts().0, peer);
    Head::new(came, target.matched().cloned())
}

impl Target {
    fn matched(&self) -> Option<&Matched> {
        match self {
            Self::Route(matched) => Some(matched),
            _ => None,
        }
    }
}

impl Routed {
    /// The head of a request that is on its way through layers.
    pub(crate) fn head(http: http::request::Parts) -> Head {
        let routed = http.extensions.get::<Self>();
        let peer = routed.map(|routed| routed.peer).unwrap_or_default();
        let matched = routed.and_then(|routed| routed.target.matched().cloned());
        Head::new(Came::new(http, peer), matched)
    }

    /// The states that the request's route sees, or else those of the app.
    pub(crate) fn states(&self) -> &States {
        self.target
            .matched()
            .map_or(&self.app.states, |matched| &matched.route.states)
    }

    /// Where the request runs, as far as that is known.
    fn lane(&self) -> Lane {
        let matched = self.target.matched();
        matched.map_or(Lane::Event, |matched| {
            matched.route.class.effective_lane.get()
        })
    }

    /// The template of the route that was found.
    pub(crate) fn route(&self) -> Option<&str> {
        self.target
            .matched()
            .map(|matched| matched.route.path.as_str())
    }

    /// As what a middleware of that route runs.
    pub(crate) fn running(&self) -> Option<Running> {
        let matched = self.target.matched()?;
        let deadline = matched.route.timeout;
        Some(Running {
            app: self.app.clone(),
            route: matched.route.index,
            lane: Lane::Event,
            deadline: deadline.and_then(|timeout| self.received.checked_add(timeout)),
            permit: None,
        })
    }

    /// A copy of the head, where the format of errors wants one.
    pub(crate) fn spare(&self, request: &Request) -> Option<Box<Head>> {
        let needs_head = self.app.error_format.needs_head();
        needs_head.then(|| Box::new(spare_head(request, self.peer, &self.target)))
    }

    /// The address of the client, behind the proxies that are trusted.
    pub(crate) fn client(&self, headers: &http::HeaderMap) -> Option<ClientAddr> {
        ClientAddr::find(self.peer, headers, &self.app.settings.trusted_proxies)
    }

    /// Sends a request through the layers around what was found for it.
    fn answer_in_layers(
        self,
        stack: usize,
        came: Box<Came>,
        body: Body,
        spare: Option<Box<Head>>,
    ) -> Answering {
        let app = self.app.clone();
        let route = self.target.matched().map(|matched| matched.route.index);
        let (received, lane) = (self.received, self.lane());
        // What a layer makes of the head is not known here.
        let seen = (app.lines_from < u16::MAX).then(|| Seen::of(&came.http, lane));
        let mut kept = Kept(seen, received);
        let mut request = Request::from_parts(came.http, body);
        request.extensions_mut().insert(self);
        let layered = app.clone();
        let serving = Box::pin(async move {
            let mut response = Box::new(layered.stacks[stack].call(request).await);
            if let Some(seen) = kept.0.take()
                && response.status().as_u16() >= layered.lines_from
            {
                seen.note(response.extensions_mut());
            }
            response
        });
        let mut answering = Answering::new(app, serving, spare, received);
        answering.route = route;
        answering.is_layered = true;
        answering
    }

    /// Answers a request that has come through its layers.
    pub(super) fn answer_inside(self, request: Request) -> Answering {
        let spare = self.spare(&request);
        let (http, body) = request.into_parts();
        let came = Came::new(http, self.peer);
        self.answer(came, body, spare)
    }

    /// Answers a request with what was found for it.
    fn answer(self, came: Box<Came>, body: Body, spare: Option<Box<Head>>) -> Answering {
        let Self {
            app,
            target,
            peer,
            received,
        } = self;
        let Target::Route(matched) = target else {
            let routed = Self {
                app: app.clone(),
                target,
                peer,
                received,
            };
            let request = Request::from_parts(came.http, body);
            let serving = Box::pin(async move { Box::new(routed.elsewhere(request).await) });
            return Answering::new(app, serving, spare, received);
        };
        let route = &*matched.route;
        let (index, serve) = (route.index, Arc::clone(&route.serve));
        let lane = route.class.effective_lane.get();
        // On a thread of the pool its ticket decides what becomes of it.
        let is_future = route.lane == Lane::Event && lane != Lane::Pool;
        let detaching = (is_future && route.on_disconnect == OnDisconnect::Detach)
            .then(|| Arc::new(Ticket::new(Arc::clone(app.pool.orphans()))));
        let parts = Parts {
            head: Head::new(came, Some(matched)),
            app: app.clone(),
            lane,
            received,
            cancel: detaching.clone().map(Cancel::of).unwrap_or_default(),
            room: room::Kept::default(),
        };
        let mut serving = serve.serve(Call { parts, body });
        if lane == Lane::Quarantine {
            let shedding = app.clone();
            let refuse = move |why| {
                if why == NotConfined::Full {
                    let route = &shedding.routes[index];
                    shedding.telemetry.shed(&route.class, Shed::QueueFull);
                }
                balance::not_confined(why)
            };
            serving = app.balancer.confine(serving, index, refuse);
        }
        let mut answering = Answering::new(app, serving, spare, received);
        answering.route = Some(index);
        answering.detaching = detaching;
        answering
    }
}

/// Where a middleware or a layer stands: what renders the problems that it
/// answers with, before what stands further out sees the answer.
pub(crate) struct Edge {
    app: Local<Frozen>,
    route: Option<Arc<Route>>,
    spare: Option<Box<Head>>,
}

impl Edge {
    /// `None` where a layer took away the request's extensions.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let routed: &Routed = request.extensions().get()?;
        let matched = routed.target.matched();
        Some(Self {
            app: routed.app.clone(),
            route: matched.map(|matched| Arc::clone(&matched.route)),
            spare: routed.spare(request),
        })
    }

    /// The answer, its problem in the application's format if it carries one.
    pub(crate) fn settle(self, mut response: Response) -> Response {
        let Some(carried) = response.extensions_mut().remove::<Carried>() else {
            return response;
        };
        let route = self.route.as_deref();
        let rendered = self
            .app
            .render_for(&carried.0, self.spare.as_deref(), route);
        carried.replace(&mut response, rendered);
        response
    }
}

impl Parts {
    /// What was found for this request, to be found again by extractors.
    pub(crate) fn routed(&self) -> Routed {
        let target = self
            .head
            .matched()
            .cloned()
            .map_or(Target::Nothing, Target::Route);
        Routed {
            app: self.app.clone(),
            target,
            peer: self.head.peer(),
            received: self.received,
        }
    }
}

impl Routed {
    /// Answers where no route does.
    async fn elsewhere(self, request: Request) -> Response {
        let lines_from = self.app.lines_from;
        if lines_from == u16::MAX || matches!(self.target, Target::Admin(_)) {
            return self.answer_elsewhere(request).await;
        }
        let (parts, body) = request.into_parts();
        let mut kept = Kept(Some(Seen::of(&parts, Lane::Event)), self.received);
        let mut response = self
            .answer_elsewhere(Request::from_parts(parts, body))
            .await;
        if let Some(seen) = kept.0.take()
            && response.status().as_u16() >= lines_from
        {
            seen.note(response.extensions_mut());
        }
        response
    }

    async fn answer_elsewhere(self, mut request: Request) -> Response {
        let problem = match &self.target {
            Target::Mount(mount) => {
                if let Some(client) = self.client(request.headers()) {
                    request.extensions_mut().insert(client);
                }
                #[cfg(feature = "axum")]
                if let Some(addr) = self.peer.addr {
                    let info = axum::extract::ConnectInfo(addr);
                    request.extensions_mut().insert(info);
                }
                sent::note(&mut request, self.app.is_outermost);
                return mount.answer(request).await;
            }
            Target::Elsewhere(way) => {
                let (from, to) = &**way;
                let to = sent::location(&request, self.app.is_outermost, from, to);
                return Redirect::permanent(to).into_response();
            }
            Target::WrongMethod(allow) => {
                Problem::of(&kinds::METHOD_NOT_ALLOWED).with_header(header::ALLOW, allow.clone())
            }
            Target::Malformed(reason) => Problem::bad_request(*reason),
            Target::Admin(path) => match admin::answer(&self.app, path, &request) {
                Ok(response) => return response,
                Err(problem) => problem,
            },
            Target::Nothing | Target::Route(_) => match &self.app.fallback {
                Some(fallback) => return self.fall_back(fallback, request).await,
                None => Problem::of(&kinds::NOT_FOUND),
            },
        };
        let head = Head::new(Came::new(request.into_parts().0, self.peer), None);
        self.app.render(&problem, &head)
    }

    /// Calls the fallback, within the time that handlers have.
    async fn fall_back(&self, fallback: &Fallback, mut request: Request) -> Response {
        request.extensions_mut().insert(self.clone());
        let deadline = self.received.checked_add(self.app.settings.request_timeout);
        let answer = within(deadline, fallback.answer(request)).await;
        let late = || Box::new(Problem::of(&kinds::HANDLER_TIMEOUT).into_response());
        *answer.unwrap_or_else(late)
    }
}

/// What of an answer leaves the application.
#[derive(Clone, Copy, Debug)]
enum Sends {
    /// Nothing: layers around it come first.
    Inward,
    All,
    /// The client asked for the head alone.
    Head,
}

impl Sends {
    fn of(method: &Method) -> Self {
        if *method == Method::HEAD {
            Self::Head
        } else {
            Self::All
        }
    }
}

/// A request that is being answered. Its panics are answers too; dropped, it
/// goes on by itself where its route is detached and its handler has begun.
pub(crate) struct Answering {
    app: Local<Frozen>,
    serving: Catching<BoxResponse>,
    received: Instant,
    /// The index of its route.
    route: Option<usize>,
    detaching: Option<Arc<Ticket>>,
    spare: Option<Box<Head>>,
    /// What of the answer goes to the client.
    sends: Sends,
    /// It goes through the layers around the route, whose own answering is
    /// further in.
    is_layered: bool,
    /// Counted when it ends; taken along by the outermost answering alone.
    in_flight: Option<InFlight>,
}

impl Answering {
    fn new(
        app: Local<Frozen>,
        serving: Serving,
        spare: Option<Box<Head>>,
        received: Instant,
    ) -> Self {
        Self {
            app,
            received,
            serving: Catching::new(serving),
            route: None,
            detaching: None,
            spare,
            sends: Sends::Inward,
            is_layered: false,
            in_flight: None,
        }
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
        if response.status().as_u16() >= self.app.lines_from {
            self.log(&mut response);
        }
        match self.sends {
            Sends::Inward => {}
            Sends::All => length::settle(&mut response, false),
            Sends::Head => length::settle(&mut response, true),
        }
        response
    }

    fn route(&self) -> Option<&Route> {
        self.route.map(|index| &*self.app.routes[index])
    }

    fn panicked(&self, Panicked(text): Panicked) -> Response {
        let handler = self.route().filter(|_| !self.is_layered);
        let name = handler.map_or("a layer", |route| route.spec.name);
        self.render(&Problem::internal(format!("`{name}` panicked: {text}")))
    }

    /// Every answer of a route says its lane, also one that its endpoint did not
    /// make: that of a panic, or of a middleware that refuses.
    fn place(&self, response: &mut Response) {
        let (exposes, notes) = (self.app.settings.expose_lane, self.app.notes_placement);
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
        self.app
            .render_for(problem, self.spare.as_deref(), self.route())
    }
}

impl Future for Answering {
    type Output = BoxResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BoxResponse> {
        let this = self.get_mut();
        let polled = {
            let route = this.route;
            let _watching = route.map(|route| this.app.balancer.watching(route));
            Pin::new(&mut this.serving).poll(cx)
        };
        polled.map(|response| {
            this.detaching = None;
            let response = this.finish(response);
            if let Some(in_flight) = this.in_flight.take() {
                this.app
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
            self.app.telemetry.left(&in_flight);
            if self.app.lines_from == 0 {
                requests::say_left(self.app.telemetry.variant(&in_flight), self.route());
            }
        }
        let begun = self
            .detaching
            .as_ref()
            .is_some_and(|ticket| ticket.has_started());
        if let Some(serving) = begun.then(|| self.serving.take()).flatten() {
            Frozen::detach(&self.app, serving, self.route);
        }
    }
}

impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen")
            .field("routes", &self.routes)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
