//! Waiting, and threads that begin together.

use std::{
    sync::{Arc, Barrier},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Longer than anything here takes: only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a condition holds that no event announces.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never came about: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits, but not for longer than that, and returns whether it came about.
pub(crate) fn within(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if start.elapsed() > time.min(PATIENCE) {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `f` on so many threads at once; all of them begin together.
pub(crate) fn at_once<T: Send + 'static>(
    count: usize,
    f: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<JoinHandle<T>> {
    let f = Arc::new(f);
    let start = Arc::new(Barrier::new(count));
    let run = |number| {
        let (f, start) = (Arc::clone(&f), Arc::clone(&start));
        thread::spawn(move || {
            start.wait();
            f(number)
        })
    };
    (0..count).map(run).collect()
}

pub(crate) fn join<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    let join = |thread: JoinHandle<T>| thread.join().unwrap();
    threads.into_iter().map(join).collect()
}
