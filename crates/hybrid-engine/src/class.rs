//! Classes of work: the unit that the engine measures, limits and moves. A class of a
//! server is a class; so may be a periodic task or the jobs of a queue.

use std::fmt;

use crate::{
    lane::Lane,
    sampling::Sampling,
    sync::{AtomicU8, Ordering},
    timing::{Stopwatch, Timing},
};

/// A class of work: jobs that run the same code and are expected to cost the same.
///
/// The application makes its classes once, before the engine starts, and numbers them
/// from zero without a gap.
pub struct Class {
    /// Its place among the application's classes.
    pub id: usize,
    /// Its name in the log: the template of a class's path, say.
    pub name: String,
    /// What is counted apart within it: the methods of a class, say. At least one.
    pub variants: &'static [&'static str],
    /// The place in `variants` of the one that stands for a variant that it does not
    /// have.
    pub default_variant: usize,
    /// The function that its jobs run.
    pub function: &'static str,
    /// The source file of that function.
    pub file: &'static str,
    /// The line of that function.
    pub line: u32,
    /// The lane that its code is made for.
    pub lane: Lane,
    /// The author wrote that lane, and it is not only what the signature makes it.
    pub lane_written: bool,
    /// The balancer may run its jobs inline.
    pub is_auto: bool,
    /// Where its jobs run now: read by every job, written by the balancer.
    pub effective_lane: EffectiveLane,
    /// Which of its runs are measured in detail.
    pub sampling: Sampling,
}

impl Class {
    /// A class of plain functions, which run on the pool.
    ///
    /// ```
    /// use hybrid_engine::{Class, Lane};
    ///
    /// let thumbnails = Class::on_pool(0, "thumbnails");
    /// assert_eq!(thumbnails.lane, Lane::Pool);
    /// assert!(!thumbnails.is_auto);
    /// ```
    #[must_use]
    pub fn on_pool(id: usize, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            variants: &[""],
            default_variant: 0,
            function: "",
            file: "",
            line: 0,
            lane: Lane::Pool,
            lane_written: false,
            is_auto: false,
            effective_lane: EffectiveLane::new(Lane::Pool),
            sampling: Sampling::of(Lane::Pool),
        }
    }

    /// Runs a job of it on this thread, after so many nanoseconds in a queue, and
    /// measures the run.
    #[inline]
    pub fn timed<R>(&self, queue_ns: u64, run: impl FnOnce() -> R) -> (R, Timing) {
        let stopwatch = Stopwatch::start(self.sampling.is_due());
        let value = run();
        let timing = stopwatch.stop(queue_ns);
        self.sampling.note(timing.wall_ns);
        (value, timing)
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Class")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("effective_lane", &self.effective_lane)
            .finish_non_exhaustive()
    }
}

/// The lane of a class at this moment. Reading and writing it never waits.
pub struct EffectiveLane(AtomicU8);

impl EffectiveLane {
    /// In that lane, until it is set.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self(AtomicU8::new(lane as u8))
    }

    /// The lane now.
    #[inline]
    pub fn get(&self) -> Lane {
        // Relaxed: a job that starts while its class moves runs in either lane.
        Lane::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }

    /// Moves the class.
    pub fn set(&self, lane: Lane) {
        self.0.store(lane as u8, Ordering::Relaxed);
    }
}

impl fmt::Debug for EffectiveLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
