//! Deadlines. Most requests are over long before theirs, and a timer for each
//! would cost more than all the rest that the framework does for one: so who is
//! pending and has long to go leaves its waker here, and sets a timer once the
//! deadline is near. The balancer's thread, which looks several times a second,
//! wakes it then.
//!
//! ```text
//! pending, far ──▶ a place here ──near──▶ woken ──▶ a timer of its own ──▶ late
//! ```
//!
//! Nothing is late by that: a timer stands from [`NEAR`] on.

use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use slab::Slab;
use tokio::time::{Sleep, sleep_until};

use crate::telemetry::clock::{self, Instant};

/// A deadline this near has a timer: many times as long as the balancer's thread
/// takes from one look to the next.
const NEAR: Duration = Duration::from_secs(1);

/// So many that two event loops rarely want the same one.
const SHARDS: usize = 16;

/// The deadlines of an application that are far.
#[derive(Default)]
pub(crate) struct Alarms {
    shards: [Mutex<Slab<Far>>; SHARDS],
}

/// A deadline that is far.
struct Far {
    /// When a timer is due; `None` once its owner was woken for that.
    near_at: Option<Instant>,
    waker: Waker,
}

/// Where a deadline stands among those of its application.
#[derive(Clone, Copy)]
struct Place {
    shard: usize,
    key: usize,
}

/// A deadline that something pending has.
pub(crate) struct Alarm<'a> {
    deadline: Option<Instant>,
    /// Where it waits until it is near; `None` where it has a timer at once.
    alarms: Option<&'a Alarms>,
    place: Option<Place>,
    // Boxed: it is large, and most never need it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarms {
    /// Wakes those whose deadline is near now.
    pub(crate) fn ring(&self, now: Instant) {
        for shard in &self.shards {
            let mut woken = Vec::new();
            for (_, far) in lock(shard).iter_mut() {
                if far.near_at.is_some_and(|near_at| near_at <= now) {
                    far.near_at = None;
                    woken.push(far.waker.clone());
                }
            }
            // Not under the lock: what is woken may leave its place at once.
            woken.into_iter().for_each(Waker::wake);
        }
    }

    fn enter(&self, near_at: Instant, waker: &Waker) -> Place {
        let shard = shard_here();
        let key = lock(&self.shards[shard]).insert(Far {
            near_at: Some(near_at),
            waker: waker.clone(),
        });
        Place { shard, key }
    }

    /// Has another task woken, where another polls now.
    fn stay(&self, place: Place, waker: &Waker) {
        let mut shard = lock(&self.shards[place.shard]);
        if let Some(far) = shard.get_mut(place.key) {
            far.waker.clone_from(waker);
        }
    }

    fn leave(&self, place: Place) {
        let left = lock(&self.shards[place.shard]).try_remove(place.key);
        // Not under the lock: it may be the last that holds its task.
        drop(left);
    }
}

fn lock(shard: &Mutex<Slab<Far>>) -> MutexGuard<'_, Slab<Far>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shard of this thread.
fn shard_here() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HERE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    HERE.get().unwrap_or_else(|| {
        let here = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        HERE.set(Some(here));
        here
    })
}

impl<'a> Alarm<'a> {
    /// At that time; without one, never. It has a timer at once.
    pub(crate) fn at(deadline: Option<Instant>) -> Self {
        Self::among(None, deadline)
    }

    /// As [`at`](Self::at), with a timer once it is near; at once where nobody
    /// rings.
    pub(crate) fn among(alarms: Option<&'a Alarms>, deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            alarms,
            place: None,
            sleep: None,
        }
    }

    /// Ready once the deadline has passed; asked when what has it is pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if let (Some(alarms), None) = (self.alarms, &self.sleep) {
            let near_at = deadline - NEAR;
            if clock::now() < near_at {
                match self.place {
                    Some(place) => alarms.stay(place, cx.waker()),
                    None => self.place = Some(alarms.enter(near_at, cx.waker())),
                }
                return Poll::Pending;
            }
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        sleep.as_mut().poll(cx)
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if let (Some(alarms), Some(place)) = (self.alarms, self.place) {
            alarms.leave(place);
        }
    }
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarms").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn take(&self) -> bool {
            self.0.swap(false, Ordering::Relaxed)
        }
    }

    fn waiting(alarms: &Alarms) -> usize {
        alarms.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    #[tokio::test]
    async fn what_is_far_is_woken_once_when_it_is_near() {
        let (alarms, woken) = (Alarms::default(), Arc::<Woken>::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let now = clock::now();
        let deadline = now + Duration::from_secs(30);
        let mut alarm = Alarm::among(Some(&alarms), Some(deadline));
        assert!(alarm.poll(&mut cx).is_pending() && alarm.sleep.is_none());
        assert_eq!(waiting(&alarms), 1);
        alarms.ring(deadline - NEAR - Duration::from_nanos(1));
        assert!(!woken.take());
        alarms.ring(deadline - NEAR);
        assert!(woken.take());
        alarms.ring(deadline);
        assert!(!woken.take(), "once");
        drop(alarm);
        assert_eq!(waiting(&alarms), 0);
    }

    #[tokio::test]
    async fn what_is_near_has_a_timer_and_passes_in_time() {
        let alarms = Alarms::default();
        let deadline = clock::now() + Duration::from_millis(20);
        let mut alarm = Alarm::among(Some(&alarms), Some(deadline));
        std::future::poll_fn(|cx| alarm.poll(cx)).await;
        assert!(clock::now() >= deadline);
        assert_eq!(waiting(&alarms), 0);
    }

    #[tokio::test]
    async fn who_polls_last_is_woken() {
        let (alarms, first, second) = (
            Alarms::default(),
            Arc::<Woken>::default(),
            Arc::<Woken>::default(),
        );
        let deadline = clock::now() + Duration::from_secs(30);
        let mut alarm = Alarm::among(Some(&alarms), Some(deadline));
        for woken in [&first, &second] {
            let waker = Waker::from(Arc::clone(woken));
            assert!(alarm.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        alarms.ring(deadline);
        assert!(!first.take() && second.take());
    }
}
