//! One request through one worker, as its event loop sees it: take a worker, send
//! the call, serve what it asks for, check what it answers.
//!
//! What grows with the body (copying it into shared memory, making that memory)
//! is done on the pool. Whether the client still waits is not known here: whoever
//! drops the future in the middle of a call has the worker killed.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
};

use bytes::Bytes;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    Doom, Holds, Lease, Shared, Worker, Workers,
    frame::{
        self, Answer, FromWorker, INLINE_BYTES_MAX, Order, Rubbish, Sound, SoundBody, ToWorker,
    },
    payload::{Payload, joined},
    queue::Refused,
    segment::{Lack, Part, Segment},
    socket,
};
use crate::{
    Response,
    body::Body,
    dispatch::{Running, run_uncounted, ticket::Ticket},
    head::Parts,
    problem::{Problem, kinds},
    server::ClientAddr,
    telemetry::{
        clock::{self, Instant},
        timing::{Detail, Timing, nanoseconds},
    },
};

/// A request on its way to a worker.
pub(crate) struct Call {
    pub(crate) parts: Arc<Parts>,
    pub(crate) body: Payload,
    pub(crate) running: Running,
    /// Started when the call is sent.
    pub(crate) ticket: Arc<Ticket>,
    /// When it may wait no longer for a worker.
    pub(crate) longest: Instant,
    /// Knows the worker once the call is sent.
    pub(crate) interrupt: Interrupt,
    /// Nobody but hyper will look at the answer's body.
    pub(crate) is_sent_in_place: bool,
}

/// Tells a handler in its worker that nobody waits any more.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Called>>);

/// The worker, and the number of the call.
type Called = Option<(Weak<Worker>, u64)>;

impl Interrupt {
    /// Sets the handler's `Cancel`, where its call was sent.
    pub(crate) fn cancel(&self) {
        let called = self.called().clone();
        if let Some((worker, number)) = called
            && let Some(worker) = worker.upgrade()
        {
            worker.order(&Order::Cancel(number));
        }
    }

    fn called(&self) -> MutexGuard<'_, Called> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer, and what else the worker said.
pub(crate) struct Answered {
    pub(crate) response: Response,
    pub(crate) timing: Option<Timing>,
    /// Where the values stood that it refused, as numbers of sources.
    pub(crate) refused: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// No worker took it.
    Refused(Refused),
    /// The worker died of it, or was killed.
    Died(String),
    /// What was to be done on the pool was not.
    Pool(Problem),
    /// It is too large for a message.
    HeadTooLarge,
}

/// How a call that was sent to a worker came to nothing.
enum Broken {
    /// The worker ended before it took the call: another may have it.
    NeverBegan,
    Failed(Failed),
}

/// How many workers a call is tried on that none has begun: all of them may have
/// been killed a moment ago. It ends sooner by the time that a call may wait.
const ATTEMPTS: usize = 100;
/// Bodies up to this are kept until the answer is there; larger ones are found in
/// their segment, should they be wanted again.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// The largest head that a message takes besides a body.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// What a worker's segments may take while it is idle.
const WARM_BYTES: usize = 16 << 20;

impl Workers {
    /// Takes a call through a worker.
    ///
    /// # Cancel safety
    /// Dropped while it waits for a worker, it never runs. Dropped after that, the
    /// worker is killed.
    pub(crate) async fn call(&self, mut call: Call) -> Result<Answered, Failed> {
        let shared = &self.shared;
        if head_bytes(&call) > HEAD_BYTES_MAX {
            return Err(Failed::HeadTooLarge);
        }
        shared.refuse_poison(&call).await?;
        let queued_at = clock::now();
        for _ in 0..ATTEMPTS {
            let lease = Lease::wait(shared, call.running.deadline, call.longest).await;
            let lease = lease.map_err(Failed::Refused)?;
            let queue_ns = nanoseconds(clock::now() - queued_at);
            match lease.call(&mut call).await {
                Ok(mut answered) => {
                    if let Some(timing) = &mut answered.timing {
                        timing.queue_ns = queue_ns;
                    }
                    return Ok(answered);
                }
                Err(Broken::NeverBegan) => {}
                Err(Broken::Failed(failed)) => return Err(failed),
            }
        }
        Err(Failed::Refused(Refused::NoWorker(
            std::time::Duration::ZERO,
        )))
    }
}

/// What a head takes in a message, lengths and numbers included.
fn head_bytes(call: &Call) -> usize {
    const EACH: usize = 8;
    let head = &call.parts.head;
    let headers = head.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + EACH)
        .sum();
    let values: usize = head
        .path_values()
        .map(|(_, value)| value.len() + EACH)
        .sum();
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    headers + values + target
}

