//! Deadlines that are far away. Most jobs end long before their deadline, and a timer
//! for each costs about 900 instructions and the lock of all timers. So a pending future
//! leaves its waker here, and sets a timer in the last second before its deadline. The
//! balancer's thread looks ten times a second, and wakes it then.
//!
//! ```text
//! pending, far ──▶ stored here ──near──▶ woken ──▶ a timer of its own ──▶ late
//! ```
//!
//! No deadline passes late because of that: the timer is set [`NEAR`] before it.

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

use crate::clock::{self, Instant};

/// A deadline this near has a timer: many times as long as the balancer's thread
/// takes from one look to the next.
const NEAR: Duration = Duration::from_secs(1);

/// Enough that two event loops rarely want the same one.
const SHARDS: usize = 16;

/// The deadlines of an application that are far.
#[derive(Default)]
pub struct FarDeadlines {
    shards: [Mutex<Slab<Far>>; SHARDS],
}

/// A deadline that is far.
struct Far {
    /// When a timer is due; `None` once its owner was woken for that.
    near_at: Option<Instant>,
    waker: Waker,
}

/// Where a deadline is stored.
#[derive(Clone, Copy)]
struct Place {
    shard: usize,
    key: usize,
}

/// The deadline of a pending future.
pub struct DeadlineTimer<'a> {
    deadline: Option<Instant>,
    /// Where it waits until it is near; `None` where it has a timer at once.
    far: Option<&'a FarDeadlines>,
    place: Option<Place>,
    // Boxed: it is large, and most never need it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl FarDeadlines {
    /// Wakes those whose deadline is near now.
    pub fn wake_near(&self, now: Instant) {
        for shard in &self.shards {
            let mut woken = Vec::new();
            for (_, far) in lock(shard).iter_mut() {
                if far.near_at.is_some_and(|near_at| near_at <= now) {
                    far.near_at = None;
                    woken.push(far.waker.clone());
                }
            }
            // Not under the lock: a woken task may leave its place at once.
            woken.into_iter().for_each(Waker::wake);
        }
    }

    fn insert(&self, near_at: Instant, waker: &Waker) -> Place {
        let shard = shard_here();
        let key = lock(&self.shards[shard]).insert(Far {
            near_at: Some(near_at),
            waker: waker.clone(),
        });
        Place { shard, key }
    }

    /// Has the task woken that polls now.
    fn set_waker(&self, place: Place, waker: &Waker) {
        let mut shard = lock(&self.shards[place.shard]);
        if let Some(far) = shard.get_mut(place.key) {
            far.waker.clone_from(waker);
        }
    }

    fn remove(&self, place: Place) {
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

impl<'a> DeadlineTimer<'a> {
    /// For that deadline; without one it never becomes ready. With `far` it has a timer
    /// of its own once the deadline is near, and without it from the first poll on.
    #[must_use]
    pub fn new(far: Option<&'a FarDeadlines>, deadline: Option<Instant>) -> Self {
        Self {
            deadline,
            far,
            place: None,
            sleep: None,
        }
    }

    /// Ready once the deadline has passed; asked when what has it is pending.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if let (Some(far), None) = (self.far, &self.sleep) {
            let near_at = deadline - NEAR;
            if clock::now() < near_at {
                match self.place {
                    Some(place) => far.set_waker(place, cx.waker()),
                    None => self.place = Some(far.insert(near_at, cx.waker())),
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

impl Drop for DeadlineTimer<'_> {
    fn drop(&mut self) {
        if let (Some(far), Some(place)) = (self.far, self.place) {
            far.remove(place);
        }
    }
}

impl fmt::Debug for DeadlineTimer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineTimer")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FarDeadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FarDeadlines").finish_non_exhaustive()
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

    fn waiting(far: &FarDeadlines) -> usize {
        far.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    #[tokio::test]
    async fn what_is_far_is_woken_once_when_it_is_near() {
        let (far, woken) = (FarDeadlines::default(), Arc::<Woken>::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let now = clock::now();
        let deadline = now + Duration::from_secs(30);
        let mut timer = DeadlineTimer::new(Some(&far), Some(deadline));
        assert!(timer.poll(&mut cx).is_pending() && timer.sleep.is_none());
        assert_eq!(waiting(&far), 1);
        far.wake_near(deadline - NEAR - Duration::from_nanos(1));
        assert!(!woken.take());
        far.wake_near(deadline - NEAR);
        assert!(woken.take());
        far.wake_near(deadline);
        assert!(!woken.take(), "once");
        drop(timer);
        assert_eq!(waiting(&far), 0);
    }

    #[tokio::test]
    async fn what_is_near_has_a_timer_and_passes_in_time() {
        let far = FarDeadlines::default();
        let deadline = clock::now() + Duration::from_millis(20);
        let mut timer = DeadlineTimer::new(Some(&far), Some(deadline));
        std::future::poll_fn(|cx| timer.poll(cx)).await;
        assert!(clock::now() >= deadline);
        assert_eq!(waiting(&far), 0);
    }

    #[tokio::test]
    async fn who_polls_last_is_woken() {
        let (far, first, second) = (
            FarDeadlines::default(),
            Arc::<Woken>::default(),
            Arc::<Woken>::default(),
        );
        let deadline = clock::now() + Duration::from_secs(30);
        let mut timer = DeadlineTimer::new(Some(&far), Some(deadline));
        for woken in [&first, &second] {
            let waker = Waker::from(Arc::clone(woken));
            assert!(timer.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        far.wake_near(deadline);
        assert!(!first.take() && second.take());
    }
}
