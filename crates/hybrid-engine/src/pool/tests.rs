use std::{sync::mpsc, time::Duration};

use super::*;
use crate::{
    ticket::Ticket,
    timing::{Detail, Timing},
};

const LONG: Duration = Duration::from_secs(30);

fn limits(threads_max: usize, queue_depth: usize) -> Limits {
    Limits {
        queue_depth,
        threads_max,
        nice: 10,
        is_managed: true,
        overload: None,
    }
}

fn pool(limits: Limits) -> (Pool, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let pool = Pool::start(limits, 2, runtime.handle().clone()).expect("a keeper");
    (pool, runtime)
}

impl Pool {
    fn submit_of(
        &self,
        class: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), SubmitError> {
        self.submit(self.job(class, move |_| {
            work();
            None
        }))
    }

    fn job(
        &self,
        class: usize,
        work: impl FnOnce(Disposition) -> Option<Timing> + Send + 'static,
    ) -> Job {
        Job {
            class,
            ticket: Arc::new(Ticket::new(Arc::clone(self.orphans()))),
            queued_at: clock::now(),
            patience: LONG,
            work: Box::new(work),
        }
    }

    fn submit_work(&self, work: impl FnOnce() + Send + 'static) -> Result<(), SubmitError> {
        self.submit_of(0, work)
    }

