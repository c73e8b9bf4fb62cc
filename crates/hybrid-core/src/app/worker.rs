//! An application inside a worker process: it is built there as in its server, and runs
//! one request after the other.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hybrid_engine::{
    catch::{Panicked, catch},
    clock,
    process::{
        HeadBuffer, IncomingCall, Outcome, ResourceLimits, Sockets, TooLong, WorkerSetup,
        serve_worker,
    },
    ticket::Cancel,
};
use tokio::runtime::{Builder, Runtime};

use super::{App, AppHandle, BuiltApp, Configured, Purpose, build, settings};
use crate::{
    BoxError,
    body::Body,
    config::Settings,
    context::{Parts, Processes, SharedReservation},
    dispatch::{
        Work, Worked,
        process_http::{self, BodyState},
    },
    error::Error,
    head::{Head, Matched, RequestHead, Route},
    log::{self, stderr},
    problem::Problem,
    respond::IntoResponse,
    server::Application,
    spec::Lane,
};

/// Is a worker from here on, until the server ends it.
pub(super) fn serve(app: App, sockets: Sockets) -> ! {
    let resolved = settings(&app.config, Purpose::Worker);
    log::start_in_worker(&resolved.settings);
    serve_worker(sockets, resolved.settings.sandbox, || {
        let worker = match AppWorker::start(app, resolved) {
            Ok(worker) => worker,
            Err(error) => {
                stderr::say(&format!("{error:?}"));
                return None;
            }
        };
        Some(WorkerSetup {
            fingerprint: worker.fingerprint(),
            limits: worker.limits(),
            run: move |call: IncomingCall<'_>| worker.run(call),
        })
    })
}

struct AppWorker {
    app: AppHandle,
    runtime: Runtime,
}

impl AppWorker {
    fn start(app: App, resolved: Configured) -> Result<Self, Error> {
        let runtime = runtime()?;
        let built = build(app, resolved, Purpose::Worker, runtime.handle())?;
        Ok(Self {
            app: BuiltApp::connect(&built.app),
            runtime,
        })
    }

    fn fingerprint(&self) -> u64 {
        match self.app.context().processes() {
            Processes::Here { fingerprint } => *fingerprint,
            Processes::OnPool | Processes::InWorkers(_) => 0,
        }
    }

    /// What a request of each route may use.
    fn limits(&self) -> Vec<ResourceLimits> {
        let settings = self.app.context().settings();
        let routes = self.app.context().routes().iter();
        routes.map(|route| limits_of(route, settings)).collect()
    }

    fn run(
        &self,
        call: IncomingCall<'_>,
    ) -> Result<Outcome<impl FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong> + use<>>, BoxError>
    {
        let _runtime = self.runtime.enter();
        let route = self
            .app
            .context()
            .routes()
            .get(call.class)
            .ok_or("no such route")?;
        let call_class = call.class;
        let work = self.work_of(call, route)?;
        // The handler's panics are caught further in. What is left is what its values
        // do when they are dropped.
        let worked =
            catch(|| self.app.endpoint(call_class).work(work)).unwrap_or_else(panicked_late);
        let (head, body) = worked.response.into_parts();
        let refused = worked.refused;
        Ok(Outcome {
            write_head: move |into: &mut HeadBuffer<'_>| {
                process_http::write_response(&head, refused, into)
            },
            // A process route's endpoint has gathered it.
            body: body
                .try_into_bytes()
                .map_err(|_| "a body that is not complete")?,
            timing: worked.timing,
            // The next worker may have more luck with its states.
            retires: route.states.have_failed(),
        })
    }

    /// The call as the request that it was.
    fn work_of(&self, call: IncomingCall<'_>, route: &Arc<Route>) -> Result<Work, BoxError> {
        let request = process_http::read_request(call.head)?;
        let matched = Matched {
            route: Arc::clone(route),
            values: request.path_values,
        };
        // When its time began, so that guards have what is left of it.
        let received = match (call.deadline, route.timeout) {
            (Some(deadline), Some(timeout)) => deadline - timeout,
            _ => clock::now(),
        };
        Ok(Work {
            parts: Parts {
                head: Head::new(RequestHead::new(request.http, request.peer), Some(matched)),
                context: self.app.context().clone(),
                lane: Lane::Process,
                received,
                cancel: Cancel::of(call.ticket),
                reservation: SharedReservation::default(),
            },
            body: match request.body {
                BodyState::Complete => call.body.into(),
                BodyState::TooLarge => Body::new(UnreadBody { is_declared: true }),
                BodyState::Unread => Body::new(UnreadBody { is_declared: false }),
            },
            deadline: call.deadline,
        })
    }
}

/// What a handler's futures and its states' tasks run on.
fn runtime() -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("hybrid-loop-0")
        .enable_all()
        .build()
        .map_err(|error| Error::one("a worker's runtime could not be started", error))
}

fn panicked_late(Panicked(text): Panicked) -> Worked {
    let problem = Problem::internal(format!("after its handler, a request panicked: {text}"));
    Worked {
        response: problem.into_response(),
        timing: None,
        refused: Vec::new(),
    }
}

fn limits_of(route: &Route, settings: &Settings) -> ResourceLimits {
    let seconds = |span: Duration| {
        let whole = span.as_secs() + u64::from(span.subsec_nanos() > 0);
        (whole > 0).then(|| u32::try_from(whole).unwrap_or(u32::MAX))
    };
    ResourceLimits {
        memory_bytes: route.spec.worker_memory.unwrap_or(settings.worker_memory),
        cpu_seconds: route
            .spec
            .worker_cpu_s
            .or_else(|| seconds(settings.worker_cpu)),
        files: settings.worker_files,
    }
}

/// A body that the server did not pass on: too large, or of a type that is refused. It
/// is judged as any other body.
struct UnreadBody {
    is_declared: bool,
}

impl http_body::Body for UnreadBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Err("the server did not pass the body on".into())))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(if self.is_declared { u64::MAX } else { 1 });
        hint
    }
}