// === Requests that kill ===

impl Shared {
    /// Refuses the very request that killed workers before.
    async fn refuse_poison(self: &Arc<Self>, call: &Call) -> Result<(), Failed> {
        let head = &call.parts.head;
        let target = target_of(call);
        if !self.poison.suspects(head.method.as_str(), &target) {
            return Ok(());
        }
        let (shared, method) = (Arc::clone(self), head.method.clone());
        let body = call.body.clone();
        let left = run_uncounted(&call.running, move || {
            let body = body.into_pieces();
            let pieces: Vec<&[u8]> = body.iter().map(AsRef::as_ref).collect();
            let now = clock::now();
            shared
                .poison
                .is_refused(method.as_str(), &target, &pieces, now)
        });
        match left.await {
            Ok(Some(left)) => Err(Failed::Refused(Refused::Poison(left))),
            Ok(None) => Ok(()),
            Err(error) => Err(Failed::Pool(error.problem())),
        }
    }

    /// Writes down that a call killed its worker.
    async fn note_poison(self: &Arc<Self>, call: &Call) {
        let (shared, method) = (Arc::clone(self), call.parts.head.method.clone());
        let target = target_of(call);
        let body = call.body.clone();
        // Without a thread it is not written down, and tried once more than it should.
        let _ = run_uncounted(&call.running, move || {
            let body = body.into_pieces();
            let pieces: Vec<&[u8]> = body.iter().map(AsRef::as_ref).collect();
            shared
                .poison
                .killed(method.as_str(), &target, &pieces, clock::now());
        })
        .await;
    }
}

