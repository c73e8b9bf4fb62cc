//! The lane without HTTP: closures that run in worker processes. A worker is this very
//! test, run once more: it comes to `sockets()` again and becomes a worker there.

use std::{
    convert::Infallible, future::Future, hash::Hasher, path::PathBuf, sync::Arc, thread,
    time::Duration,
};

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::*;
use crate::{background, clock, ticket::Ticket};

const LONG: Duration = Duration::from_secs(60);
const LARGE: usize = 300_000;

/// A call whose head is a word and whose answer's head is a text.
struct Word(&'static str);

impl Caller for Word {
    type Answer = String;
    type OffLoopError = Infallible;

    fn write_head(&self, into: &mut HeadBuffer<'_>) -> Result<(), TooLong> {
        into.write(self.0)
    }

    fn hash_identity(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.0.as_bytes());
    }

    fn read_answer(&self, head: HeadBytes<'_>, body_bytes: u64) -> Result<String, Malformed> {
        match head.read()? {
            "unwanted" => Err(Malformed::new(format!("{body_bytes} unwanted bytes"))),
            text => Ok(String::from(text)),
        }
    }

    async fn off_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Infallible> {
        Ok(work())
    }
}

/// What the worker does: the word of the head says it.
fn run(
    call: IncomingCall<'_>,
) -> Result<Outcome<impl FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong> + use<>>, types::BoxError>
{
    let IncomingCall {
        class, head, body, ..
    } = call;
    let word: &str = head.read()?;
    if word == "exit" {
        std::process::exit(9);
    }
    let text = match word {
        "unwanted" => word.to_owned(),
        _ => format!("{word} in class {class} of {}", std::process::id()),
    };
    Ok(Outcome {
        write_head: move |into: &mut HeadBuffer<'_>| into.write(&text),
        body: body.iter().rev().copied().collect(),
        timing: None,
        retires: false,
    })
}

/// The workers of a test; in a worker it does not return.
fn workers(runtime: &Runtime) -> Workers {
    const FINGERPRINT: u64 = 5;
    if let Some(sockets) = sockets() {
        let limits = ResourceLimits {
            memory_bytes: 1 << 30,
            cpu_seconds: None,
            files: 256,
        };
        serve_worker(sockets, false, || {
            Some(WorkerSetup {
                fingerprint: FINGERPRINT,
                limits: vec![limits; 2],
                run,
            })
        });
    }
    let mut program = Program::other(std::env::current_exe().expect("this program"), None);
    let test = thread::current().name().expect("a test's name").to_owned();
    program.arguments = [test.as_str(), "--exact", "--nocapture"]
        .map(Into::into)
        .into();
    let config = WorkersConfig {
        program,
        processes_max: 1,
        queue_depth: 4,
        segment_limit: 16 << 20,
        recycle_calls: 0,
        recycle_memory: 0,
        fingerprint: FINGERPRINT,
        class_names: vec!["first".to_owned(), "second".to_owned()],
    };
    Workers::start(config, runtime.handle().clone()).expect("a supervisor")
}

fn call(
    workers: &Workers,
    word: &'static str,
    body: impl Into<Bytes>,
) -> impl Future<Output = Result<Answered<String>, CallError<Infallible>>> {
    workers.call(ProcessCall {
        caller: Word(word),
        class: 1,
        body: vec![body.into()],
        deadline: Some(clock::now() + LONG),
        wait_until: clock::now() + LONG,
        ticket: Arc::new(Ticket::new(Arc::default())),
        cancel: CancelHandle::default(),
        may_share_answer: false,
    })
}

#[test]
fn a_closure_runs_in_a_worker_process_without_http() {
    let runtime = Runtime::new().unwrap();
    let workers = workers(&runtime);
    runtime.block_on(async {
        let answered = call(&workers, "reverse", "abc").await.unwrap();
        let pid = workers.gauges()[0].pid.unwrap();
        assert_ne!(pid.unsigned_abs(), std::process::id());
        assert_eq!(answered.head, format!("reverse in class 1 of {pid}"));
        assert_eq!(answered.body, "cba");

        let mut large = vec![1; LARGE];
        large[0] = 2;
        let answered = call(&workers, "reverse", large).await.unwrap();
        assert_eq!((answered.body.len(), answered.body[LARGE - 1]), (LARGE, 2));
        assert!(workers.segment_bytes() >= LARGE);
        workers.close();
        workers.join().await;
    });
    assert_eq!(workers.ended(WorkerEnd::Recycled), 1);
}

#[test]
fn a_worker_that_ends_or_sends_what_it_must_not_is_replaced() {
    let runtime = Runtime::new().unwrap();
    let workers = workers(&runtime);
    runtime.block_on(async {
        let before = call(&workers, "one", "").await.unwrap().head;
        let died = call(&workers, "exit", "").await.err();
        assert!(matches!(died, Some(CallError::Died(_))), "{died:?}");

        let after = call(&workers, "one", "").await.unwrap().head;
        assert_ne!(before, after);
        match call(&workers, "unwanted", "abc").await.err() {
            Some(CallError::Malformed(_, what)) => {
                assert_eq!(what.to_string(), "3 unwanted bytes");
            }
            other => panic!("{other:?}"),
        }
        assert_ne!(call(&workers, "one", "").await.unwrap().head, after);
        workers.close();
        workers.join().await;
    });
    let ended = |how| workers.ended(how);
    assert_eq!(
        (ended(WorkerEnd::Crashed), ended(WorkerEnd::Broken)),
        (1, 1)
    );
}

#[test]
fn a_call_that_ended_two_workers_is_not_tried_again() {
    let runtime = Runtime::new().unwrap();
    let workers = workers(&runtime);
    runtime.block_on(async {
        for _ in 0..2 {
            let died = call(&workers, "exit", "body").await.err();
            assert!(matches!(died, Some(CallError::Died(_))), "{died:?}");
        }
        let refused = call(&workers, "exit", "body").await.err();
        let is_poison = matches!(refused, Some(CallError::NotTaken(NotTaken::Poison(_))));
        assert!(is_poison, "{refused:?}");
        assert!(call(&workers, "one", "body").await.is_ok());
    });
}

#[test]
fn the_supervisor_of_workers_goes_on_to_its_end() {
    let runtime = Runtime::new().unwrap();
    let config = WorkersConfig {
        program: Program::other(PathBuf::from("/bin/true"), None),
        processes_max: 1,
        queue_depth: 1,
        segment_limit: 1 << 20,
        recycle_calls: 0,
        recycle_memory: 0,
        fingerprint: 0,
        class_names: Vec::new(),
    };
    let workers = Workers::start(config, runtime.handle().clone()).unwrap();
    let failing = background::fail("hybrid-process");
    let until = clock::now() + LONG;
    while failing.count() == 0 {
        assert!(clock::now() < until, "it never failed");
        workers.wake_supervisor();
        thread::sleep(Duration::from_millis(1));
    }
    workers.close();
    runtime.block_on(workers.join());
    assert!(workers.has_ended(), "its thread ended by the panic");
}
