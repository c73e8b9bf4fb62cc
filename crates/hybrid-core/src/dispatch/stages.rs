//! The stages of extraction, up to the handler's arguments: the same for every lane.

use std::future::Future;

use futures_util::FutureExt as _;
use hybrid_engine::{
    clock::{self, Instant},
    deadline::with_deadline,
};
use hybrid_validate::{Report, Source};

use crate::{
    BoxResponse, Response,
    body::Body,
    context::{Parts, Running, entered},
    extract::{
        Arguments, BodyPlan, Describe, Received, Texts,
        receive::{PARSED_ON_LOOP_BYTES_MAX, receive},
    },
    problem::Problem,
    respond::IntoResponse,
    spec::Lane,
};

/// How the body is received that those arguments read, if they read one.
pub(super) fn body_plan(arguments: &impl Arguments) -> Option<BodyPlan> {
    let mut described = Describe::default();
    arguments.describe(&mut described);
    described.described_body().map(|body| body.plan)
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
        let asked = with_deadline(self.deadline, entered(self.running, guard)).await;
        match asked {
            Some(asked) => asked,
            None => Err(Problem::handler_timeout().into_response()),
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
    A::ARE_IMMEDIATE && parts.matched_route().running.is_none()
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
    complete.checked_add(parts.matched_route().timeout?)
}

/// A response in its box.
pub(super) fn into_box(answer: impl IntoResponse) -> BoxResponse {
    Box::new(answer.into_response())
}
