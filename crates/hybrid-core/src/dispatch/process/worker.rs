//! What runs inside a worker process: it takes one call after the other, runs the
//! handler on its own thread and answers. The server ends it; it ends by itself
//! when the server is gone.
//!
//! Three threads besides the runtime's: this one, one that listens to the server's
//! orders while a handler runs, and one for signals.

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use http_body::{Frame, SizeHint};
use rustix::process::Pid;
use tokio::runtime::{Builder, Runtime};

use super::{
    Processes,
    frame::{
        self, Answer, AnswerBody, FromWorker, INLINE_BYTES_MAX, MESSAGE_BYTES_MAX, Order, Payload,
        Ran, RanDetail, Ready, Report, ToWorker,
    },
    limits::{InForce, Limits},
    sandbox,
    segment::{Held, Mapped, Returns},
    socket,
    spawn::Sockets,
};
use crate::{
    BoxError, Response,
    app::{self, App, For, Frozen, start_worker_log},
    body::Body,
    config::Settings,
    dispatch::{
        Cancel,
        catch::{Panicked, catch},
        ticket::Ticket,
    },
    error::Error,
    head::{Head, Matched, Parts},
    problem::Problem,
    respond::IntoResponse,
    router::Route,
    server::{ClientAddr, Peer},
    spec::Lane,
    telemetry::{
        clock::{self, Instant},
        timing::Timing,
    },
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
    // A thread of its own: the caller may be inside a runtime, and the name and the
    // stack are known.
    let thread = std::thread::Builder::new()
        .name("hybrid-process".to_owned())
        .stack_size(STACK_BYTES);
    let code = std::thread::scope(|scope| {
        let running = thread.spawn_scoped(scope, || match start(app, sockets) {
            Ok(worker) => worker.run(),
            Err(error) => {
                say(&format!("{error:?}"));
                1
            }
        });
        running.map_or(1, |running| running.join().unwrap_or(101))
    });
    std::process::exit(code);
}

/// To the server's log, where this process has none of its own yet.
#[expect(
    clippy::print_stderr,
    reason = "the report of a start that failed, as `main` writes it"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

struct Worker {
    app: Arc<Frozen>,
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

fn start(app: App, sockets: Sockets) -> Result<Worker, Error> {
    let Sockets {
        calls,
        control,
        server,
    } = sockets;
    // What `ps` shows; a name that the system refuses is only less clear.
    let _ = rustix::thread::set_name(c"hybrid-process");
    let resolved = app::settings(&app.config, For::Worker);
    let is_confined = resolved.0.sandbox;
    start_worker_log(&resolved.0);
    // First of all, so that every thread from here on is confined.
    let notes = if is_confined {
        sandbox::confine()
    } else {
        Vec::new()
    };
    let runtime = runtime()?;
    let built = app::build(app, resolved, For::Worker, runtime.handle())?;
    let (maps, current) = (Maps::default(), Current::default());
    listen_to_orders(control, Arc::clone(&maps), Arc::clone(&current))
        .map_err(|error| Error::one("a worker could not listen to its server", error))?;
    listen_to_signals(server)
        .map_err(|error| Error::one("a worker could not listen to signals", error))?;
    let worker = Worker {
        app: built.app,
        runtime,
        calls,
        limits: InForce::new(),
        maps,
        returns: Arc::default(),
        current,
    };
    worker
        .say_ready(&notes)
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

// === Besides the calls ===

/// Reads orders while a handler runs; ends the process when the server is gone.
fn listen_to_orders(control: OwnedFd, maps: Maps, current: Current) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("hybrid-orders".to_owned());
    thread.spawn(move || {
        let mut buffer = Vec::with_capacity(MESSAGE_BYTES_MAX);
        while let Ok(1..) = socket::receive_plain(&control, &mut buffer) {
            match frame::decode(&buffer) {
                Ok(Order::Ping(number)) => {
                    let mut pong = Vec::with_capacity(16);
                    // One that cannot be sent is missed, and then this process is killed.
                    let _ = frame::encode(&Report::Pong(number), &mut pong);
                    let _ = socket::send(&control, &pong, &[]);
                }
                Ok(Order::Cancel(number)) => {
                    if let Some((running, ticket)) = &*lock(&current)
                        && *running == number
                    {
                        ticket.cancel();
                    }
                }
                Ok(Order::Unmap(ids)) => {
                    let mut maps = lock(&maps);
                    ids.iter().for_each(|id| drop(maps.remove(id)));
                }
                Err(_) => break,
            }
        }
        std::process::exit(0);
    })?;
    Ok(())
}

/// A service manager that stops a program may signal all of its processes. Workers
/// have requests to finish then: they end when their server says so.
fn listen_to_signals(server: Pid) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::{SignalsInfo, exfiltrator::WithOrigin},
    };
    let mut signals = SignalsInfo::<WithOrigin>::new([SIGTERM, SIGINT, SIGHUP])?;
    let thread = std::thread::Builder::new().name("hybrid-signals".to_owned());
    thread.spawn(move || {
        for origin in &mut signals {
            let sender = origin.process.map(|process| process.pid);
            if origin.signal == SIGTERM && sender == Some(server.as_raw_pid()) {
                std::process::exit(128 + SIGTERM);
            }
        }
    })?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === The loop ===

