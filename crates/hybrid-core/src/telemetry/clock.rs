//! The one place where the monotonic clock is read, so that decisions can be
//! tested without it. Wall-clock jumps change nothing: every duration in the
//! framework is a difference of two readings from here.

pub(crate) use std::time::{Instant, SystemTime};

/// The monotonic clock, now. Costs about 30 ns.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What time it is, for people: never for a duration, since it may be set back.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
