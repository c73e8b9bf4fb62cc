//! Panics that tests cause.

use std::{cell::RefCell, sync::Once};

/// What a panic that a test causes says: it is kept out of the output, and must
/// not be found on the wire.
pub(crate) const BOOM: &str = "boom, as the test wants it";

/// Keeps the panics that tests cause out of the output.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let wanted = text.is_some_and(|text| text.contains(BOOM));
            let place = info.location().map(|at| (at.file().to_owned(), at.line()));
            let noted = NOTED.with_borrow_mut(|noted| noted.as_mut().map(|noted| *noted = place));
            if !wanted && noted.is_none() {
                default(info);
            }
        }));
    });
}

thread_local! {
    /// Where this thread panicked, while [`panics_at`] wants to know it.
    static NOTED: RefCell<Option<Option<(String, u32)>>> = const { RefCell::new(None) };
}

/// Runs what must panic, and says in which line.
pub(crate) fn panics_at(f: impl FnOnce()) -> (String, u32) {
    quiet();
    NOTED.set(Some(None));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let noted = NOTED.take().flatten();
    assert!(outcome.is_err(), "it did not panic");
    noted.expect("a panic has a place")
}
