//! How busy the event loops are, and how long a task waits for one.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use crate::{
    clock::{self, Instant, nanoseconds},
    sync::{AtomicU64, Ordering},
};

/// How much of a new look goes into the published utilisation: it follows the
/// last second.
const NEW: f64 = 0.2;

/// The event loops, as seen from outside.
pub(super) struct LoopLoad {
    runtime: Handle,
    busy: Duration,
    looked_at: Instant,
    utilisation: f64,
    beat: Arc<Beat>,
    epoch: Instant,
}

/// A task that does nothing but arrive. One at a time is on its way.
#[derive(Default)]
struct Beat {
    /// When it was sent, from the epoch; 0 is none on its way.
    sent_ns: AtomicU64,
    /// How long the last one waited.
    lag_ns: AtomicU64,
}

impl LoopLoad {
    pub(super) fn new(runtime: Handle, now: Instant) -> Self {
        Self {
            busy: busy(&runtime),
            runtime,
            looked_at: now,
            utilisation: 0.0,
            beat: Arc::default(),
            epoch: now,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.runtime.metrics().num_workers()
    }

    /// What part of the last second they were busy, and the lag of the last task.
    pub(super) fn look(&mut self, now: Instant) -> (f64, Duration) {
        let busy = busy(&self.runtime);
        let loops = u32::try_from(self.count()).unwrap_or(u32::MAX);
        let there = (now - self.looked_at) * loops;
        if there > Duration::ZERO {
            // A loop books its time when it pauses: more than there was is all.
            let share = busy.saturating_sub(self.busy).as_secs_f64() / there.as_secs_f64();
            self.utilisation += (share.min(1.0) - self.utilisation) * NEW;
        }
        (self.busy, self.looked_at) = (busy, now);
        (self.utilisation, self.lag(now))
    }

    fn lag(&self, now: Instant) -> Duration {
        // Never 0, which is none.
        let now_ns = nanoseconds(now - self.epoch) + 1;
        let sent_ns = self.beat.sent_ns.load(Ordering::Relaxed);
        if sent_ns != 0 {
            // It waits still: that long at least.
            return Duration::from_nanos(now_ns.saturating_sub(sent_ns));
        }
        self.beat.sent_ns.store(now_ns, Ordering::Relaxed);
        let (beat, epoch) = (Arc::clone(&self.beat), self.epoch);
        self.runtime.spawn(async move {
            let arrived_ns = nanoseconds(clock::now() - epoch) + 1;
            let sent_ns = beat.sent_ns.load(Ordering::Relaxed);
            let lag_ns = arrived_ns.saturating_sub(sent_ns);
            beat.lag_ns.store(lag_ns, Ordering::Relaxed);
            // Release: a reader that sees its arrival sees how long it took.
            beat.sent_ns.store(0, Ordering::Release);
        });
        Duration::from_nanos(self.beat.lag_ns.load(Ordering::Relaxed))
    }
}

/// What all loops together were busy for, since the runtime began.
fn busy(runtime: &Handle) -> Duration {
    #[cfg(target_has_atomic = "64")]
    {
        let metrics = runtime.metrics();
        let loops = 0..metrics.num_workers();
        loops
            .map(|index| metrics.worker_total_busy_duration(index))
            .sum()
    }
    #[cfg(not(target_has_atomic = "64"))]
    {
        let _ = runtime;
        Duration::ZERO
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn busy_loops_are_busy_and_a_task_that_waits_has_lag() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let start = clock::now();
        let mut loops = LoopLoad::new(runtime.handle().clone(), start);
        assert_eq!(loops.count(), 1);
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let (say, hold) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            say.send(()).unwrap();
            // A loop that is held: what the lag is there to show.
            let _ = opened.recv();
        });
        hold.recv().unwrap();
        loops.look(clock::now());
        let later = clock::now() + Duration::from_millis(300);
        let (_, lag) = loops.look(later);
        assert!(lag >= Duration::from_millis(300), "{lag:?}");
        drop(open);
        while loops.beat.sent_ns.load(Ordering::Acquire) != 0 {
            std::thread::yield_now();
        }
        assert!(loops.look(clock::now()).1 < Duration::from_secs(60));
    }
}
