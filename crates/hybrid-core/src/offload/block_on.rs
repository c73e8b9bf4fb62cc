//! A future that a plain `fn` waits for.

use std::{cell::Cell, future::Future, pin::pin};

use hybrid_engine::deadline::with_deadline;

use crate::{context::Running, spec::Lane};

/// Waits for a future in a plain `fn`. The pool thread is blocked meanwhile; its
/// share of the processors goes to other threads.
///
/// The wait ends at the handler's deadline: the client has its 504 then, and the
/// handler is unwound as by a panic, without a message, so that what it holds is
/// free again. Two handlers that wait for each other's permits do not do so for
/// ever.
///
/// A future that is waited for may call plain code that waits in turn: `block_on`
/// inside `block_on` works, and the outer future makes no progress until the inner
/// one is ready.
///
/// ```
/// # mod hybrid { pub use hybrid_core::offload::block_on; }
/// # let runtime = tokio::runtime::Runtime::new().expect("a runtime");
/// # let _guard = runtime.enter();
/// fn total() -> u32 {
///     hybrid::block_on(async { 40 })
/// }
///
/// assert_eq!(hybrid::block_on(async { total() + 2 }), 42);
/// ```
///
/// # Panics
/// On an event loop, where the caller writes `.await`, and outside of a runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let running = Running::here();
    refuse_on_a_loop(running.as_ref());
    let deadline = running.and_then(|running| running.deadline);
    let runtime = tokio::runtime::Handle::current();
    let wait = || runtime.block_on(async { with_deadline(deadline, pin!(future)).await });
    let waiting = NestedWait::begin();
    let waited = match waiting.is_nested {
        // The runtime counts this thread as its own until the outer wait ends.
        true => tokio::task::block_in_place(wait),
        false => wait(),
    };
    match waited {
        Some(output) => output,
        None => std::panic::resume_unwind(Box::new("the deadline passed in `block_on`")),
    }
}

/// An event loop serves other requests as well, and must not wait.
fn refuse_on_a_loop(running: Option<&Running>) {
    let of_request =
        running.is_some_and(|running| matches!(running.lane, Lane::Event | Lane::Inline));
    assert!(
        !of_request,
        "`hybrid::block_on` was called on an event loop, which it would block: write `.await` in \
         an `async fn`, and remove `lane = inline` from a plain `fn` that waits"
    );
}

thread_local! {
    static IS_WAITING: Cell<bool> = const { Cell::new(false) };
}

/// This thread waits in [`block_on`], until it is dropped.
struct NestedWait {
    is_nested: bool,
}

impl NestedWait {
    fn begin() -> Self {
        Self {
            is_nested: IS_WAITING.replace(true),
        }
    }
}

impl Drop for NestedWait {
    fn drop(&mut self) {
        IS_WAITING.set(self.is_nested);
    }
}
