//! The `Date` of answers when the system's clock was set back. hyper writes that
//! header, from a text that it renews when the clock has gone on by a second; until
//! the clock is back where it was, ours takes its place.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderValue, header};

/// Whether hyper's date can be right, looked at once a tick.
#[derive(Debug, Default)]
pub(crate) struct Date {
    /// The second up to which hyper may have written its text already.
    latest: AtomicU64,
    is_back: AtomicBool,
}

/// hyper's text may be of a moment after our last look, and holds for a second.
const HYPER_AHEAD: u64 = 2;

impl Date {
    /// Looks at the clock.
    pub(crate) fn look(&self) {
        self.note(wall_clock());
    }

    pub(crate) fn note(&self, now: SystemTime) {
        let now = now.duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        let latest = self.latest.load(Relaxed);
        let was_back = self.is_back.load(Relaxed);
        let is_back = now < latest || (was_back && now <= latest + HYPER_AHEAD);
        if !is_back {
            self.latest.store(now, Relaxed);
        }
        if is_back != was_back {
            self.is_back.store(is_back, Relaxed);
        }
    }

    /// Writes the header where hyper's would be wrong and there is none.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if !self.is_back.load(Relaxed) {
            return;
        }
        if let Ok(date) = HeaderValue::try_from(text()) {
            headers.entry(header::DATE).or_insert(date);
        }
    }
}

/// The date as HTTP writes it.
pub(crate) fn text() -> String {
    httpdate::HttpDate::from(wall_clock()).to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the date header shows the time of day"
)]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_was_set_back_counts_until_it_has_caught_up() {
        let date = Date::default();
        let at = |secs| date.note(UNIX_EPOCH + Duration::from_secs(secs));
        let is_back = || date.is_back.load(Relaxed);
        for (second, expected) in [
            (100, false),
            (101, false),
            (40, true),
            (101, true),
            (103, true),
            (104, false),
            (103, true),
        ] {
            at(second);
            assert_eq!(is_back(), expected, "at {second}");
        }
    }
}
