//! An async handler that runs: each poll of it as its request, measured where it
//! is its turn, and all of them within its deadline.
//!
//! What is around a handler is one struct and no chain of futures, since every
//! request of the event lane goes through it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hybrid_engine::{
    clock::{self, Instant},
    far_deadlines::DeadlineTimer,
    timing::{Meter, Timing},
};

use super::placement;
use crate::{
    BoxResponse, ResponseFuture,
    context::{Parts, Running, enter},
    problem::Problem,
    respond::IntoResponse,
};

pin_project_lite::pin_project! {
    /// A handler on its way to the answer that leaves its endpoint.
    pub(super) struct Handling<'a, F> {
        #[pin]
        handler: Answering<F>,
        around: Around<'a>,
    }
}

pin_project_lite::pin_project! {
    /// A handler up to the answer that it returned.
    struct Answering<F> {
        #[pin]
        handler: F,
    }
}

/// What is around a handler, compiled once for all of them.
struct Around<'a> {
    parts: &'a Parts,
    running: Option<Running>,
    meter: Option<Meter>,
    alarm: DeadlineTimer<'a>,
    complete: Instant,
}

/// Runs a handler as that request, which was complete at that time.
pub(super) fn handling<F: Future<Output: IntoResponse>>(
    handler: F,
    parts: &Parts,
    running: Running,
    complete: Instant,
) -> Handling<'_, F> {
    Handling {
        handler: Answering { handler },
        around: Around::of(parts, running, complete),
    }
}

/// A handler alone, up to the answer that it returned.
pub(super) fn answering<F>(handler: F) -> ResponseFuture
where
    F: Future<Output: IntoResponse> + Send + 'static,
{
    Box::pin(Answering { handler })
}

impl<F: Future<Output: IntoResponse>> Future for Handling<'_, F> {
    type Output = BoxResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BoxResponse> {
        let this = self.project();
        this.around.poll(this.handler, cx)
    }
}

impl<F: Future<Output: IntoResponse>> Future for Answering<F> {
    type Output = BoxResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BoxResponse> {
        match self.project().handler.poll(cx) {
            Poll::Ready(returned) => Poll::Ready(Box::new(returned.into_response())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<'a> Around<'a> {
    fn of(parts: &'a Parts, running: Running, complete: Instant) -> Self {
        if let Some(ticket) = parts.cancel.ticket() {
            // From here on a route that is detached outlives its client.
            ticket.start();
        }
        Self {
            parts,
            alarm: DeadlineTimer::new(parts.context.alarms(), running.deadline),
            running: Some(running),
            meter: parts
                .matched_route()
                .class
                .sampling
                .is_due()
                .then(Meter::default),
            complete,
        }
    }

    fn poll(
        &mut self,
        handler: Pin<&mut dyn Future<Output = BoxResponse>>,
        cx: &mut Context<'_>,
    ) -> Poll<BoxResponse> {
        // The answer is made as the request too: `IntoResponse` may ask for it.
        let polled = enter(&mut self.running, || match &mut self.meter {
            Some(meter) => meter.poll(|| handler.poll(cx)),
            None => handler.poll(cx),
        });
        let response = match polled {
            Poll::Ready(response) => response,
            Poll::Pending => {
                ready!(self.alarm.poll(cx));
                Box::new(Problem::handler_timeout().into_response())
            }
        };
        let wall_ns = clock::now().ns_since(self.complete);
        self.parts.matched_route().class.sampling.note(wall_ns);
        let timing = Timing {
            queue_ns: 0,
            wall_ns,
            detail: self.meter.as_ref().map(|meter| meter.detail(wall_ns)),
        };
        Poll::Ready(placement::leave(response, self.parts, Some(&timing)))
    }
}
