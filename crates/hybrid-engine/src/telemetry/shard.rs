//! Shards: each thread writes its counts into a shard of its own, without a lock. No
//! other thread writes there.
//!
//! A thread takes a shard when it first measures something, and keeps it until it ends.
//! The next thread takes that shard over, with its counts. A pool thread takes one only
//! for jobs whose caller has left: all other timings travel with the result of their
//! job. There are as many shards as threads ever polled jobs of the application at once.

use std::{
    cell::{OnceCell, RefCell},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::cells::SeriesCells;
use crate::sync::{AtomicBool, Ordering};

/// The cells of one thread.
pub(super) struct Shard {
    taken: AtomicBool,
    pub(super) series: Box<[SeriesCells]>,
}

/// The shards of one application.
pub(super) struct Shards {
    /// How many series each has.
    series: usize,
    /// Locked when a thread takes a shard, and by readers.
    all: Mutex<Vec<Arc<Shard>>>,
    /// For threads that are ending and have no shard any more; locked to write.
    fallback: Mutex<Arc<Shard>>,
}

/// A thread's shard in one application; free again when the thread ends.
struct ClaimedShard {
    of: Weak<Shards>,
    /// Where those are: nothing else is there as long as `of` lives.
    address: usize,
    shard: Arc<Shard>,
}

thread_local! {
    /// In the first application that this thread served, which is mostly the only
    /// one: found without borrowing anything.
    static FIRST: OnceCell<ClaimedShard> = const { OnceCell::new() };
    /// In all further ones.
    static OTHERS: RefCell<Vec<ClaimedShard>> = const { RefCell::new(Vec::new()) };
}

impl Shards {
    pub(super) fn new(series: usize) -> Arc<Self> {
        let fallback = Shard::new(series);
        Arc::new(Self {
            series,
            all: Mutex::new(vec![Arc::clone(&fallback)]),
            fallback: Mutex::new(fallback),
        })
    }

    /// Has this thread write.
    #[inline]
    pub(super) fn write(self: &Arc<Self>, write: impl Fn(&[SeriesCells])) {
        let written = FIRST.try_with(|first| match first.get() {
            Some(first) if first.is_of(self) => {
                write(&first.shard.series);
                true
            }
            _ => false,
        });
        if written != Ok(true) {
            self.write_elsewhere(&write);
        }
    }

    #[cold]
    fn write_elsewhere(self: &Arc<Self>, write: &dyn Fn(&[SeriesCells])) {
        let first = FIRST.try_with(|first| {
            let first = first.get_or_init(|| self.claim());
            let is_ours = first.is_of(self);
            if is_ours {
                write(&first.shard.series);
            }
            is_ours
        });
        if first == Ok(true) {
            return;
        }
        let other = OTHERS.try_with(|others| {
            let mut others = others.borrow_mut();
            if let Some(mine) = others.iter().find(|taken| taken.is_of(self)) {
                return write(&mine.shard.series);
            }
            // Shards in applications that are gone.
            others.retain(|taken| taken.of.strong_count() > 0);
            let taken = self.claim();
            write(&taken.shard.series);
            others.push(taken);
        });
        if other.is_err() {
            write(&lock(&self.fallback).series);
        }
    }

    fn claim(self: &Arc<Self>) -> ClaimedShard {
        ClaimedShard {
            of: Arc::downgrade(self),
            address: self.address(),
            shard: self.take(),
        }
    }

    fn address(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// A shard that is free, or a new one.
    fn take(&self) -> Arc<Shard> {
        let mut all = lock(&self.all);
        if let Some(free) = all.iter().find(|shard| shard.take()) {
            return Arc::clone(free);
        }
        let shard = Shard::new(self.series);
        all.push(Arc::clone(&shard));
        shard
    }

    /// All shards, in the order in which they were made.
    pub(super) fn all(&self) -> Vec<Arc<Shard>> {
        lock(&self.all).clone()
    }
}

impl Shard {
    fn new(series: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicBool::new(true),
            series: (0..series).map(|_| SeriesCells::new()).collect(),
        })
    }

    fn take(&self) -> bool {
        // Acquire: pairs with the Release in `leave`, so that the next thread
        // goes on from the counts of the thread that left.
        self.taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    fn leave(&self) {
        // Release: pairs with the Acquire in `take`.
        self.taken.store(false, Ordering::Release);
    }
}

impl ClaimedShard {
    fn is_of(&self, shards: &Arc<Shards>) -> bool {
        self.address == shards.address()
    }
}

impl Drop for ClaimedShard {
    fn drop(&mut self) {
        self.shard.leave();
    }
}

/// Counts in cells are whole also after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seats")
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_left_to_the_next_thread() {
        let shards = Shards::new(1);
        for _ in 0..10 {
            std::thread::scope(|scope| {
                scope.spawn(|| shards.write(|series| series[0].begin()));
            });
        }
        // `scope` waits for the closure, not for the thread's own variables: a
        // shard more than one may have been needed.
        let all = shards.all();
        let begun = |shard: &Arc<Shard>| shard.series[0].begun.load(Ordering::Relaxed);
        assert_eq!(all.iter().map(begun).sum::<u32>(), 10);
        assert!(all.len() < 11, "no seat was taken again");
    }

    #[test]
    fn a_thread_has_a_shard_in_each_application() {
        let (first, second) = (Shards::new(1), Shards::new(2));
        for _ in 0..3 {
            first.write(|series| series[0].begin());
            second.write(|series| series[1].begin());
        }
        for (shards, series) in [(&first, 0), (&second, 1)] {
            let all = shards.all();
            assert_eq!(all.len(), 2, "the stray one, and this thread's");
            assert_eq!(all[1].series[series].begun.load(Ordering::Relaxed), 3);
        }
        drop(second);
        Shards::new(1).write(|_| ());
        let held = OTHERS.with(|others| others.borrow().len());
        assert_eq!(held, 1, "that of the application that is gone was left");
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use super::*;

    /// A thread that takes a shard goes on from the counts that are there.
    #[test]
    fn loom_a_shard_is_handed_over_with_its_counts() {
        loom::model(|| {
            let shard = Shard::new(1);
            let other = Arc::clone(&shard);
            shard.series[0].begin();
            let second = loom::thread::spawn(move || {
                if other.take() {
                    other.series[0].begin();
                    assert_eq!(other.series[0].begun.load(Ordering::Relaxed), 2);
                }
            });
            shard.leave();
            second.join().unwrap();
        });
    }
}
