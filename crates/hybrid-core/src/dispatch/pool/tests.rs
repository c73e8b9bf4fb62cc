use std::{sync::mpsc, time::Duration};

use super::*;

const LONG: Duration = Duration::from_secs(30);

fn pool(threads_max: usize, queue_depth: usize) -> (Pool, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let limits = Limits {
        queue_depth,
        threads_max,
        nice: 10,
    };
    let pool = Pool::start(limits, runtime.handle().clone()).expect("a keeper");
    (pool, runtime)
}

#[test]
fn jobs_run_on_named_threads() {
    let (pool, _runtime) = pool(2, 4);
    let (say, hear) = mpsc::channel();
    let job = move || {
        let name = std::thread::current().name().map(str::to_owned);
        say.send(name).expect("the test listens");
    };
    pool.submit(Box::new(job)).expect("there is room");
    assert_eq!(
        hear.recv_timeout(LONG).expect("it ran").as_deref(),
        Some("hybrid-pool-1")
    );
}

#[test]
fn a_full_queue_refuses_at_once() {
    let (pool, _runtime) = pool(1, 2);
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let blocking = move || {
        started.send(()).expect("the test listens");
        let _ = released.recv();
    };
    pool.submit(Box::new(blocking)).expect("there is room");
    has_started.recv_timeout(LONG).expect("it started");
    pool.submit(Box::new(|| ())).expect("the queue holds two");
    pool.submit(Box::new(|| ())).expect("the queue holds two");
    assert_eq!(pool.submit(Box::new(|| ())), Err(Refused::Full));
    drop(release);
}

#[test]
fn a_panic_costs_no_thread() {
    let (pool, _runtime) = pool(1, 2000);
    for _ in 0..1000 {
        pool.submit(Box::new(|| panic!("a job")))
            .expect("there is room");
    }
    let (say, hear) = mpsc::channel();
    pool.submit(Box::new(move || say.send(()).expect("the test listens")))
        .expect("room");
    hear.recv_timeout(LONG).expect("the thread lives");
    assert_eq!(pool.shared.threads.load(Ordering::SeqCst), 1);
}

#[test]
fn threads_grow_to_their_limit_and_no_further() {
    let (pool, _runtime) = pool(3, 16);
    let (started, has_started) = mpsc::channel();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    for _ in 0..8 {
        let (started, released) = (started.clone(), released.clone());
        let blocking = move || {
            started.send(()).expect("the test listens");
            let _ = released.recv();
        };
        pool.submit(Box::new(blocking)).expect("there is room");
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
}

#[test]
fn closing_finishes_what_is_queued_and_joins_everybody() {
    let (pool, runtime) = pool(2, 64);
    let (say, hear) = mpsc::channel();
    for number in 0..32 {
        let say = say.clone();
        pool.submit(Box::new(move || {
            say.send(number).expect("the test listens")
        }))
        .expect("there is room");
    }
    pool.close();
    assert_eq!(pool.submit(Box::new(|| ())), Err(Refused::Closed));
    runtime.block_on(pool.join());
    drop(say);
    assert_eq!(hear.iter().count(), 32);
}
