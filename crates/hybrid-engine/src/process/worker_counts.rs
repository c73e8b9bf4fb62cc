//! What the admin pages and the metrics show of worker processes.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{
    WorkerEnd, WorkerGauge,
    worker_handle::{EndReason, IDLE, WorkerHandle},
};

/// Written by the supervisor, read by admin requests.
#[derive(Default)]
pub(super) struct WorkerCounts {
    slots: Mutex<Vec<SlotCount>>,
    ended: [AtomicU64; WorkerEnd::ALL.len()],
}

#[derive(Default)]
struct SlotCount {
    restarts: u64,
    content: SlotContent,
}

/// What is in a slot.
#[derive(Default, Clone)]
pub(super) enum SlotContent {
    /// A worker is to be started there before long.
    #[default]
    Empty,
    Starting(i32),
    Worker(Arc<WorkerHandle>),
}

impl WorkerCounts {
    fn slots(&self) -> MutexGuard<'_, Vec<SlotCount>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, slot: usize, content: SlotContent) {
        let mut slots = self.slots();
        if slots.len() <= slot {
            slots.resize_with(slot + 1, SlotCount::default);
        }
        slots[slot].content = content;
    }

    /// Counts a worker that ended so. Another takes its place.
    pub(super) fn count_end(&self, slot: usize, how: WorkerEnd) {
        self.ended[how as usize].fetch_add(1, Ordering::Relaxed);
        self.set(slot, SlotContent::Empty);
        self.slots()[slot].restarts += 1;
    }

    pub(super) fn ended(&self, how: WorkerEnd) -> u64 {
        self.ended[how as usize].load(Ordering::Relaxed)
    }

    pub(super) fn gauges(&self, class_names: &[String]) -> Vec<WorkerGauge> {
        let slots = self.slots();
        slots.iter().map(|slot| slot.gauge(class_names)).collect()
    }
}

impl SlotCount {
    fn gauge(&self, class_names: &[String]) -> WorkerGauge {
        let (pid, state, worker) = match &self.content {
            SlotContent::Empty => (None, "ended", None),
            SlotContent::Starting(pid) => (Some(*pid), "starting", None),
            SlotContent::Worker(worker) => {
                let state = match worker.end_reason() {
                    EndReason::None if worker.is_busy() => "busy",
                    EndReason::None => "idle",
                    _ => "ending",
                };
                (Some(worker.pid.as_raw_pid()), state, Some(worker))
            }
        };
        let class = worker.map_or(IDLE, |worker| worker.class.load(Ordering::Relaxed));
        WorkerGauge {
            pid,
            state,
            class: class_names.get(class).cloned(),
            restarts: self.restarts,
            rss_bytes: worker.map_or(0, |worker| worker.rss_bytes.load(Ordering::Relaxed)),
        }
    }
}
