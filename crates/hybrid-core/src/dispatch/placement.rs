//! Where a response was made and what it cost, and the form in which it leaves its
//! endpoint.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use hybrid_engine::timing::Timing;

use crate::{
    BoxResponse, Response, context::Parts, problem::Carried, spec::Lane, telemetry::count_refused,
};

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

/// The response as it leaves the endpoint. What comes with a timing is finished already,
/// where its handler ran; anything else is finished here.
pub(super) fn leave_answered(
    answered: Result<(BoxResponse, Timing), Response>,
    parts: &Parts,
) -> BoxResponse {
    let (mut response, timing) = match answered {
        Ok((response, timing)) => (response, Some(timing)),
        Err(mut response) => {
            finish(&mut response, parts);
            (Box::new(response), None)
        }
    };
    place(&mut response, parts, timing.as_ref());
    response
}

/// Brings what a handler returned into the form that leaves the endpoint: the
/// route's status, problems in the application's format.
pub(super) fn finish(response: &mut Response, parts: &Parts) {
    if let Some(carried) = response.extensions_mut().remove::<Carried>() {
        let refused = carried.0.violations();
        if !refused.is_empty() {
            let telemetry = parts.context.telemetry();
            count_refused(
                telemetry,
                parts.matched_route(),
                &parts.head.method,
                refused,
            );
        }
        let rendered = parts.context.render(&carried.0, &parts.head);
        carried.replace(response, rendered);
    } else if response.status() == StatusCode::OK
        && let Some(status) = parts.matched_route().spec.status
    {
        // The macros let only valid statuses through.
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    }
}

/// Writes down where a response was made, where that is asked for: the headers of
/// `expose_lane`, the test client. Without a timing its handler never ran.
pub(super) fn place(response: &mut Response, parts: &Parts, timing: Option<&Timing>) {
    if let Some(timing) = timing {
        let telemetry = parts.context.telemetry();
        telemetry.ran(
            &parts.matched_route().class,
            &parts.head.method,
            parts.lane,
            timing,
        );
    }
    if response.status().as_u16() >= parts.context.lines_from() {
        parts.note(response.extensions_mut(), timing);
    }
    let exposes = parts.context.settings().expose_lane;
    let notes = parts.context.notes_placement();
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