fn target_of(call: &Call) -> String {
    let uri = &call.parts.head.uri;
    uri.path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

// === One call on one worker ===

impl Lease {
    async fn call(mut self, call: &mut Call) -> Result<Answered, Broken> {
        self.deadline = call.running.deadline;
        self.check_silence()?;
        let number = self.worker.number.fetch_add(1, Ordering::Relaxed) + 1;
        let loaded = self.load(call).await?;
        let mut message = Vec::with_capacity(1024 + loaded.inline_bytes());
        encode_call(call, number, &loaded, &mut message)?;
        let route = call.parts.route.index;
        self.worker.route.store(route, Ordering::Relaxed);
        self.holds = Holds::Calling;
        let fds: Vec<BorrowedFd<'_>> = loaded.fds().collect();
        if self.send(&message, &fds).await.is_err() {
            return Err(self.lost());
        }
        drop(fds);
        *call.interrupt.called() = Some((Arc::downgrade(&self.worker), number));
        call.ticket.start();
        loaded.sent(call);
        let mut buffer = std::mem::take(&mut *self.buffer());
        let answered = self.converse(call, number, &mut buffer).await;
        *self.buffer() = buffer;
        answered
    }

    fn buffer(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        let buffer = &self.worker.buffer;
        buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that says something unasked for is no worker of ours any more.
    fn check_silence(&mut self) -> Result<(), Broken> {
        let mut word = Vec::with_capacity(1);
        let heard = self.worker.calls.try_io(Interest::READABLE, |socket| {
            socket::receive_plain(socket, &mut word)
        });
        match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok(0) => Err(self.lost()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(self.lost()),
            Ok(_) | Err(_) => {
                self.holds = Holds::Nothing;
                self.shared.doom(&self.worker, Doom::Rubbish);
                Err(Broken::NeverBegan)
            }
        }
    }

    /// The worker is gone, and the call never began.
    fn lost(&mut self) -> Broken {
        self.holds = Holds::Nothing;
        self.shared.doom(&self.worker, Doom::Lost);
        Broken::NeverBegan
    }

    /// The worker is gone in the middle of the call.
    async fn died(&mut self, call: &Call) -> Broken {
        self.holds = Holds::Nothing;
        self.shared.doom(&self.worker, Doom::Lost);
        self.shared.note_poison(call).await;
        let pid = self.worker.pid.as_raw_pid();
        Broken::Failed(Failed::Died(format!("worker {pid} died of it")))
    }

    /// The worker says what cannot be.
    fn babbles(&mut self, rubbish: &Rubbish) -> Broken {
        self.holds = Holds::Nothing;
        self.shared.doom(&self.worker, Doom::Rubbish);
        let pid = self.worker.pid.as_raw_pid();
        Broken::Failed(Failed::Died(format!(
            "worker {pid} answered rubbish: {rubbish}"
        )))
    }

    /// Sends a message, and what descriptors belong to it.
    async fn send(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let sent = self.worker.calls.async_io(Interest::WRITABLE, |socket| {
            socket::send(socket, message, fds)
        });
        sent.await
    }

    /// Waits for the answer, and serves what the worker asks for meanwhile.
    async fn converse(
        &mut self,
        call: &Call,
        number: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Answered, Broken> {
        let sent = clock::now();
        let (mut has_begun, mut refused) = (false, None);
        loop {
            let received = receive(&self.worker.calls, buffer).await;
            match received {
                Ok(0) => return Err(self.died(call).await),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    // It died with the call still unread, unless it has spoken since.
                    return Err(match has_begun {
                        true => self.died(call).await,
                        false => self.lost(),
                    });
                }
                Err(error) => return Err(self.babbles(&Rubbish::new(error.to_string()))),
                Ok(_) => {}
            }
            match frame::decode::<FromWorker<'_>>(buffer) {
                Ok(FromWorker::Answer(answer)) => {
                    let took = clock::now() - sent;
                    let sound = self.check(answer, number, nanoseconds(took));
                    let sound = sound.map_err(|rubbish| self.babbles(&rubbish))?;
                    self.shared.queue.note_service(took);
                    let answered = self.settle(call, sound).await;
                    return match refused {
                        Some(problem) => Err(Broken::Failed(Failed::Pool(problem))),
                        None => answered,
                    };
                }
                Ok(FromWorker::Want { call: of, bytes }) if of == number && !has_begun => {
                    has_begun = true;
                    refused = self.lend(call, bytes).await?;
                }
                Ok(_) => return Err(self.babbles(&Rubbish::new("a message out of turn"))),
                Err(rubbish) => return Err(self.babbles(&rubbish)),
            }
        }
    }

    /// Lends a segment for an answer; or says that there is none, and what the client
    /// is told once the worker has ended its call.
    async fn lend(&mut self, call: &Call, bytes: u64) -> Result<Option<Problem>, Broken> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let lent = match Loan::free(&self.worker, bytes) {
            Some(loan) => Ok(loan),
            None => {
                let worker = Arc::clone(&self.worker);
                let made = run_uncounted(&call.running, move || Loan::take(&worker, bytes)).await;
                match made {
                    Ok(made) => made.map_err(|lack| no_memory(&lack)),
                    Err(error) => Err(error.problem()),
                }
            }
        };
        let mut message = Vec::with_capacity(32);
        let said = match &lent {
            Ok(loan) => ToWorker::Lend {
                id: loan.segment.id(),
                is_new: loan.is_new,
            },
            Err(_) => ToWorker::Refuse,
        };
        // It is a few bytes.
        let _ = frame::encode(&said, &mut message);
        let new = lent.as_ref().ok().filter(|loan| loan.is_new);
        let fds: Vec<BorrowedFd<'_>> = new.map(|loan| loan.segment.as_fd()).into_iter().collect();
        if self.send(&message, &fds).await.is_err() {
            return Err(self.died(call).await);
        }
        drop(fds);
        Ok(match lent {
            Ok(loan) => {
                loan.sent();
                None
            }
            Err(problem) => Some(problem),
        })
    }

    /// Checks an answer and what it says of segments.
    fn check(
        &self,
        answer: Answer<'_>,
        number: u64,
        ns: u64,
    ) -> Result<(Sound, Option<Part>), Rubbish> {
        let sound = frame::check(answer, number, ns)?;
        let segments = &self.worker.segments;
        let part = match sound.body {
            SoundBody::Segment { id, offset, bytes } => {
                let segment = segments.get(id);
                let part = segment.and_then(|segment| Part::of(&segment, offset, bytes));
                Some(part.ok_or_else(|| Rubbish::new("bytes outside of its segments"))?)
            }
            SoundBody::Inline(_) => None,
        };
        for id in &sound.returned {
            if !segments.returned(*id) {
                return Err(Rubbish::new("a segment that it did not have"));
            }
        }
        Ok((sound, part))
    }

    /// Makes the answer of what the worker sent.
    async fn settle(
        &mut self,
        call: &Call,
        (sound, part): (Sound, Option<Part>),
    ) -> Result<Answered, Broken> {
        // From here on the worker is idle again, whatever becomes of the answer.
        self.holds = Holds::Worker;
        if sound.retires {
            self.worker.retires.store(true, Ordering::Relaxed);
        }
        let bytes = match (part, sound.body) {
            (Some(part), _) => {
                let bytes = part.as_ref().len();
                self.worker.answer_bytes.store(bytes, Ordering::Relaxed);
                in_place_or_copied(call, part).await?
            }
            (None, SoundBody::Inline(bytes)) => {
                self.worker.answer_bytes.store(0, Ordering::Relaxed);
                bytes
            }
            (None, SoundBody::Segment { .. }) => Bytes::new(),
        };
        self.trim();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = sound.status;
        *response.headers_mut() = sound.headers;
        let timing = sound.ran.map(|ran| Timing {
            queue_ns: 0,
            wall_ns: ran.wall_ns,
            detail: ran.detail.map(|detail| Detail {
                cpu_ns: detail.cpu_ns,
                delay_ns: detail.delay_ns,
                blocked_ns: detail.blocked_ns,
            }),
        });
        Ok(Answered {
            response,
            timing,
            refused: sound.refused,
        })
    }

    /// Gives back shared memory that an idle worker need not keep.
    fn trim(&self) {
        let dropped = self.worker.segments.trim(WARM_BYTES);
        if !dropped.is_empty() {
            self.worker.order(&Order::Unmap(dropped));
        }
    }
}

