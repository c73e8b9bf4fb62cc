//! What runs inside a worker process: it takes one call after the other, runs the
//! handler on its own thread and answers. The server ends it; it ends by itself
//! when the server is gone.
//!
//! Three threads besides the runtime's: this one, one that listens to the server's
//! orders while a handler runs, and one for signals.

mod orders;
mod reply;
mod request;

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use super::{
    Processes,
    frame::{self, FromWorker, MESSAGE_BYTES_MAX, Ready, ToWorker},
    limits::{self, InForce, Limits},
    sandbox,
    segment::{Mapped, Returns},
    socket,
    spawn::Sockets,
};
use crate::{
    BoxError, Response,
    app::{self, App, AppHandle, BuiltApp, Configured, Purpose},
    body::Body,
    config::Settings,
    context::Parts,
    dispatch::{
        catch::{Panicked, catch},
        ticket::Ticket,
    },
    error::Error,
    head::Route,
    log::{self, stderr},
    problem::Problem,
    respond::IntoResponse,
    server::Application,
    telemetry::{clock::Instant, timing::Timing},
};

/// The stack of the thread that handlers run on: that of a main thread.
const STACK_BYTES: usize = 8 << 20;

/// What a worker knows of itself.
#[derive(Debug)]
pub(crate) struct Inside {
    /// A number that stands for its routes.
    pub(crate) fingerprint: u64,
}

/// A call on its way to its handler.
pub(crate) struct Work {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) deadline: Option<Instant>,
}

/// What came of it.
pub(crate) struct Worked {
    pub(crate) response: Response,
    pub(crate) timing: Option<Timing>,
    /// Where the values stood that were refused, as numbers of sources.
    pub(crate) refused: Vec<u8>,
}

/// Is a worker from here on, until the server ends it.
pub(crate) fn serve(app: App, sockets: Sockets) -> ! {
    // What `ps` shows where this is the main thread; a name that the system refuses
    // is only less clear.
    let _ = rustix::thread::set_name(c"hybrid-worker");
    let resolved = app::settings(&app.config, Purpose::Worker);
    log::start_in_worker(&resolved.settings);
    if let Err(error) = limits::die_before_the_server() {
        // It is killed as the server is: no worse than any program's child.
        tracing::debug!(%error, "the score for when memory runs out stays as it is");
    }
    // First of all, so that every thread from here on is confined, as this one is.
    let notes = if resolved.settings.sandbox {
        sandbox::confine()
    } else {
        Vec::new()
    };
    // A thread of its own: the caller may be inside a runtime, and the name and the
    // stack are known.
    let thread = std::thread::Builder::new()
        .name("hybrid-process".to_owned())
        .stack_size(STACK_BYTES);
    let code = std::thread::scope(|scope| {
        let running = thread.spawn_scoped(scope, || match start(app, sockets, resolved, &notes) {
            Ok(worker) => worker.run(),
            Err(error) => {
                stderr::say(&format!("{error:?}"));
                1
            }
        });
        running.map_or(1, |running| running.join().unwrap_or(101))
    });
    std::process::exit(code);
}

struct Worker {
    app: AppHandle,
    runtime: Runtime,
    calls: OwnedFd,
    limits: InForce,
    maps: Maps,
    returns: Arc<Returns>,
    current: Current,
}

/// The segments that are mapped, by their number.
type Maps = Arc<Mutex<HashMap<u32, Arc<Mapped>>>>;
/// The call that runs, for those who may end it.
type Current = Arc<Mutex<Option<(u64, Arc<Ticket>)>>>;

