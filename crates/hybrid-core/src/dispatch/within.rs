//! A deadline around a future. The timer is armed when the future is pending for
//! the first time: most handlers never are, and a timer costs more than they do.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Sleep, sleep_until};

use crate::telemetry::clock::Instant;

pin_project_lite::pin_project! {
    /// `None` once the deadline has passed and the future is still pending.
    pub(crate) struct Within<F> {
        #[pin]
        future: F,
        // Boxed: it is large, and most futures never need it.
        sleep: Option<Pin<Box<Sleep>>>,
        deadline: Option<Instant>,
    }
}

/// Runs a future until a deadline; without one, to its end.
pub(crate) fn within<F: Future>(deadline: Option<Instant>, future: F) -> Within<F> {
    Within {
        future,
        sleep: None,
        deadline,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(deadline) = *this.deadline else {
            return Poll::Pending;
        };
        let sleep = this
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        sleep.as_mut().poll(cx).map(|()| None)
    }
}