/// hyper copies the bytes to a socket, and may do so from where the worker wrote
/// them; whoever else looks at them gets what can change no more.
async fn in_place_or_copied(call: &Call, part: Part) -> Result<Bytes, Broken> {
    if call.is_sent_in_place {
        return Ok(Bytes::from_owner(part));
    }
    let copied = run_uncounted(&call.running, move || Bytes::copy_from_slice(part.as_ref())).await;
    copied.map_err(|error| Broken::Failed(Failed::Pool(error.problem())))
}

async fn receive(calls: &AsyncFd<OwnedFd>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.reserve(frame::MESSAGE_BYTES_MAX.saturating_sub(buffer.capacity()));
    loop {
        let mut ready = calls.readable().await?;
        if let Ok(received) = ready.try_io(|socket| socket::receive_plain(socket, buffer)) {
            return received;
        }
    }
}

// === What is sent ===

/// A call's body where the worker will find it, and a segment for its answer.
struct Loaded {
    body: LoadedBody,
    spare: Option<Loan>,
}

enum LoadedBody {
    Nothing,
    Inline(Bytes),
    /// In a segment, of which it takes that many bytes.
    Segment(Loan, usize),
    TooLarge,
    Unread,
}

impl Lease {
    /// Puts the body where the worker finds it.
    async fn load(&self, call: &Call) -> Result<Loaded, Broken> {
        let body = match &call.body {
            Payload::Nothing => LoadedBody::Nothing,
            Payload::TooLarge => LoadedBody::TooLarge,
            Payload::Unread => LoadedBody::Unread,
            Payload::Bytes(pieces) if call.body.len() <= INLINE_BYTES_MAX => {
                LoadedBody::Inline(joined(pieces))
            }
            Payload::Bytes(_) | Payload::Shared(..) => self.load_segment(call).await?,
        };
        let hint = self.worker.answer_bytes.load(Ordering::Relaxed);
        let spare = (hint > INLINE_BYTES_MAX)
            .then(|| Loan::free(&self.worker, hint))
            .flatten();
        Ok(Loaded { body, spare })
    }

    async fn load_segment(&self, call: &Call) -> Result<LoadedBody, Broken> {
        let (worker, body) = (Arc::clone(&self.worker), call.body.clone());
        let written = run_uncounted(&call.running, move || {
            let bytes = body.len();
            let loan = Loan::take(&worker, bytes)?;
            body.write_to(&loan.segment);
            Ok((loan, bytes))
        });
        let written: Result<_, Lack> = written
            .await
            .map_err(|error| Broken::Failed(Failed::Pool(error.problem())))?;
        match written {
            Ok((loan, bytes)) => Ok(LoadedBody::Segment(loan, bytes)),
            Err(lack) => Err(Broken::Failed(Failed::Pool(no_memory(&lack)))),
        }
    }
}

