//! A deadline around a future. Its timer is set when the future is pending for the
//! first time: most are not, and a timer costs more than they do.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    clock::Instant,
    far_deadlines::{DeadlineTimer, FarDeadlines},
};

pin_project_lite::pin_project! {
    /// `None` once the deadline has passed and the future is still pending.
    pub struct WithDeadline<'a, F> {
        #[pin]
        future: F,
        timer: DeadlineTimer<'a>,
    }
}

/// Runs a future until a deadline; without one, to its end.
pub fn with_deadline<'a, F: Future>(deadline: Option<Instant>, future: F) -> WithDeadline<'a, F> {
    WithDeadline {
        future,
        timer: DeadlineTimer::new(None, deadline),
    }
}

/// As [`with_deadline`], for what mostly ends long before: its timer is set once the
/// deadline is near.
pub fn with_far_deadline<F: Future>(
    far: Option<&FarDeadlines>,
    deadline: Option<Instant>,
    future: F,
) -> WithDeadline<'_, F> {
    WithDeadline {
        future,
        timer: DeadlineTimer::new(far, deadline),
    }
}

impl<F: Future> Future for WithDeadline<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => this.timer.poll(cx).map(|()| None),
        }
    }
}
