//! What runs inside a worker process: it takes one call after the other, runs it on its
//! own thread and answers. The server ends it; it ends by itself when the server is gone.
//!
//! Three threads besides those of the caller's: this one, one that reads control
//! messages while a call runs, and one for signals.

mod answer;
mod control;

use std::{
    collections::HashMap,
    io::{self, Write as _},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::{
    HeadBuffer, HeadBytes, IncomingCall, Outcome, ResourceLimits, TooLong, WorkerSetup,
    codec::{self, MESSAGE_BYTES_MAX},
    limits::{self, AppliedLimits},
    messages::{self, BodyMessage, CallMessage, FromWorker, Ready, ToWorker},
    sandbox,
    segment::{MappedSegment, ReturnedSegments, SharedBody},
    socket,
    spawn::Sockets,
    types::BoxError,
};
use crate::{clock, ticket::Ticket};

/// The stack of the thread that calls run on: that of a main thread.
const STACK_BYTES: usize = 8 << 20;

/// Is a worker from here on, until the server ends it.
///
/// `start` runs on the thread that runs the calls. Where it returns `None`, after it has
/// said why, the worker ends. With `is_confined` the process is confined first, so that
/// every thread that is started from there on is confined too.
pub fn serve_worker<F, H>(
    sockets: Sockets,
    is_confined: bool,
    start: impl FnOnce() -> Option<WorkerSetup<F>> + Send,
) -> !
where
    F: FnMut(IncomingCall<'_>) -> Result<Outcome<H>, BoxError>,
    H: FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>,
{
    // What `ps` shows where this is the main thread; a name that the system refuses
    // is only less clear.
    let _ = rustix::thread::set_name(c"hybrid-worker");
    if let Err(error) = limits::die_before_the_server() {
        // It is killed as the server is: no worse than any program's child.
        tracing::debug!(%error, "the score for when memory runs out stays as it is");
    }
    let notes = if is_confined {
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
        let running = thread.spawn_scoped(scope, || {
            let Some(setup) = start() else { return 1 };
            match WorkerLoop::start(sockets, setup, &notes) {
                Ok(worker) => worker.run(),
                Err(why) => {
                    complain(&why);
                    1
                }
            }
        });
        running.map_or(1, |running| running.join().unwrap_or(101))
    });
    std::process::exit(code);
}

/// Writes a line to the standard error, for a worker that is about to end.
fn complain(text: &str) {
    // There is nowhere left to say that it failed.
    let _ = writeln!(io::stderr(), "{text}");
}

struct WorkerLoop<F> {
    run: F,
    class_limits: Vec<ResourceLimits>,
    calls: OwnedFd,
    applied_limits: AppliedLimits,
    mapped: MappedSegments,
    returned: Arc<ReturnedSegments>,
    current: CurrentCall,
}

/// The segments that are mapped, by their number.
type MappedSegments = Arc<Mutex<HashMap<u32, Arc<MappedSegment>>>>;
/// The number and the ticket of the call that runs, for the thread that cancels it.
type CurrentCall = Arc<Mutex<Option<(u64, Arc<Ticket>)>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F> WorkerLoop<F> {
    fn start(sockets: Sockets, setup: WorkerSetup<F>, notes: &[String]) -> Result<Self, String> {
        let Sockets {
            calls,
            control,
            server,
        } = sockets;
        let (mapped, current) = (MappedSegments::default(), CurrentCall::default());
        control::read_control(control, Arc::clone(&mapped), Arc::clone(&current))
            .map_err(|error| format!("a worker could not listen to its server: {error}"))?;
        control::handle_signals(server)
            .map_err(|error| format!("a worker could not listen to signals: {error}"))?;
        let worker = Self {
            run: setup.run,
            class_limits: setup.limits,
            calls,
            applied_limits: AppliedLimits::new(),
            mapped,
            returned: Arc::default(),
            current,
        };
        worker
            .send_ready(setup.fingerprint, notes)
            .map_err(|error| format!("a worker could not say that it is ready: {error}"))?;
        Ok(worker)
    }

    fn send_ready(&self, fingerprint: u64, notes: &[String]) -> io::Result<()> {
        let ready = Ready {
            version: messages::VERSION,
            fingerprint,
            notes: notes.iter().map(String::as_str).collect(),
        };
        self.send(&FromWorker::Ready(ready), &mut Vec::new())
    }

    fn send(&self, message: &FromWorker<'_>, reply: &mut Vec<u8>) -> io::Result<()> {
        codec::encode(message, reply).map_err(io::Error::other)?;
        socket::send(&self.calls, reply, &[])
    }
}

// === The loop ===

impl<F, H> WorkerLoop<F>
where
    F: FnMut(IncomingCall<'_>) -> Result<Outcome<H>, BoxError>,
    H: FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>,
{
    /// Takes calls until the server wants no more. Returns the exit code.
    fn run(mut self) -> i32 {
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let mut reply = Vec::with_capacity(MESSAGE_BYTES_MAX);
        loop {
            let mut fds = Vec::new();
            let length = match socket::receive(&self.calls, &mut buffer, &mut fds) {
                Ok(0) => return 0,
                Ok(length) => length,
                Err(error) => {
                    complain(&format!("a worker cannot read its calls: {error}"));
                    return 1;
                }
            };
            // The server is the same program, of the same version. A message that cannot
            // be read is a fault of ours: then no answer is better than a wrong one.
            let answered = match ToWorker::decode(&buffer[..length]) {
                Ok((ToWorker::Call(call), head)) => self.answer(&call, head, fds, &mut reply),
                Ok((ToWorker::LendSegment { .. } | ToWorker::NoSegment, _)) => {
                    Err("a segment that was not asked for".into())
                }
                Err(malformed) => Err(malformed.into()),
            };
            if let Err(error) = answered {
                complain(&format!("a worker cannot answer a call: {error}"));
                return 1;
            }
        }
    }

    fn answer(
        &mut self,
        call: &CallMessage<'_>,
        head: HeadBytes<'_>,
        fds: Vec<OwnedFd>,
        reply: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        for (id, fd) in call.segments_new.iter().zip(fds) {
            let mapped = MappedSegment::new(fd, *id)?;
            lock(&self.mapped).insert(*id, mapped);
        }
        let class = call.class as usize;
        let limits = *self
            .class_limits
            .get(class)
            .ok_or("no such class of work")?;
        let ticket = Arc::new(Ticket::new(Arc::default()));
        ticket.start();
        *lock(&self.current) = Some((call.number, Arc::clone(&ticket)));
        if let Err(why) = self.applied_limits.apply(limits) {
            tracing::warn!("a limit could not be set: {why}");
        }
        let body = self.body_of(&call.body)?;
        let time_left = call.time_left_us.map(Duration::from_micros);
        let outcome = (self.run)(IncomingCall {
            class,
            head,
            body,
            deadline: time_left.and_then(|left| clock::now().checked_add(left)),
            ticket,
        })?;
        *lock(&self.current) = None;
        self.send_answer(call.number, outcome, call.spare, reply)
    }

    fn body_of(&self, body: &BodyMessage<'_>) -> Result<Bytes, BoxError> {
        Ok(match body {
            BodyMessage::Inline(bytes) => Bytes::copy_from_slice(bytes),
            BodyMessage::Segment { id, bytes } => {
                let mapped = lock(&self.mapped)
                    .get(id)
                    .cloned()
                    .ok_or("an unknown segment")?;
                let length = usize::try_from(*bytes)?;
                let body = SharedBody::new(mapped, length, Arc::clone(&self.returned));
                Bytes::from_owner(body.ok_or("a segment that is too short")?)
            }
        })
    }
}
