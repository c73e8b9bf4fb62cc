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
pub(super) struct Seat {
    taken: AtomicBool,
    pub(super) series: Box<[SeriesCells]>,
}

/// The seats of one application.
pub(super) struct Seats {
    /// How many series each has.
    series: usize,
    /// Locked when a thread takes a seat, and by readers.
    all: Mutex<Vec<Arc<Seat>>>,
    /// For threads that are ending and have no seat any more; locked to write.
    stray: Mutex<Arc<Seat>>,
}

/// A thread's seat in one application; free again when the thread ends.
struct Taken {
    of: Weak<Seats>,
    /// Where those are: nothing else is there as long as `of` lives.
    address: usize,
    seat: Arc<Seat>,
}

thread_local! {
    /// In the first application that this thread served, which is mostly the only
    /// one: found without borrowing anything.
    static FIRST: OnceCell<Taken> = const { OnceCell::new() };
    /// In all further ones.
    static OTHERS: RefCell<Vec<Taken>> = const { RefCell::new(Vec::new()) };
}

impl Seats {
    pub(super) fn new(series: usize) -> Arc<Self> {
        let stray = Seat::new(series);
        Arc::new(Self {
            series,
            all: Mutex::new(vec![Arc::clone(&stray)]),
            stray: Mutex::new(stray),
        })
    }

    /// Has this thread write.
    #[inline]
    pub(super) fn write(self: &Arc<Self>, write: impl Fn(&[SeriesCells])) {
        let written = FIRST.try_with(|first| match first.get() {
            Some(first) if first.is_of(self) => {
                write(&first.seat.series);
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
            let first = first.get_or_init(|| self.sit_down());
            let is_ours = first.is_of(self);
            if is_ours {
                write(&first.seat.series);
            }
            is_ours
        });
        if first == Ok(true) {
            return;
        }
        let other = OTHERS.try_with(|others| {
            let mut others = others.borrow_mut();
            if let Some(mine) = others.iter().find(|taken| taken.is_of(self)) {
                return write(&mine.seat.series);
            }
            // Seats in applications that are gone.
            others.retain(|taken| taken.of.strong_count() > 0);
            let taken = self.sit_down();
            write(&taken.seat.series);
            others.push(taken);
        });
        if other.is_err() {
            write(&lock(&self.stray).series);
        }
    }

    fn sit_down(self: &Arc<Self>) -> Taken {
        Taken {
            of: Arc::downgrade(self),
            address: self.address(),
            seat: self.take(),
        }
    }

    fn address(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// A seat that is free, or a new one.
    fn take(&self) -> Arc<Seat> {
        let mut all = lock(&self.all);
        if let Some(free) = all.iter().find(|seat| seat.take()) {
            return Arc::clone(free);
        }
        let seat = Seat::new(self.series);
        all.push(Arc::clone(&seat));
        seat
    }

    /// All seats, in the order in which they were made.
    pub(super) fn all(&self) -> Vec<Arc<Seat>> {
        lock(&self.all).clone()
    }
}

impl Seat {
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

impl Taken {
    fn is_of(&self, seats: &Arc<Seats>) -> bool {
        self.address == seats.address()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seat.leave();
    }
}

/// Counts in cells are whole also after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Seats {
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
    fn a_seat_is_left_to_the_next_thread() {
        let seats = Seats::new(1);
        for _ in 0..10 {
            std::thread::scope(|scope| {
                scope.spawn(|| seats.write(|series| series[0].begin()));
            });
        }
        // `scope` waits for the closure, not for the thread's own variables: a
        // seat more than one may have been needed.
        let all = seats.all();
        let begun = |seat: &Arc<Seat>| seat.series[0].begun.load(Ordering::Relaxed);
        assert_eq!(all.iter().map(begun).sum::<u32>(), 10);
        assert!(all.len() < 11, "no seat was taken again");
    }

    #[test]
    fn a_thread_has_a_seat_in_each_application() {
        let (first, second) = (Seats::new(1), Seats::new(2));
        for _ in 0..3 {
            first.write(|series| series[0].begin());
            second.write(|series| series[1].begin());
        }
        for (seats, series) in [(&first, 0), (&second, 1)] {
            let all = seats.all();
            assert_eq!(all.len(), 2, "the stray one, and this thread's");
            assert_eq!(all[1].series[series].begun.load(Ordering::Relaxed), 3);
        }
        drop(second);
        Seats::new(1).write(|_| ());
        let held = OTHERS.with(|others| others.borrow().len());
        assert_eq!(held, 1, "that of the application that is gone was left");
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use super::*;

    /// A thread that takes a seat goes on from the counts that are there.
    #[test]
    fn loom_a_seat_is_handed_over_with_its_counts() {
        loom::model(|| {
            let seat = Seat::new(1);
            let other = Arc::clone(&seat);
            seat.series[0].begin();
            let second = loom::thread::spawn(move || {
                if other.take() {
                    other.series[0].begin();
                    assert_eq!(other.series[0].begun.load(Ordering::Relaxed), 2);
                }
            });
            seat.leave();
            second.join().unwrap();
        });
    }
}