    /// Waits until nothing runs and nothing is held.
    fn wait_until_quiet(&self) {
        let until = clock::now() + LONG;
        loop {
            let gauges = self.gauges();
            if gauges.busy == 0 && gauges.queue_depth == 0 && gauges.permits == 0.0 {
                return;
            }
            assert!(clock::now() < until, "{gauges:?}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn jobs_run_on_named_threads() {
    let (pool, _runtime) = pool(limits(2, 4));
    let (say, hear) = mpsc::channel();
    let job = move || {
        let name = std::thread::current().name().map(str::to_owned);
        say.send(name).expect("the test listens");
    };
    pool.submit_work(job).expect("there is room");
    assert_eq!(
        hear.recv_timeout(LONG).expect("it ran").as_deref(),
        Some("hybrid-pool-1")
    );
    pool.wait_until_quiet();
}

#[test]
fn a_full_queue_refuses_at_once() {
    let (pool, _runtime) = pool(limits(1, 2));
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let blocking = move || {
        started.send(()).expect("the test listens");
        let _ = released.recv();
    };
    pool.submit_work(blocking).expect("there is room");
    has_started.recv_timeout(LONG).expect("it started");
    pool.submit_work(|| ()).expect("the queue holds two");
    pool.submit_work(|| ()).expect("the queue holds two");
    assert_eq!(pool.submit_work(|| ()), Err(SubmitError::Full));
    drop(release);
    pool.wait_until_quiet();
}

#[test]
fn a_panic_costs_no_thread() {
    let (pool, _runtime) = pool(limits(1, 2000));
    for _ in 0..1000 {
        pool.submit_work(|| panic!("a job")).expect("there is room");
    }
    let (say, hear) = mpsc::channel();
    pool.submit_work(move || say.send(()).expect("the test listens"))
        .expect("room");
    hear.recv_timeout(LONG).expect("the thread lives");
    assert_eq!(pool.gauges().threads, 1);
}

#[test]
fn a_panic_of_the_thread_starter_is_followed_by_its_next_turn() {
    let (pool, _runtime) = pool(limits(4, 100));
    let failing = crate::background::fail("hybrid-pool-keeper");
    let (say, hear) = mpsc::channel();
    // The first may find the thread starter past the place where it fails.
    for number in 0..2 {
        let say = say.clone();
        pool.submit_work(move || say.send(number).expect("the test listens"))
            .expect("room");
        assert_eq!(hear.recv_timeout(LONG).expect("it ran"), number);
    }
    assert!(failing.count() > 0);
    pool.wait_until_quiet();
}

#[test]
fn files_of_threads_that_have_left_are_closed() {
    let mut observed = blocked::BlockedProbe::default();
    let thread = crate::os::thread::number();
    observed.note(thread);
    assert!(observed.has_file());
    observed.forget_unless(Some(thread));
    assert!(observed.has_file());
    observed.forget_unless(None);
    assert!(!observed.has_file());
}

#[test]
fn what_is_queued_when_the_pool_is_cut_is_refused() {
    let (pool, _runtime) = pool(limits(1, 10));
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let blocking = move || {
        started.send(()).expect("the test listens");
        let _ = released.recv();
    };
    pool.submit_work(blocking).expect("there is room");
    has_started.recv_timeout(LONG).expect("it started");
    let (say, hear) = mpsc::channel();
    for _ in 0..3 {
        let say = say.clone();
        // Of the class that holds the thread: the reserve takes none of them.
        let job = pool.job(0, move |turn| {
            say.send(turn).expect("the test listens");
            None
        });
        pool.submit(job).expect("there is room");
    }
    assert_eq!(pool.cut(), 3);
    let turns: Vec<_> = hear.try_iter().collect();
    assert_eq!(turns, [Disposition::Cut; 3]);
    assert_eq!(pool.submit_work(|| ()), Err(SubmitError::Closed));
    drop(release);
    pool.wait_until_quiet();
}

#[test]
fn threads_grow_to_their_limit_and_no_further() {
    let (pool, _runtime) = pool(limits(3, 16));
    let (started, has_started) = mpsc::channel();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    for _ in 0..8 {
        let (started, released) = (started.clone(), released.clone());
        let blocking = move || {
            started.send(()).expect("the test listens");
            let _ = released.recv();
        };
        pool.submit_work(blocking).expect("there is room");
    }
    for _ in 0..3 {
        has_started.recv_timeout(LONG).expect("three run");
    }
    assert!(
        has_started.recv_timeout(Duration::from_millis(50)).is_err(),
        "a fourth runs"
    );
    drop(release);
    for _ in 0..5 {
        has_started.recv_timeout(LONG).expect("the rest runs");
    }
    pool.wait_until_quiet();
}

/// Every thread is taken by one class; another still finds one.
#[test]
fn one_thread_is_kept_for_classes_that_hold_none() {
    let (pool, _runtime) = pool(limits(2, 16));
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    for _ in 0..8 {
        let released = released.clone();
        let blocking = move || {
            let _ = released.recv();
        };
        pool.submit_of(0, blocking).expect("there is room");
    }
    let (say, hear) = mpsc::channel();
    for _ in 0..3 {
        let say = say.clone();
        let name = move || {
            let name = std::thread::current().name().map(str::to_owned);
            say.send(name).expect("the test listens");
        };
        pool.submit_of(1, name).expect("there is room");
    }
    for _ in 0..3 {
        assert!(hear.recv_timeout(LONG).expect("it ran").is_some());
    }
    drop(release);
    pool.wait_until_quiet();
}

/// Computations of an unknown class: as many at once as there are processors until
/// they are known for long, then as many long ones beside those, and on a machine that
/// other programs keep busy as many again. A thread that is found blocked, on a page fault
/// or a lock of the allocator, lets another begin beside it: that is rare, so that the
/// bound is for 95 of 100. `policy_tests` hold the exact bound against a machine that is
/// computed; this test proves that real threads keep to it, where all could run at once.
#[test]
fn no_more_compute_at_once_than_there_are_processors() {
    let cores = cores::allowed().ceil() as usize;
    let tickets = 64 * cores;
    let (pool, _runtime) = pool(limits(tickets, tickets));
    let running = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (say, hear) = mpsc::channel();
    for _ in 0..tickets {
        let (running, say) = (Arc::clone(&running), say.clone());
        let compute = move || {
            let others = running.fetch_add(1, Ordering::SeqCst);
            let sum = (0..2_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
            running.fetch_sub(1, Ordering::SeqCst);
            say.send((others + 1, sum)).expect("the test listens");
        };
        pool.submit_work(compute).expect("there is room");
    }
    drop(say);
    let mut at_once: Vec<_> = hear.iter().map(|(at_once, _)| at_once).collect();
    at_once.sort_unstable();
    let most = at_once[at_once.len() * 95 / 100];
    assert!(most <= 3 * cores + 2, "{at_once:?} on {cores}");
    pool.wait_until_quiet();
}

#[test]
fn closing_finishes_what_is_queued_and_joins_everybody() {
    let (pool, runtime) = pool(limits(2, 64));
    let (say, hear) = mpsc::channel();
    for number in 0..32 {
        let say = say.clone();
        pool.submit_work(move || say.send(number).expect("the test listens"))
            .expect("there is room");
    }
    pool.close();
    assert_eq!(pool.submit_work(|| ()), Err(SubmitError::Closed));
    runtime.block_on(pool.join());
    drop(say);
    assert_eq!(hear.iter().count(), 32);
}

/// An idle pool is closed and joined as well.
#[test]
fn closing_wakes_who_rests() {
    let (pool, runtime) = pool(limits(4, 64));
    for _ in 0..16 {
        pool.submit_work(|| std::thread::sleep(Duration::from_millis(2)))
            .expect("there is room");
    }
    pool.wait_until_quiet();
    pool.close();
    runtime.block_on(pool.join());
    assert_eq!(pool.gauges().threads, 0);
}

/// A class that was brief a thousand times blocks: the worker that runs it looks
/// on, so no other worker is woken until the scan finds it blocked.
#[test]
fn a_brief_class_that_blocks_holds_nobody_up() {
    let (pool, _runtime) = pool(limits(4, 4000));
    let timing = |_| {
        Some(Timing {
            detail: Some(Detail {
                cpu_ns: 2_000,
                ..Detail::default()
            }),
            ..Timing::default()
        })
    };
    for _ in 0..1000 {
        let job = pool.job(0, timing);
        pool.submit(job).expect("there is room");
    }
    pool.wait_until_quiet();
    let (release, released) = mpsc::channel::<()>();
    let blocking = move || {
        let _ = released.recv();
    };
    pool.submit_work(blocking).expect("there is room");
    let (say, hear) = mpsc::channel();
    pool.submit_work(move || say.send(()).expect("the test listens"))
        .expect("there is room");
    hear.recv_timeout(LONG).expect("it is not held up");
    drop(release);
    pool.wait_until_quiet();
}
