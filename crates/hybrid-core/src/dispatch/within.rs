//! A deadline around a future. The timer is armed when the future is pending for
//! the first time: most handlers never are, and a timer costs more than they do.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Sleep, sleep_until};

use crate::telemetry::clock::Instant;

/// A deadline that a future has, and its timer once it is armed.
pub(crate) struct Alarm {
    deadline: Option<Instant>,
    // Boxed: it is large, and most futures never need it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// At that time; without one, never.
    pub(crate) fn at(deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            sleep: None,
        }
    }

    /// Ready once the deadline has passed; asked when the future is pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        sleep.as_mut().poll(cx)
    }
}

pin_project_lite::pin_project! {
    /// `None` once the deadline has passed and the future is still pending.
    pub(crate) struct Within<F> {
        #[pin]
        future: F,
        alarm: Alarm,
    }
}

/// Runs a future until a deadline; without one, to its end.
pub(crate) fn within<F: Future>(deadline: Option<Instant>, future: F) -> Within<F> {
    Within {
        future,
        alarm: Alarm::at(deadline),
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => this.alarm.poll(cx).map(|()| None),
        }
    }
}
