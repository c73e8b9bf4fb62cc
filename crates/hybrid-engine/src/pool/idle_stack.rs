//! A lock-free stack of small numbers: the workers that rest, and the places that
//! are free. The number that came last goes first, so that the worker whose
//! caches are warmest is woken and the others may leave.
//!
//! Treiber's stack (R. K. Treiber, "Systems Programming: Coping with Parallelism",
//! 1986) over an array: each number has one link, and a tag beside the top keeps a
//! number that left and came back from being taken for one that stayed. A number
//! is on one stack at most; the thread that pops it owns it.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

pub(super) struct IdleStack {
    /// The tag, and below it the number on top plus one; zero is none.
    top: AtomicU64,
    /// The number below each, plus one.
    below: Box<[AtomicU32]>,
}

impl IdleStack {
    /// An empty stack of numbers below `count`.
    pub(super) fn new(count: usize) -> Self {
        Self {
            top: AtomicU64::new(0),
            below: (0..count).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        link_of(self.top.load(Ordering::SeqCst)) == 0
    }

    pub(super) fn push(&self, number: usize) {
        let link = u32::try_from(number + 1).expect("a pool has fewer than 2^32 places");
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            self.below[number].store(link_of(top), Ordering::Relaxed);
            // SeqCst: part of the order in which resting and sending see each
            // other, see `handoff`.
            let pushed = self.top.compare_exchange_weak(
                top,
                after(top, link),
                Ordering::SeqCst,
                Ordering::Relaxed,
            );
            match pushed {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    pub(super) fn pop(&self) -> Option<usize> {
        let mut top = self.top.load(Ordering::SeqCst);
        loop {
            let number = link_of(top).checked_sub(1)? as usize;
            // May be stale where another pops it; then the tag has changed.
            let below = self.below[number].load(Ordering::Relaxed);
            let popped = self.top.compare_exchange_weak(
                top,
                after(top, below),
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
            match popped {
                Ok(_) => return Some(number),
                Err(now) => top = now,
            }
        }
    }
}

/// The link in the lower half.
fn link_of(top: u64) -> u32 {
    (top & u64::from(u32::MAX)) as u32
}

/// A top with another link and the next tag.
fn after(top: u64, link: u32) -> u64 {
    let tag = (top >> 32).wrapping_add(1);
    (tag << 32) | u64::from(link)
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_comes_first() {
        let stack = IdleStack::new(3);
        assert_eq!(stack.pop(), None);
        for number in [2, 0, 1] {
            stack.push(number);
        }
        assert_eq!(stack.pop(), Some(1));
        stack.push(1);
        let rest: Vec<_> = std::iter::from_fn(|| stack.pop()).collect();
        assert_eq!(rest, [1, 0, 2]);
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_no_number_is_lost_or_given_twice() {
        loom::model(|| {
            let stack = Arc::new(IdleStack::new(2));
            stack.push(0);
            stack.push(1);
            let other = Arc::clone(&stack);
            let thread = thread::spawn(move || {
                let popped = other.pop();
                if let Some(number) = popped {
                    other.push(number);
                }
                popped
            });
            let here = stack.pop();
            assert!(thread.join().expect("no panic").is_some());
            assert!(here.is_some());
            let mut all: Vec<_> = std::iter::from_fn(|| stack.pop()).chain(here).collect();
            all.sort_unstable();
            assert_eq!(all, [0, 1]);
        });
    }
}
