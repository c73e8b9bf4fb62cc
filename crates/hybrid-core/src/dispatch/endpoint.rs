//! What every lane does alike: take a request through the stages of extraction
//! up to the handler's arguments, and finish what the handler returned.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, StatusCode};
use hybrid_validate::{Report, Source};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    current::{Running, entered},
    on_process::{Work, Worked},
    within::within,
};
use crate::{
    BoxResponse, Response,
    body::Body,
    extract::{
        Arguments, BodyPlan, Describe, Received, Texts,
        receive::{PARSED_ON_LOOP_BYTES_MAX, receive},
    },
    head::Parts,
    problem::{Carried, Kind, Problem, kinds},
    respond::IntoResponse,
    router::Limit,
    spec::Lane,
    telemetry::{
        Shed,
        clock::{self, Instant},
        count_refused,
        timing::Timing,
    },
};

/// A handler with its arguments, bound to its lane: what `#[get]` and its kin
/// make, by [`event`](super::event), [`on_pool`](super::on_pool) or
/// [`inline`](super::inline).
pub struct Endpoint {
    pub(crate) serve: Arc<dyn Serve>,
    pub(crate) lane: Lane,
    pub(crate) is_auto: bool,
    pub(crate) kinds: &'static [Kind],
}

/// A request on its way to its endpoint.
pub(crate) struct Call {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
}

/// The future of an answer.
pub(crate) type Serving = Pin<Box<dyn Future<Output = BoxResponse> + Send>>;

/// An endpoint, its types erased.
pub(crate) trait Serve: Send + Sync {
    fn describe(&self, to: &mut Describe);
    fn serve(self: Arc<Self>, call: Call) -> Serving;

    /// Answers a call inside a worker process, on this thread. Only process routes
    /// are called there.
    fn work(self: Arc<Self>, work: Work) -> Worked {
        no_work(work)
    }
}

fn no_work(work: Work) -> Worked {
    drop(work);
    let problem = Problem::internal("this route does not run in worker processes");
    Worked {
        response: problem.into_response(),
        timing: None,
        refused: Vec::new(),
    }
}

/// Where an answer was made and what it cost: an extension of the response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) lane: Lane,
    pub(crate) queued: Duration,
    pub(crate) ran: Duration,
}

impl Placement {
    /// Refused, or answered before its handler ran.
    pub(crate) fn never_ran(lane: Lane) -> Self {
        Self::of(lane, &Timing::default())
    }

    pub(super) fn of(lane: Lane, timing: &Timing) -> Self {
        Self {
            lane,
            queued: Duration::from_nanos(timing.queue_ns),
            ran: Duration::from_nanos(timing.wall_ns),
        }
    }
}

impl Endpoint {
    pub(super) fn new(lane: Lane, serve: impl Serve + 'static) -> Self {
        Self {
            serve: Arc::new(serve),
            lane,
            is_auto: false,
            kinds: &[],
        }
    }

    /// Declares the typed error that the handler returns: it is described.
    #[must_use]
    pub fn error(mut self, error: crate::__private::TypedError) -> Self {
        self.kinds = error.kinds;
        self
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}

/// A request that passed its guards and whose body is there.
pub(super) struct Prepared<H> {
    held: H,
    received: Received,
    report: Report,
}

/// Stages 1 to 3: guards, values of the head, body. The body is lent, so that
/// the futures around this one hold it once; it is gone afterwards, read or not.
pub(super) async fn prepare<A: Arguments>(
    arguments: &A,
    plan: Option<BodyPlan>,
    parts: &mut Parts,
    body: &mut Body,
) -> Result<Prepared<A::Held>, Response> {
    let guarded = if A::HAVE_GUARDS {
        let asker = Asker::of(parts);
        asker.ask(arguments.guard(parts)).await?
    } else {
        arguments.guard(parts).await?
    };
    let Judged {
        held,
        report,
        malformed,
    } = judge(arguments, guarded, parts);
    let refused = malformed.is_some() || !report.is_empty();
    let received = match plan {
        None => {
            *body = Body::empty();
            Received::Nothing
        }
        // Boxed: its state would make every future around it as large, also
        // those that receive nothing.
        Some(plan) => Box::pin(receive(plan, parts, std::mem::take(body), refused)).await?,
    };
    // What the body alone is refused for, 413 and 415, is judged before.
    if let Some(problem) = malformed {
        return Err(problem.into_response());
    }
    Ok(Prepared {
        held,
        received,
        report,
    })
}

/// As what guards are asked: as a request that has its handler's time.
pub(crate) struct Asker {
    running: Running,
    deadline: Option<Instant>,
}

impl Asker {
    pub(crate) fn of(parts: &Parts) -> Self {
        let deadline = deadline(complete(None, parts), parts);
        let running = Running::of(parts, Lane::Event, deadline);
        Self { running, deadline }
    }