impl Loaded {
    fn inline_bytes(&self) -> usize {
        match &self.body {
            LoadedBody::Inline(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// The segments that the worker does not know yet.
    fn unknown(&self) -> impl Iterator<Item = &Arc<Segment>> {
        let body = match &self.body {
            LoadedBody::Segment(loan, _) => Some(loan),
            _ => None,
        };
        let loans = body.into_iter().chain(&self.spare);
        loans.filter(|loan| loan.is_new).map(|loan| &loan.segment)
    }

    fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.unknown().map(|segment| segment.as_fd())
    }

    /// The worker has it now. A large body is let go of: it is in its segment.
    fn sent(self, call: &mut Call) {
        if let LoadedBody::Segment(loan, bytes) = self.body {
            let segment = loan.sent();
            if bytes > KEPT_BYTES_MAX {
                call.body = Payload::Shared(segment, bytes);
            }
        }
        if let Some(spare) = self.spare {
            spare.sent();
        }
    }
}

fn no_memory(lack: &Lack) -> Problem {
    tracing::warn!(%lack, "no shared memory for the body of a request or an answer");
    Problem::overloaded("no shared memory is left for a body of this size")
}

/// A segment that is about to be lent: taken back, unless it is sent.
struct Loan {
    worker: Arc<Worker>,
    segment: Arc<Segment>,
    /// The worker does not have its descriptor yet.
    is_new: bool,
    is_sent: bool,
}

impl Loan {
    /// A segment of at least that size, made where none is free.
    fn take(worker: &Arc<Worker>, bytes: usize) -> Result<Self, Lack> {
        let (segment, is_new) = worker.segments.take(bytes)?;
        Ok(Self::of(worker, segment, is_new))
    }

    /// One that is free already.
    fn free(worker: &Arc<Worker>, bytes: usize) -> Option<Self> {
        let (segment, is_new) = worker.segments.take_free(bytes)?;
        Some(Self::of(worker, segment, is_new))
    }

    fn of(worker: &Arc<Worker>, segment: Arc<Segment>, is_new: bool) -> Self {
        Self {
            worker: Arc::clone(worker),
            segment,
            is_new,
            is_sent: false,
        }
    }

    fn sent(mut self) -> Arc<Segment> {
        self.is_sent = true;
        self.segment.mark_sent();
        Arc::clone(&self.segment)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if !self.is_sent {
            let was_held = self.worker.segments.returned(self.segment.id());
            debug_assert!(was_held, "nobody else gives it back");
        }
    }
}

fn encode_call(
    call: &Call,
    number: u64,
    loaded: &Loaded,
    into: &mut Vec<u8>,
) -> Result<(), Broken> {
    let head = &call.parts.head;
    let target = target_of(call);
    let values = head.path_values().map(|(_, value)| value).collect();
    let headers = head.headers.iter();
    let left = call.running.deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(clock::now());
        u64::try_from(left.as_micros()).unwrap_or(u64::MAX)
    });
    let client: Option<ClientAddr> = head.extensions.get().copied();
    let message = ToWorker::Call(frame::Call {
        number,
        route: u32::try_from(call.parts.route.index).unwrap_or(u32::MAX),
        method: head.method.as_str(),
        target: &target,
        version: version_number(head.version),
        headers: headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect(),
        values,
        peer: head.peer().addr,
        client: client.map(|client| client.ip()),
        time_left_us: left,
        body: match &loaded.body {
            LoadedBody::Nothing => frame::Payload::Nothing,
            LoadedBody::Inline(bytes) => frame::Payload::Inline(bytes),
            LoadedBody::Segment(loan, bytes) => frame::Payload::Segment {
                id: loan.segment.id(),
                bytes: *bytes as u64,
            },
            LoadedBody::TooLarge => frame::Payload::TooLarge,
            LoadedBody::Unread => frame::Payload::Unread,
        },
        spare: loaded.spare.as_ref().map(|loan| loan.segment.id()),
        segments_new: loaded.unknown().map(|segment| segment.id()).collect(),
    });
    frame::encode(&message, into).map_err(|_| Broken::Failed(Failed::HeadTooLarge))
}

fn version_number(version: http::Version) -> u8 {
    match version {
        http::Version::HTTP_09 => 9,
        http::Version::HTTP_10 => 10,
        http::Version::HTTP_2 => 20,
        http::Version::HTTP_3 => 30,
        _ => 11,
    }
}

impl Failed {
    /// The application has no worker processes, and no route that wants one.
    pub(crate) fn nowhere() -> Self {
        Self::Pool(Problem::internal("no worker processes were prepared"))
    }

    /// What the client is told; the rest reaches the log.
    pub(crate) fn problem(self, what: &str) -> Problem {
        match self {
            Self::Refused(refused) => refused.problem(),
            Self::Died(text) => {
                Problem::of(&kinds::WORKER_CRASHED).detail(format!("`{what}`: {text}"))
            }
            Self::Pool(problem) => problem,
            Self::HeadTooLarge => Problem::of(&kinds::HEADERS_TOO_LARGE)
                .detail("the head is too large for a worker process, which takes 64 KiB"),
        }
    }
}
