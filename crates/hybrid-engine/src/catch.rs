//! A panic of user code ends its own job and nothing else.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// What a panic said, where it said anything.
#[derive(Debug)]
pub struct Panicked(pub String);

/// Runs `f`; a panic becomes an error.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panicked> {
    // Nothing of what `f` touched is looked at after a panic.
    catch_unwind(AssertUnwindSafe(f)).map_err(Panicked::of)
}

impl Panicked {
    fn of(payload: Box<dyn Any + Send>) -> Self {
        let text = text_of(&*payload).unwrap_or_default().to_owned();
        drop_safely(payload);
        Self(text)
    }
}

/// What a panic said.
pub fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Drops a value whose `Drop` may panic. What that panic carries is leaked on
/// purpose: its own `Drop` could go on for ever.
pub fn drop_safely<T>(value: T) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        #[expect(clippy::mem_forget, reason = "see the doc comment")]
        std::mem::forget(second);
    }
}

/// A boxed future whose panics are caught, its drop included.
pub struct Catching<R> {
    future: Option<Pin<Box<dyn Future<Output = R> + Send>>>,
}

impl<R> Catching<R> {
    /// Wraps that future.
    #[must_use]
    pub fn new(future: Pin<Box<dyn Future<Output = R> + Send>>) -> Self {
        Self {
            future: Some(future),
        }
    }

    /// Takes the future out, unfinished.
    pub fn take(&mut self) -> Option<Pin<Box<dyn Future<Output = R> + Send>>> {
        self.future.take()
    }
}

impl<R> Future for Catching<R> {
    type Output = Result<R, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(Err(Panicked("polled after its end".to_owned())));
        };
        let polled = match catch(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panicked) => Err(panicked),
        };
        drop_safely(self.future.take());
        Poll::Ready(polled)
    }
}

impl<R> fmt::Debug for Catching<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catching").finish_non_exhaustive()
    }
}

impl<R> Drop for Catching<R> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            drop_safely(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PanicsOnDrop;

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("on drop");
        }
    }

    #[test]
    fn a_payload_that_panics_on_drop_is_survived() {
        let caught = catch(|| std::panic::panic_any(PanicsOnDrop));
        assert_eq!(caught.expect_err("it panicked").0, "");
        assert_eq!(
            catch(|| panic!("text"))
                .map(|()| 1)
                .expect_err("it panicked")
                .0,
            "text"
        );
    }

    #[tokio::test]
    async fn a_future_that_panics_ends_with_an_error() {
        let panics = Catching::<()>::new(Box::pin(async { panic!("in poll") }));
        assert_eq!(panics.await.expect_err("it panicked").0, "in poll");
        let holds = Catching::new(Box::pin(async {
            let _held = PanicsOnDrop;
            std::future::pending::<()>().await;
        }));
        drop(holds);
    }
}