    /// Asks; a guard that takes too long has refused.
    pub(crate) async fn ask<G>(
        self,
        guard: impl Future<Output = Result<G, Response>>,
    ) -> Result<G, Response> {
        let asked = within(self.deadline, entered(self.running, guard)).await;
        match asked {
            Some(asked) => asked,
            None => Err(timed_out().into_response()),
        }
    }
}

/// The values of a head, and what is wrong with them.
struct Judged<H> {
    held: H,
    report: Report,
    malformed: Option<Problem>,
}

/// Stage 2.
fn judge<A: Arguments>(arguments: &A, guarded: A::Guarded, parts: &Parts) -> Judged<A::Held> {
    let mut report = Report::new(Source::Path);
    let texts = Texts::new(&parts.head);
    let held = arguments.read_head(guarded, &texts, &mut report);
    Judged {
        held,
        malformed: texts.malformed(),
        report,
    }
}

/// Whether the values of the head are refused, of a handler without guards.
pub(super) fn refuses_head<A: Arguments>(
    arguments: &A,
    parts: &mut Parts,
) -> Result<bool, BoxResponse> {
    let judged = judge(arguments, pass(arguments, parts)?, parts);
    Ok(judged.malformed.is_some() || !judged.report.is_empty())
}

/// Stage 1 where no argument is a guard: nothing in it waits for anything.
fn pass<A: Arguments>(arguments: &A, parts: &mut Parts) -> Result<A::Guarded, BoxResponse> {
    match arguments.guard(parts).now_or_never() {
        Some(passed) => passed.map_err(Box::new),
        None => Err(into_box(Problem::internal("an argument waited"))),
    }
}

/// Whether a request waits for nothing before its handler: it has no guard, no
/// body and no limit on how many run at once.
pub(super) fn is_immediate<A: Arguments>(parts: &Parts) -> bool {
    A::ARE_IMMEDIATE && parts.taken_by().running.is_none()
}

/// Stages 1 to 3 of a request that [is immediate](is_immediate).
pub(super) fn prepare_at_once<A: Arguments>(
    arguments: &A,
    parts: &mut Parts,
) -> Result<Prepared<A::Held>, BoxResponse> {
    let Judged {
        held,
        report,
        malformed,
    } = judge(arguments, pass(arguments, parts)?, parts);
    if let Some(problem) = malformed {
        return Err(into_box(problem));
    }
    Ok(Prepared {
        held,
        received: Received::Nothing,
        report,
    })
}

/// As [`prepare_at_once`], and stage 4: up to the values that its handler is
/// called with.
pub(super) fn read_at_once<A: Arguments>(
    arguments: &A,
    parts: &mut Parts,
) -> Result<A::Values, BoxResponse> {
    let prepared = prepare_at_once(arguments, parts)?;
    prepared.conclude(arguments).map_err(into_box)
}

impl<H> Prepared<H> {
    /// Whether what is left to parse is too much for an event loop.
    pub(super) fn is_large(&self) -> bool {
        self.received.unparsed_bytes() > PARSED_ON_LOOP_BYTES_MAX
    }

    /// Whether a value of the head was refused.
    pub(super) fn is_refused(&self) -> bool {
        !self.report.is_empty()
    }

    /// The answer to a request of which a value was refused already.
    pub(super) fn refuse<A: Arguments<Held = H>>(self, arguments: &A) -> Problem {
        let refused = self.conclude(arguments).err();
        refused.unwrap_or_else(|| Problem::internal("a refused request was let through"))
    }

    /// Stage 4: the body's values, and the verdict over all.
    pub(super) fn conclude<A: Arguments<Held = H>>(
        mut self,
        arguments: &A,
    ) -> Result<A::Values, Problem> {
        if self.is_refused() && self.is_large() {
            self.received = Received::Skipped;
        }
        let skipped = matches!(self.received, Received::Skipped);
        let values = arguments.read_body(self.held, &mut self.received, &mut self.report)?;
        match values {
            Some(values) if self.report.is_empty() => Ok(values),
            _ => Err(refused(self.report, skipped)),
        }
    }
}

fn refused(report: Report, skipped: bool) -> Problem {
    let problem = Problem::refused(report);
    if !skipped {
        return problem;
    }
    let detail = problem.public_detail().unwrap_or_default();
    let detail = format!("{detail}; the body was not looked at");
    problem.with_detail(detail)
}

/// When the request was complete: its body, or its head where no body is read.
/// The handler's time begins then.
pub(super) fn complete(plan: Option<BodyPlan>, parts: &Parts) -> Instant {
    match plan {
        None => parts.received,
        Some(_) => clock::now(),
    }
}

/// When the handler's time is up.
pub(super) fn deadline(complete: Instant, parts: &Parts) -> Option<Instant> {
    // A limit beyond the clock's range is none.
    complete.checked_add(parts.taken_by().timeout?)
}

/// When `queue_wait` ends, for a request that begins to wait now.
pub(super) fn longest_wait(parts: &Parts) -> Instant {
    clock::now() + parts.app.settings().queue_wait
}

pub(crate) fn timed_out() -> Problem {
    Problem::of(&kinds::HANDLER_TIMEOUT).with_detail("the handler did not answer in time")
}

/// Waits for a place under the route's `max_concurrency`, within `queue_wait`
/// and the deadline. Who waits is bounded too. `longest` says when `queue_wait`
/// ends, where the queue for a thread goes on with it; else the clock is read, and
/// only where there is something to wait for.
pub(super) async fn admit(
    parts: &Parts,
    deadline: Option<Instant>,
    longest: Option<Instant>,
) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    let Some(limit) = &parts.taken_by().running else {
        return Ok(None);
    };
    if let Ok(permit) = Arc::clone(&limit.permits).try_acquire_owned() {
        return Ok(Some(permit));
    }
    let longest = longest.unwrap_or_else(|| longest_wait(parts));
    // Boxed, as are all states that few requests come to.
    let place = Box::pin(wait_for_place(limit, deadline, longest)).await;
    if matches!(&place, Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE) {
        parts
            .app
            .telemetry()
            .shed(&parts.taken_by().class, Shed::Concurrency);
    }
    place.map(Some)
}

