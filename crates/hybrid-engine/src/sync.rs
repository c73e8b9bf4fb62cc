//! The primitives of shared state: the standard library's, or loom's models of
//! them under `--cfg hybrid_loom`, so that what runs is what is checked.
//! [`channel`] and [`park`] stand for crossbeam's bounded channel and parker.

#[cfg(not(hybrid_loom))]
pub use std::sync::{
    Mutex, MutexGuard,
    atomic::{
        AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    },
};

#[cfg(hybrid_loom)]
pub use loom::sync::{
    Mutex, MutexGuard,
    atomic::{
        AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    },
};

/// A bounded channel of many senders and receivers, never waited on.
#[cfg(not(hybrid_loom))]
pub mod channel {
    pub use crossbeam_channel::{Receiver, Sender, bounded};
}

/// Sleeping until another thread wakes: a word that the system waits on. Without a
/// lock, which a sleeper of a low priority could hold while it is woken.
#[cfg(all(not(hybrid_loom), target_os = "linux"))]
pub mod park {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use rustix::thread::futex::{self, Flags, Timespec};

    const EMPTY: u32 = 0;
    const WOKEN: u32 = 1;
    const PARKED: u32 = 2;

    #[derive(Debug)]
    pub struct Parker(Arc<AtomicU32>);
    #[derive(Debug)]
    pub struct Unparker(Arc<AtomicU32>);

    pub fn pair() -> (Parker, Unparker) {
        let word = Arc::default();
        (Parker(Arc::clone(&word)), Unparker(word))
    }

    impl Parker {
        /// Returns once it is woken, or has been since the last time; when that time
        /// has passed; or for no reason.
        pub fn park_timeout(&self, longest: Duration) {
            // Acquire pairs with the release in `unpark`.
            let parked =
                self.0
                    .compare_exchange(EMPTY, PARKED, Ordering::Acquire, Ordering::Acquire);
            if parked.is_ok() {
                let longest = Timespec {
                    tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
                    tv_nsec: longest.subsec_nanos().into(),
                };
                // However it ends, the caller looks at what it waits for.
                let _ = futex::wait(&self.0, Flags::PRIVATE, PARKED, Some(&longest));
            }
            self.0.swap(EMPTY, Ordering::Acquire);
        }
    }

    impl Unparker {
        pub fn unpark(&self) {
            if self.0.swap(WOKEN, Ordering::Release) == PARKED {
                // Nothing can be wrong with the word.
                let _ = futex::wake(&self.0, Flags::PRIVATE, 1);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_parked_thread_is_woken_also_beforehand() {
            const LONG: Duration = Duration::from_secs(3600);
            let (parker, unparker) = pair();
            unparker.unpark();
            parker.park_timeout(LONG);
            std::thread::scope(|scope| {
                scope.spawn(|| parker.park_timeout(LONG));
                while unparker.0.load(Ordering::Relaxed) != PARKED {
                    std::thread::yield_now();
                }
                unparker.unpark();
            });
        }
    }
}

/// Sleeping until another thread wakes.
#[cfg(all(not(hybrid_loom), not(target_os = "linux")))]
pub mod park {
    pub use crossbeam_utils::sync::{Parker, Unparker};

    pub fn pair() -> (Parker, Unparker) {
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        (parker, unparker)
    }
}

/// Loom's model of the channel: a queue behind a mutex.
#[cfg(hybrid_loom)]
#[allow(missing_debug_implementations, reason = "models, for tests alone")]
pub mod channel {
    use std::{collections::VecDeque, sync::Arc};

    use super::Mutex;

    pub struct Sender<T>(Arc<Mutex<VecDeque<T>>>, usize);
    pub struct Receiver<T>(Arc<Mutex<VecDeque<T>>>);
    pub struct Full<T>(T);

    impl<T> Full<T> {
        pub fn into_inner(self) -> T {
            self.0
        }
    }

    pub fn bounded<T>(most: usize) -> (Sender<T>, Receiver<T>) {
        let queue = Arc::new(Mutex::new(VecDeque::new()));
        (Sender(Arc::clone(&queue), most), Receiver(queue))
    }

    impl<T> Sender<T> {
        pub fn try_send(&self, value: T) -> Result<(), Full<T>> {
            let mut queue = self.0.lock().expect("the model does not panic");
            if queue.len() == self.1 {
                return Err(Full(value));
            }
            queue.push_back(value);
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub fn try_recv(&self) -> Result<T, ()> {
            let mut queue = self.0.lock().expect("the model does not panic");
            queue.pop_front().ok_or(())
        }

        pub fn is_empty(&self) -> bool {
            let queue = self.0.lock().expect("the model does not panic");
            queue.is_empty()
        }
    }
}

/// Loom's model of the parker: a flag and a condition. Time does not pass in it.
#[cfg(hybrid_loom)]
#[allow(missing_debug_implementations, reason = "models, for tests alone")]
pub mod park {
    use std::{sync::Arc, time::Duration};

    use loom::sync::{Condvar, Mutex};

    pub struct Parker(Arc<(Mutex<bool>, Condvar)>);
    pub struct Unparker(Arc<(Mutex<bool>, Condvar)>);

    pub fn pair() -> (Parker, Unparker) {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        (Parker(Arc::clone(&shared)), Unparker(shared))
    }

    impl Parker {
        pub fn park_timeout(&self, _: Duration) {
            let mut woken = self.0.0.lock().expect("the model does not panic");
            while !*woken {
                woken = self.0.1.wait(woken).expect("the model does not panic");
            }
            *woken = false;
        }
    }

    impl Unparker {
        pub fn unpark(&self) {
            *self.0.0.lock().expect("the model does not panic") = true;
            self.0.1.notify_one();
        }
    }
}
