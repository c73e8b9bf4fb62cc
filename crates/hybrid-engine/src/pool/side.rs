//! What there is once for short tickets and once for long ones: the way from the
//! loops to the threads, and the order. So no thread of a low priority ever holds
//! what a loop or a short ticket waits for.

use std::sync::PoisonError;

use super::{
    Job, Length, PoolShared, fair_queue::FairQueue, handoff::Handoff, job_length,
    worker_slot::WorkerSlot,
};
use crate::{
    clock,
    sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering},
    timing::Timing,
};

pub(super) struct Side {
    pub(super) handoff: Handoff<Job>,
    /// Taken by the workers of this side, and by the thread starter: never by a loop, nor
    /// by a worker of the other.
    order: Mutex<FairQueue<Job>>,
    /// Tickets that were refused since a worker last looked.
    pub(super) refused: AtomicU64,
    /// Threads that live, on their way included.
    pub(super) threads: AtomicUsize,
    /// A thread is wanted; it counts as looking already.
    pub(super) is_thread_wanted: AtomicBool,
    /// It is on its way. One at a time.
    pub(super) is_thread_coming: AtomicBool,
    /// Tickets wait, no thread of this side is there to take them, and no more may
    /// be started: one of the other side is to change over.
    pub(super) lacks_thread: AtomicBool,
}

impl Side {
    pub(super) fn new(handoff: Handoff<Job>, order: FairQueue<Job>) -> Self {
        Self {
            handoff,
            order: Mutex::new(order),
            refused: AtomicU64::new(0),
            threads: AtomicUsize::new(0),
            is_thread_wanted: AtomicBool::new(false),
            is_thread_coming: AtomicBool::new(false),
            lacks_thread: AtomicBool::new(false),
        }
    }

    pub(super) fn order(&self) -> MutexGuard<'_, FairQueue<Job>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order, unless another thread has it.
    pub(super) fn try_order(&self) -> Option<MutexGuard<'_, FairQueue<Job>>> {
        self.order.try_lock().ok()
    }
}

impl PoolShared {
    pub(super) fn side(&self, length: Length) -> &Side {
        match length {
            Length::Short => &self.short,
            Length::Long => &self.long,
        }
    }

    /// Where workers are or were, the reserve at the end, each with its number.
    pub(super) fn slots(&self) -> impl Iterator<Item = (usize, &WorkerSlot)> {
        let taken = self.places_taken.load(Ordering::Relaxed);
        let reserve = self.limits.threads_max;
        let places = (0..taken).chain([reserve]);
        places.map(|place| (place, &self.all_slots[place]))
    }

    /// Whether there are as many threads as may be, the reserve left aside, and all
    /// run a ticket.
    pub(super) fn are_all_running(&self) -> bool {
        let reserve = self.limits.threads_max;
        self.places_taken.load(Ordering::Relaxed) == reserve
            && self.all_slots[..reserve].iter().all(WorkerSlot::is_running)
    }

    /// The order of a side for the thread starter, which never waits for a thread of a low
    /// priority.
    pub(super) fn order_for_thread_starter(
        &self,
        length: Length,
    ) -> Option<MutexGuard<'_, FairQueue<Job>>> {
        match length {
            Length::Short => Some(self.short.order()),
            Length::Long => self.long.try_order(),
        }
    }

    /// Takes out of the order of short tickets those of classes that are long by
    /// now.
    pub(super) fn hand_over(&self, order: &mut FairQueue<Job>) {
        let mut is_any = false;
        for job in order.take_long() {
            is_any = true;
            // As deep as what may be queued: it is never full.
            let _ = self.long.handoff.put(job);
        }
        if is_any {
            self.wake(Length::Long);
        }
    }

    /// What a run tells about its class, besides its cost. What has turned long while
    /// it ran is known for that already.
    pub(super) fn note_run(&self, class: usize, timing: &Timing, is_turned: bool) {
        if self.limits.is_managed
            && let Some(stretch_ns) = job_length::stretch_ns(timing)
            && (!is_turned || stretch_ns >= job_length::CERTAIN_NS)
        {
            self.note_stretch(class, stretch_ns);
        }
    }

    /// A ticket of that class has computed for so long in one stretch.
    pub(super) fn note_stretch(&self, class: usize, stretch_ns: u64) {
        let now_ns = || clock::now().ns_since(self.started);
        self.classes[class].note_stretch(stretch_ns, now_ns);
    }

    /// Whether a thread of that side is to change over to the other: where no more may
    /// be started, no side keeps more than half of them while the other lacks one.
    pub(super) fn is_needed_elsewhere(&self, length: Length) -> bool {
        let other = &self.side(length.other()).lacks_thread;
        other.load(Ordering::Relaxed)
            && self.side(length).threads.load(Ordering::Relaxed) > self.limits.threads_max / 2
            && other.swap(false, Ordering::SeqCst)
    }
}
