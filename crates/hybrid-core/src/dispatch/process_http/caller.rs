//! A request as the caller of the process lane, and what the client is told where there
//! is no answer.

use std::{future::Future, hash::Hasher, sync::Arc};

use hybrid_engine::{
    process::{Answered, CallError, Caller, HeadBuffer, HeadBytes, Malformed, NotTaken, TooLong},
    telemetry::Shed,
};

use super::{BodyState, CheckedResponse, request, response};
use crate::{
    Response,
    body::Body,
    context::{Parts, Running},
    log::requests::Failure,
    offload::{PoolError, run_uncounted},
    problem::{Problem, kinds},
};

/// A request that is answered by a worker process.
pub(crate) struct HttpCaller {
    pub(crate) parts: Arc<Parts>,
    pub(crate) running: Running,
    pub(crate) body: BodyState,
}

pub(crate) type HttpAnswer = Answered<CheckedResponse>;

/// Why a request has no answer of a worker.
pub(crate) type CallFailure = CallError<PoolError>;

pub(crate) type HttpResult = Result<HttpAnswer, CallFailure>;

impl Caller for HttpCaller {
    type Answer = CheckedResponse;
    type OffLoopError = PoolError;

    fn write_head(&self, into: &mut HeadBuffer<'_>) -> Result<(), TooLong> {
        request::write(&self.parts.head, self.body, into)
    }

    fn hash_identity(&self, hasher: &mut dyn Hasher) {
        let head = &self.parts.head;
        request::hash_identity(&head.method, &head.uri, hasher);
    }

    fn read_answer(
        &self,
        head: HeadBytes<'_>,
        body_bytes: u64,
    ) -> Result<CheckedResponse, Malformed> {
        response::read(head, &self.parts.head.method, body_bytes)
    }

    fn off_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, PoolError>> + Send {
        run_uncounted(&self.running, work)
    }
}

/// The response that a worker answered.
pub(crate) fn into_response(answer: HttpAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.head.status;
    *response.headers_mut() = answer.head.headers;
    if let Some(text) = answer.head.failure {
        response.extensions_mut().insert(Failure(text));
    }
    response
}

/// What the client is told of a failure; the rest reaches the log.
pub(crate) fn problem_of(failure: CallFailure, handler: &str) -> Problem {
    let crashed = |text: String| {
        Problem::of(&kinds::WORKER_CRASHED).with_detail(format!("`{handler}`: {text}"))
    };
    match failure {
        CallError::NotTaken(why) => problem_of_refusal(why),
        CallError::Died(pid) => crashed(format!("worker {pid} ended during the call")),
        CallError::Malformed(pid, what) => {
            crashed(format!("worker {pid} sent a malformed message: {what}"))
        }
        CallError::OffLoop(error) => error.problem(),
        CallError::NoMemory => {
            Problem::overloaded("no shared memory is left for a body of this size")
        }
        CallError::HeadTooLong => Problem::of(&kinds::HEADERS_TOO_LARGE)
            .with_detail("the head is too large for a worker process, which takes 64 KiB"),
    }
}

fn problem_of_refusal(why: NotTaken) -> Problem {
    match why {
        NotTaken::QueueFull => Problem::overloaded("too many requests wait for a worker process"),
        NotTaken::ExpectedWait(expected) => {
            Problem::overloaded_for(expected, "no worker process is expected to be free in time")
        }
        NotTaken::Waited => Problem::overloaded("no worker process was free in time"),
        NotTaken::NoWorker(left) => {
            Problem::overloaded_for(left, "no worker process can be started at the moment")
        }
        NotTaken::Poison(left) => Problem::overloaded_for(
            left,
            "this very request ended its worker process more than once",
        ),
        NotTaken::Deadline => Problem::handler_timeout(),
        NotTaken::Closed => Problem::shutting_down(),
    }
}

/// What a refused request is counted as.
pub(crate) fn shed_of(failure: &CallFailure) -> Option<Shed> {
    let CallError::NotTaken(why) = failure else {
        return None;
    };
    Some(match why {
        NotTaken::QueueFull => Shed::QueueFull,
        NotTaken::ExpectedWait(_) => Shed::ExpectedWait,
        NotTaken::Waited => Shed::Waited,
        NotTaken::NoWorker(_) => Shed::NoWorker,
        NotTaken::Poison(_) => Shed::Poison,
        NotTaken::Closed => Shed::Closed,
        NotTaken::Deadline => return None,
    })
}
