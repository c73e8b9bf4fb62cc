//! Panics in the log. The standard library's own hook writes to standard error on the
//! thread that panics, and waits there where nothing reads.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

use hybrid_engine::catch::text_of;

use super::clip;

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// Puts a hook in the standard one's place; a hook of the program's own is left there.
pub(super) fn install() {
    if thread::panicking() {
        return;
    }
    let found = panic::take_hook();
    // Now the standard one is there, whatever was found.
    let standard = panic::take_hook();
    if is_same(&found, &standard) {
        panic::set_hook(Box::new(log));
    } else {
        panic::set_hook(found);
    }
}

/// The standard hook is made in one place, so it has one table of functions. Taken for
/// another, it would stay, as it did before.
fn is_same(found: &Hook, standard: &Hook) -> bool {
    std::ptr::eq(&raw const **found, &raw const **standard)
}

fn log(info: &PanicHookInfo<'_>) {
    let current = thread::current();
    let thread = current.name().unwrap_or("unnamed");
    let place = info.location().map(ToString::to_string);
    let panic = clip(text_of(info.payload()).unwrap_or_default());
    // Where `RUST_BACKTRACE` asks for it.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(target: "hybrid::panic", thread, place, panic, "a thread panicked\n{backtrace}");
    } else {
        tracing::error!(target: "hybrid::panic", thread, place, panic, "a thread panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_hook_is_known_from_any_other() {
        let standard: [Hook; 2] = [panic::take_hook(), panic::take_hook()];
        let own: Hook = Box::new(|_| ());
        assert!(is_same(&standard[1], &panic::take_hook()));
        assert!(!is_same(&own, &standard[1]));
        panic::set_hook(standard.into_iter().next().unwrap());
    }
}