fn start(
    app: App,
    sockets: Sockets,
    resolved: Configured,
    notes: &[String],
) -> Result<Worker, Error> {
    let Sockets {
        calls,
        control,
        server,
    } = sockets;
    let runtime = runtime()?;
    let built = app::build(app, resolved, Purpose::Worker, runtime.handle())?;
    let (maps, current) = (Maps::default(), Current::default());
    orders::listen_to_orders(control, Arc::clone(&maps), Arc::clone(&current))
        .map_err(|error| Error::one("a worker could not listen to its server", error))?;
    orders::listen_to_signals(server)
        .map_err(|error| Error::one("a worker could not listen to signals", error))?;
    let worker = Worker {
        app: BuiltApp::connect(&built.app),
        runtime,
        calls,
        limits: InForce::new(),
        maps,
        returns: Arc::default(),
        current,
    };
    worker
        .say_ready(notes)
        .map_err(|error| Error::one("a worker could not say that it is ready", error))?;
    Ok(worker)
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === The loop ===

impl Worker {
    fn fingerprint(&self) -> u64 {
        match self.app.context().processes() {
            Processes::Inside(inside) => inside.fingerprint,
            Processes::OnPool | Processes::Apart(_) => 0,
        }
    }

    fn say_ready(&self, notes: &[String]) -> io::Result<()> {
        let ready = Ready {
            version: frame::VERSION,
            fingerprint: self.fingerprint(),
            notes: notes.iter().map(String::as_str).collect(),
        };
        self.send(&FromWorker::Ready(ready), &mut Vec::new())
    }

    /// Takes calls until the server wants no more.
    fn run(mut self) -> i32 {
        let runtime = self.runtime.handle().clone();
        let _runtime = runtime.enter();
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let mut reply = Vec::with_capacity(MESSAGE_BYTES_MAX);
        loop {
            let mut fds = Vec::new();
            let length = match socket::receive(&self.calls, &mut buffer, &mut fds) {
                Ok(0) => return 0,
                Ok(length) => length,
                Err(error) => {
                    stderr::say(&format!("a worker cannot read its calls: {error}"));
                    return 1;
                }
            };
            // It is the server that speaks, of the same version: whatever cannot be
            // read is a fault of ours, and the request is better answered by nobody.
            let answered = match frame::decode(&buffer[..length]) {
                Ok(ToWorker::Call(call)) => self.answer(&call, fds, &mut reply),
                Ok(ToWorker::Lend { .. } | ToWorker::Refuse) => {
                    Err("a segment nobody wanted".into())
                }
                Err(rubbish) => Err(rubbish.to_string().into()),
            };
            if let Err(error) = answered {
                stderr::say(&format!("a worker cannot answer a call: {error}"));
                return 1;
            }
        }
    }

    fn answer(
        &mut self,
        call: &frame::Call<'_>,
        fds: Vec<OwnedFd>,
        reply: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        for (id, fd) in call.segments_new.iter().zip(fds) {
            let mapped = Mapped::new(fd, *id)?;
            lock(&self.maps).insert(*id, mapped);
        }
        let number = call.number;
        let route = self
            .app
            .context()
            .routes()
            .get(call.route as usize)
            .ok_or("no such route")?;
        let route = Arc::clone(route);
        let ticket = Arc::new(Ticket::new(Arc::default()));
        ticket.start();
        *lock(&self.current) = Some((number, Arc::clone(&ticket)));
        let limits = limits_of(&route, self.app.context().settings());
        if let Err(why) = self.limits.apply(limits) {
            tracing::warn!("a limit could not be set: {why}");
        }
        let spare = call.spare;
        let work = self.work_of(call, &route, ticket)?;
        // The handler's panics are caught further in; what is left is what its values
        // do when they are dropped.
        let worked =
            catch(|| self.app.endpoint(route.index).work(work)).unwrap_or_else(dropped_badly);
        *lock(&self.current) = None;
        // The next worker may have more luck with its states.
        let is_spoilt = route.states.have_failed();
        self.send_answer(number, worked, spare, is_spoilt, reply)
    }

    fn send(&self, message: &FromWorker<'_>, reply: &mut Vec<u8>) -> io::Result<()> {
        reply.clear();
        frame::encode(message, reply).map_err(|error| io::Error::other(error.to_string()))?;
        socket::send(&self.calls, reply, &[])
    }
}

fn dropped_badly(Panicked(text): Panicked) -> Worked {
    let problem = Problem::internal(format!("after its handler, a request panicked: {text}"));
    Worked {
        response: problem.into_response(),
        timing: None,
        refused: Vec::new(),
    }
}

fn limits_of(route: &Route, settings: &Settings) -> Limits {
    let seconds = |span: Duration| {
        let whole = span.as_secs() + u64::from(span.subsec_nanos() > 0);
        (whole > 0).then(|| u32::try_from(whole).unwrap_or(u32::MAX))
    };
    Limits {
        memory_bytes: route.spec.worker_memory.unwrap_or(settings.worker_memory),
        cpu_seconds: route
            .spec
            .worker_cpu_s
            .or_else(|| seconds(settings.worker_cpu)),
        files: settings.worker_files,
    }
}