impl Worker {
    fn fingerprint(&self) -> u64 {
        match self.app.processes() {
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
        let mut buffer = Vec::with_capacity(MESSAGE_BYTES_MAX);
        let mut reply = Vec::with_capacity(MESSAGE_BYTES_MAX);
        loop {
            let mut fds = Vec::new();
            match socket::receive(&self.calls, &mut buffer, &mut fds) {
                Ok(0) => return 0,
                Ok(_) => {}
                Err(error) => {
                    say(&format!("a worker cannot read its calls: {error}"));
                    return 1;
                }
            }
            // It is the server that speaks, of the same version: whatever cannot be
            // read is a fault of ours, and the request is better answered by nobody.
            let answered = match frame::decode(&buffer) {
                Ok(ToWorker::Call(call)) => self.answer(&call, fds, &mut reply),
                Ok(ToWorker::Lend { .. } | ToWorker::Refuse) => {
                    Err("a segment nobody wanted".into())
                }
                Err(rubbish) => Err(rubbish.to_string().into()),
            };
            if let Err(error) = answered {
                say(&format!("a worker cannot answer a call: {error}"));
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
            .routes()
            .get(call.route as usize)
            .ok_or("no such route")?;
        let route = Arc::clone(route);
        let ticket = Arc::new(Ticket::new(Arc::default()));
        ticket.start();
        *lock(&self.current) = Some((number, Arc::clone(&ticket)));
        let limits = limits_of(&route, self.app.settings());
        if let Err(why) = self.limits.apply(limits) {
            tracing::warn!("a limit could not be set: {why}");
        }
        let spare = call.spare;
        let work = self.work_of(call, &route, ticket)?;
        // The handler's panics are caught further in; what is left is what its values
        // do when they are dropped.
        let worked = catch(|| Arc::clone(&route.serve).work(work)).unwrap_or_else(dropped_badly);
        *lock(&self.current) = None;
        // The next worker may have more luck with its states.
        let is_spoilt = route.states.have_failed();
        self.send_answer(number, worked, spare, is_spoilt, reply)
    }

    /// A call as the request that it was.
    fn work_of(
        &self,
        call: &frame::Call<'_>,
        route: &Arc<Route>,
        ticket: Arc<Ticket>,
    ) -> Result<Work, BoxError> {
        let now = clock::now();
        let deadline = call
            .time_left_us
            .and_then(|left| now.checked_add(Duration::from_micros(left)));
        let mut http = http::Request::new(()).into_parts().0;
        http.method = Method::from_bytes(call.method.as_bytes())?;
        http.uri = call.target.parse::<Uri>()?;
        http.version = version_of(call.version);
        http.headers.reserve(call.headers.len());
        for (name, value) in &call.headers {
            http.headers.append(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_bytes(value)?,
            );
        }
        if let Some(ip) = call.client {
            http.extensions.insert(ClientAddr::of_ip(ip));
        }
        let matched = Matched {
            route: Arc::clone(route),
            values: call
                .values
                .iter()
                .map(|value| (*value).to_owned())
                .collect(),
        };
        // When its time began, so that guards have what is left of it.
        let received = match (deadline, route.timeout) {
            (Some(deadline), Some(timeout)) => deadline.checked_sub(timeout).unwrap_or(now),
            _ => now,
        };
        Ok(Work {
            parts: Parts {
                head: Head::new(Box::new(http), Peer { addr: call.peer }, Some(matched)),
                app: Arc::clone(&self.app),
                route: Arc::clone(route),
                lane: Lane::Process,
                received,
                cancel: Cancel::of(ticket),
            },
            body: self.body_of(&call.body)?,
            deadline,
        })
    }

    fn body_of(&self, payload: &Payload<'_>) -> Result<Body, BoxError> {
        Ok(match payload {
            Payload::Nothing => Body::empty(),
            Payload::Inline(bytes) => Bytes::copy_from_slice(bytes).into(),
            Payload::Segment { id, bytes } => {
                let mapped = lock(&self.maps)
                    .get(id)
                    .cloned()
                    .ok_or("an unknown segment")?;
                let held = Held::new(mapped, usize::try_from(*bytes)?, Arc::clone(&self.returns));
                Bytes::from_owner(held.ok_or("a segment that is too short")?).into()
            }
            Payload::TooLarge => Body::new(Refused { is_declared: true }),
            Payload::Unread => Body::new(Refused { is_declared: false }),
        })
    }

    // === answers ===

    fn send_answer(
        &self,
        number: u64,
        worked: Worked,
        spare: Option<u32>,
        is_spoilt: bool,
        reply: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        let (head, body) = worked.response.into_parts();
        // A process route's endpoint has gathered it.
        let bytes = body
            .try_into_bytes()
            .map_err(|_| "a body that is not there")?;
        let lies_in = self.segment_of(&bytes);
        let placed = match lies_in {
            Some((id, offset)) => Placed::Segment(id, offset),
            None if bytes.len() <= INLINE_BYTES_MAX => Placed::Inline,
            None => self.place(number, &bytes, spare, reply)?,
        };
        let mut returned = self.returns.take_all();
        // What is over is said with the next answer.
        let later = returned.len().min(frame::LIST_MAX - 2);
        returned
            .drain(later..)
            .for_each(|segment| self.returns.push(segment));
        if let Some(spare) = spare
            && !matches!(placed, Placed::Segment(id, _) if id == spare)
        {
            returned.push(spare);
        }
        if let Placed::Segment(id, _) = placed
            && lies_in.is_none()
        {
            // Written, and the server's from here on.
            returned.push(id);
        }
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let body = match placed {
            Placed::Nowhere => AnswerBody::Inline(&[]),
            Placed::Inline => AnswerBody::Inline(&bytes),
            Placed::Segment(id, offset) => AnswerBody::Segment {
                id,
                offset: offset as u64,
                bytes: bytes.len() as u64,
            },
        };
        let answer = Answer {
            call: number,
            status: head.status.as_u16(),
            headers: headers.collect(),
            ran: worked.timing.map(|timing| Ran {
                wall_ns: timing.wall_ns,
                detail: timing.detail.map(|detail| RanDetail {
                    cpu_ns: detail.cpu_ns,
                    delay_ns: detail.delay_ns,
                    blocked_ns: detail.blocked_ns,
                }),
            }),
            refused: worked.refused,
            body,
            returned,
            retires: is_spoilt,
        };
        Ok(self.send(&FromWorker::Answer(answer), reply)?)
    }

    /// Where the bytes lie in shared memory already: a piece of the request, say.
    fn segment_of(&self, bytes: &Bytes) -> Option<(u32, usize)> {
        if bytes.len() <= INLINE_BYTES_MAX {
            return None;
        }
        let maps = lock(&self.maps);
        maps.iter()
            .find_map(|(id, mapped)| Some((*id, mapped.offset_of(bytes)?)))
    }

    /// Puts a large answer into shared memory: what was lent for it, or what the
    /// server lends now.
    fn place(
        &self,
        number: u64,
        bytes: &Bytes,
        spare: Option<u32>,
        reply: &mut Vec<u8>,
    ) -> Result<Placed, BoxError> {
        let lent = spare.and_then(|id| lock(&self.maps).get(&id).cloned());
        if let Some(mapped) = lent
            && mapped.write(0, bytes)
        {
            return Ok(Placed::Segment(mapped.id(), 0));
        }
        let want = FromWorker::Want {
            call: number,
            bytes: bytes.len() as u64,
        };
        self.send(&want, reply)?;
        let (mut buffer, mut fds) = (Vec::with_capacity(256), Vec::new());
        socket::receive(&self.calls, &mut buffer, &mut fds)?;
        let id = match frame::decode(&buffer)? {
            ToWorker::Lend { id, is_new } => {
                if is_new {
                    let fd = fds.pop().ok_or("a segment without its descriptor")?;
                    lock(&self.maps).insert(id, Mapped::new(fd, id)?);
                }
                id
            }
            ToWorker::Refuse => {
                tracing::error!(
                    bytes = bytes.len(),
                    "no shared memory was left for an answer"
                );
                return Ok(Placed::Nowhere);
            }
            ToWorker::Call(_) => return Err("a call in the middle of another".into()),
        };
        let mapped = lock(&self.maps)
            .get(&id)
            .cloned()
            .ok_or("an unknown segment")?;
        if mapped.write(0, bytes) {
            Ok(Placed::Segment(id, 0))
        } else {
            Err("a segment that is too small was lent".into())
        }
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

/// Where an answer's body is.
#[derive(Clone, Copy)]
enum Placed {
    Inline,
    Segment(u32, usize),
    /// There is no memory for it. The server has said so, and answers by itself.
    Nowhere,
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

fn version_of(number: u8) -> Version {
    match number {
        9 => Version::HTTP_09,
        10 => Version::HTTP_10,
        20 => Version::HTTP_2,
        30 => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// A body that the server did not pass on: too large, or of a type that is refused.
/// The judgement is that of any other body.
struct Refused {
    is_declared: bool,
}

impl http_body::Body for Refused {
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
