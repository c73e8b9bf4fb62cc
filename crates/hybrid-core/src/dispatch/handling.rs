//! An async handler that runs: each poll of it as its request, measured where it
//! is its turn, and all of them within its deadline.
//!
//! One future and not one around the other, since every request of the event lane
//! goes through it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{
    alarms::Alarm,
    current::{self, Running},
    endpoint,
};
use crate::{
    BoxResponse,
    head::Parts,
    respond::IntoResponse,
    telemetry::{
        clock::{self, Instant},
        timing::{Meter, Timing},
    },
};

pin_project_lite::pin_project! {
    /// A handler on its way to the answer that leaves its endpoint.
    pub(super) struct Handling<'a, F> {
        #[pin]
        handler: F,
        parts: &'a Parts,
        running: Option<Running>,
        meter: Option<Meter>,
        alarm: Alarm<'a>,
        complete: Instant,
    }
}

/// Runs a handler as that request, which was complete at that time.
pub(super) fn handling<F: Future<Output: IntoResponse>>(
    handler: F,
    parts: &Parts,
    running: Running,
    complete: Instant,
) -> Handling<'_, F> {
    if let Some(ticket) = parts.cancel.ticket() {
        // From here on a route that is detached outlives its client.
        ticket.start();
    }
    Handling {
        handler,
        parts,
        alarm: Alarm::among(parts.app.alarms(), running.deadline),
        running: Some(running),
        meter: parts.route.sampling.is_due().then(Meter::default),
        complete,
    }
}

fn into_box(answer: impl IntoResponse) -> BoxResponse {
    Box::new(answer.into_response())
}

impl<F: Future<Output: IntoResponse>> Future for Handling<'_, F> {
    type Output = BoxResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BoxResponse> {
        let this = self.project();
        // The answer is made as the request too: `IntoResponse` may ask for it.
        let poll = || this.handler.poll(cx).map(into_box);
        let polled = current::enter(this.running, || match this.meter {
            Some(meter) => meter.poll(poll),
            None => poll(),
        });
        let response = match polled {
            Poll::Ready(response) => response,
            Poll::Pending => {
                ready!(this.alarm.poll(cx));
                into_box(endpoint::timed_out())
            }
        };
        let wall_ns = clock::now().ns_since(*this.complete);
        this.parts.route.sampling.note(wall_ns);
        let timing = Timing {
            queue_ns: 0,
            wall_ns,
            detail: this.meter.as_ref().map(|meter| meter.detail(wall_ns)),
        };
        Poll::Ready(endpoint::leave(response, this.parts, Some(&timing)))
    }
}
