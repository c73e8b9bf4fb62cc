//! The one place where the monotonic clock is read, so that decisions can be
//! tested without it. Wall-clock jumps change nothing: every duration in the
//! framework is a difference of two readings from here.

use std::{
    num::NonZeroU64,
    ops::{Add, AddAssign, Sub},
    sync::LazyLock,
    time::Duration,
};

pub use std::time::SystemTime;

/// A reading of the monotonic clock, in nanoseconds.
///
/// One number where the standard library's has two: requests carry several, and
/// read and subtract them all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(NonZeroU64);

/// One moment on both clocks, by which the one is told from the other.
static ANCHOR: LazyLock<(Instant, std::time::Instant)> = LazyLock::new(|| (now(), standard()));

/// The monotonic clock, now. Costs about 30 ns.
pub fn now() -> Instant {
    Instant::of(read())
}

/// What time it is, for people: never for a duration, since it may be set back.
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// A duration in nanoseconds; half a millennium and more is the most there is.
#[inline]
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(unix)]
fn read() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::Monotonic);
    // It counts from the system's start: neither part is negative.
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

#[cfg(not(unix))]
fn read() -> u64 {
    static START: LazyLock<std::time::Instant> = LazyLock::new(standard);
    nanoseconds(standard() - *START)
}

#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
fn standard() -> std::time::Instant {
    std::time::Instant::now()
}

impl Instant {
    fn of(ns: u64) -> Self {
        Self(NonZeroU64::new(ns).unwrap_or(NonZeroU64::MIN))
    }

    /// Nanoseconds since an earlier reading; none since a later one.
    pub fn ns_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }

    /// `None` beyond the clock's range, which is half a millennium.
    pub fn checked_add(self, by: Duration) -> Option<Self> {
        let by = u64::try_from(by.as_nanos()).ok()?;
        self.0.checked_add(by).map(Self)
    }

    /// The time since an earlier reading; zero since a later one.
    #[must_use]
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns_since(earlier))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// As far as the clock goes.
    fn add(self, by: Duration) -> Self {
        self.checked_add(by).unwrap_or(Self(NonZeroU64::MAX))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, by: Duration) {
        *self = *self + by;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self::of(self.0.get().saturating_sub(by))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(at: Instant) -> Self {
        let (ours, theirs) = *ANCHOR;
        let far = || theirs + Duration::from_secs(86_400 * 365 * 30);
        if at >= ours {
            theirs.checked_add(at - ours).unwrap_or_else(far)
        } else {
            theirs.checked_sub(ours - at).unwrap_or(theirs)
        }
    }
}

impl From<Instant> for tokio::time::Instant {
    fn from(at: Instant) -> Self {
        std::time::Instant::from(at).into()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_alike() {
        let ours = now();
        let theirs = standard();
        let told = std::time::Instant::from(ours);
        let apart = theirs.max(told) - theirs.min(told);
        // A reading of each stands between: a pause of the thread at most.
        assert!(apart < Duration::from_secs(1), "{apart:?}");
        let later = std::time::Instant::from(ours + Duration::from_secs(5));
        assert_eq!(later - told, Duration::from_secs(5));
        let earlier = std::time::Instant::from(ours - Duration::from_secs(1));
        assert_eq!(told - earlier, Duration::from_secs(1));
    }

    #[test]
    fn it_ends_at_the_end_of_its_range() {
        let start = now();
        assert_eq!(start.checked_add(Duration::MAX), None);
        assert_eq!((start + Duration::MAX).0, NonZeroU64::MAX);
        assert_eq!(start - (start + Duration::from_secs(1)), Duration::ZERO);
        let end = start + Duration::MAX;
        assert!(std::time::Instant::from(end) > std::time::Instant::from(start));
    }
}
