//! Closures on a pool without a server.

use std::{
    pin::Pin,
    sync::{Arc, mpsc},
    task::{Context, Waker},
};

use tokio::runtime::Runtime;

use super::{JobOptions, RunError};
use crate::{Class, Engine, Lane, clock, pool::Limits};

/// An engine with one class and one thread.
fn engine(runtime: &Runtime) -> Engine {
    let limits = Limits {
        queue_depth: 2,
        threads_max: 1,
        ..Limits::default()
    };
    let classes = vec![Class::on_pool(0, "jobs")];
    Engine::start(classes, limits, runtime.handle().clone()).expect("an engine")
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// Polls a future once.
fn is_pending<F: Future>(future: Pin<&mut F>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_pending()
}

/// A job that has begun, and ends when the sender is dropped.
async fn held(engine: &Engine) -> (mpsc::Sender<()>, tokio::task::JoinHandle<bool>) {
    let (release, released) = mpsc::channel::<()>();
    let (begun, mut begins) = tokio::sync::mpsc::channel(1);
    let engine = engine.clone();
    let job = tokio::spawn(async move {
        let job = engine.run(0, move || {
            begun.blocking_send(()).expect("the test waits");
            let _ = released.recv();
        });
        job.await.is_ok()
    });
    begins.recv().await.expect("it begins");
    (release, job)
}

#[test]
fn a_closure_runs_on_a_pool_thread_and_is_counted() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let name = || std::thread::current().name().map(str::to_owned);
    let ran = runtime.block_on(engine.run(0, name)).unwrap();
    assert!(ran.unwrap().starts_with("hybrid-pool-"));
    engine.telemetry.merge();
    engine.telemetry.with_table(|table| {
        let totals = table.class(0);
        assert_eq!(
            (totals.requests, totals.errors, totals.in_flight),
            (1, 0, 0)
        );
        assert_eq!(totals.lane(Lane::Pool).runs, 1);
    });
}

#[test]
fn a_panic_is_the_error_of_its_job_and_the_thread_goes_on() {
    let runtime = runtime();
    let engine = engine(&runtime);
    let ran = runtime.block_on(engine.run(0, || panic!("boom")));
    match ran {
        Err(RunError::Panicked(panicked)) => assert_eq!(panicked.0, "boom"),
        other => panic!("{other:?}"),
    }
    assert_eq!(runtime.block_on(engine.run(0, || 1)).unwrap(), 1);
}

#[test]
fn a_job_whose_deadline_passes_in_the_queue_never_runs() {
    let runtime = runtime();
    let engine = engine(&runtime);
    runtime.block_on(async {
        let (release, first) = held(&engine).await;
        let value = Arc::new(());
        let in_job = Arc::clone(&value);
        let options = JobOptions {
            deadline: Some(clock::now()),
            ..JobOptions::default()
        };
        let ran = engine.run_with(0, options, move || drop(in_job)).await;
        assert!(matches!(ran, Err(RunError::Deadline)), "{ran:?}");
        assert_eq!(Arc::strong_count(&value), 1, "what it held is free at once");
        drop(release);
        assert!(first.await.unwrap());
    });
}

#[test]
fn a_job_that_is_dropped_in_the_queue_never_runs_and_has_left() {
    let runtime = runtime();
    let engine = engine(&runtime);
    runtime.block_on(async {
        let (release, first) = held(&engine).await;
        let (ran, runs) = mpsc::channel::<()>();
        let mut second = Box::pin(engine.run(0, move || ran.send(()).unwrap()));
        assert!(is_pending(second.as_mut()));
        drop(second);
        drop(release);
        assert!(first.await.unwrap());
        assert_eq!(engine.run(0, || 2).await.unwrap(), 2);
        assert!(runs.recv().is_err(), "it never ran");
    });
    engine.telemetry.merge();
    let in_flight = engine
        .telemetry
        .with_table(|table| table.class(0).in_flight);
    assert_eq!(in_flight, 0);
}

#[test]
fn a_full_queue_and_a_closed_pool_refuse_at_once() {
    let runtime = runtime();
    let engine = engine(&runtime);
    runtime.block_on(async {
        let (release, first) = held(&engine).await;
        let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(engine.run(0, || ()))).collect();
        for job in &mut waiting {
            assert!(is_pending(job.as_mut()));
        }
        let refused = engine.run(0, || ()).await.unwrap_err();
        assert!(matches!(refused, RunError::Full), "{refused:?}");
        drop(release);
        assert!(first.await.unwrap());
        for job in waiting {
            job.await.unwrap();
        }
        engine.pool.close();
        let closed = engine.run(0, || ()).await.unwrap_err();
        assert!(matches!(closed, RunError::Closed), "{closed:?}");
    });
}