/// As [`admit`], for a handler that is no ticket.
pub(super) async fn admit_running(parts: &Parts, running: &mut Running) -> Result<(), Problem> {
    let permit = admit(parts, running.deadline, None).await?;
    running.permit = permit.map(Arc::new);
    Ok(())
}

async fn wait_for_place(
    limit: &Limit,
    deadline: Option<Instant>,
    longest: Instant,
) -> Result<OwnedSemaphorePermit, Problem> {
    let busy = || Problem::overloaded("too many requests of this route run already");
    let _waiting = Semaphore::try_acquire(&limit.waiting).map_err(|_| busy())?;
    let until = deadline.map_or(longest, |deadline| deadline.min(longest));
    match within(Some(until), Arc::clone(&limit.permits).acquire_owned()).await {
        Some(Ok(permit)) => Ok(permit),
        // Closed when the server's time to finish is over.
        Some(Err(_)) => Err(Problem::shutting_down()),
        None if deadline.is_some_and(|deadline| deadline <= longest) => Err(timed_out()),
        None => Err(busy()),
    }
}

/// An answer, ready for its way.
pub(super) fn into_box(answer: impl IntoResponse) -> BoxResponse {
    Box::new(answer.into_response())
}

/// The answer as it leaves the endpoint, finished and placed; without a timing
/// its handler never ran.
pub(crate) fn leave(
    mut response: BoxResponse,
    parts: &Parts,
    timing: Option<&Timing>,
) -> BoxResponse {
    finish(&mut response, parts);
    place(&mut response, parts, timing);
    response
}

/// Brings what a handler returned into the form that leaves the endpoint: the
/// route's status, problems in the application's format.
pub(super) fn finish(response: &mut Response, parts: &Parts) {
    if let Some(carried) = response.extensions_mut().remove::<Carried>() {
        let refused = carried.0.violations();
        if !refused.is_empty() {
            let telemetry = parts.app.telemetry();
            count_refused(telemetry, parts.taken_by(), &parts.head.method, refused);
        }
        let rendered = parts.app.render(&carried.0, &parts.head);
        carried.replace(response, rendered);
    } else if response.status() == StatusCode::OK
        && let Some(status) = parts.taken_by().spec.status
    {
        // The macros let only valid statuses through.
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    }
}

/// Writes down where an answer was made, for whoever asks: the headers of
/// `expose_lane`, the test client. Without a timing its handler never ran.
pub(super) fn place(response: &mut Response, parts: &Parts, timing: Option<&Timing>) {
    if let Some(timing) = timing {
        let telemetry = parts.app.telemetry();
        telemetry.ran(
            &parts.taken_by().class,
            &parts.head.method,
            parts.lane,
            timing,
        );
    }
    if response.status().as_u16() >= parts.app.lines_from() {
        parts.note(response.extensions_mut(), timing);
    }
    let exposes = parts.app.settings().expose_lane;
    let notes = parts.app.notes_placement();
    if !exposes && !notes {
        return;
    }
    let placement = match timing {
        Some(timing) => Placement::of(parts.lane, timing),
        None => Placement::never_ran(parts.lane),
    };
    if exposes {
        expose(response, placement);
    }
    if notes {
        response.extensions_mut().insert(placement);
    }
}

const LANE: HeaderName = HeaderName::from_static("x-hybrid-lane");

/// Whether the answer says its lane already.
pub(crate) fn is_exposed(response: &Response) -> bool {
    response.headers().contains_key(LANE)
}

/// `x-hybrid-lane` and `server-timing`.
pub(crate) fn expose(response: &mut Response, placement: Placement) {
    const TIMING: HeaderName = HeaderName::from_static("server-timing");
    let Placement { lane, queued, ran } = placement;
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let timing = format!("queue;dur={:.2}, run;dur={:.2}", ms(queued), ms(ran));
    response
        .headers_mut()
        .insert(LANE, HeaderValue::from_static(lane.as_str()));
    if let Ok(timing) = HeaderValue::try_from(timing) {
        response.headers_mut().insert(TIMING, timing);
    }
}
