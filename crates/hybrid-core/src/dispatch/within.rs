//! A deadline around a future. Its timer is set when the future is pending for the
//! first time: most are not, and a timer costs more than they do.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::alarms::{Alarm, Alarms};
use crate::telemetry::clock::Instant;

pin_project_lite::pin_project! {
    /// `None` once the deadline has passed and the future is still pending.
    pub(crate) struct Within<'a, F> {
        #[pin]
        future: F,
        alarm: Alarm<'a>,
    }
}

/// Runs a future until a deadline; without one, to its end.
pub(crate) fn within<'a, F: Future>(deadline: Option<Instant>, future: F) -> Within<'a, F> {
    Within {
        future,
        alarm: Alarm::at(deadline),
    }
}

/// As [`within`], for what mostly ends long before: its timer is set once the
/// deadline is near.
pub(crate) fn within_far<F: Future>(
    alarms: Option<&Alarms>,
    deadline: Option<Instant>,
    future: F,
) -> Within<'_, F> {
    Within {
        future,
        alarm: Alarm::among(alarms, deadline),
    }
}

impl<F: Future> Future for Within<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => this.alarm.poll(cx).map(|()| None),
        }
    }
}
