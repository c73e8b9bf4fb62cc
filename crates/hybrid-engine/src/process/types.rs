//! What callers of the worker processes name, on every system: settings, calls, errors,
//! and what a worker process does. The parts that need Linux have stand-ins in
//! `unsupported`.

use std::{
    ffi::OsString, fmt, future::Future, hash::Hasher, path::PathBuf, sync::Arc, time::Duration,
};

use bytes::Bytes;

use super::{CancelHandle, HeadBuffer, HeadBytes};
use crate::{clock::Instant, ticket::Ticket, timing::Timing};

/// An error of any type.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether this build can confine worker processes.
pub const SANDBOX_IS_AVAILABLE: bool = cfg!(all(target_os = "linux", feature = "sandbox"));

// === Settings ===

/// How worker processes are run.
#[derive(Debug, Clone)]
pub struct WorkersConfig {
    /// What workers run.
    pub program: Program,
    /// The most workers.
    pub processes_max: usize,
    /// The most calls that may wait for a worker.
    pub queue_depth: usize,
    /// Bytes of all segments together.
    pub segment_limit: usize,
    /// Calls after which a worker is replaced; 0 is never.
    pub recycle_calls: usize,
    /// Resident bytes above which a worker is replaced; 0 is never.
    pub recycle_memory: usize,
    /// A number that stands for the classes of work. A worker that reports another one
    /// is not used.
    pub fingerprint: u64,
    /// The name of each class of work, for the log and the gauges.
    pub class_names: Vec<String>,
}

/// What workers run.
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) name: OsString,
    pub(super) arguments: Vec<OsString>,
    /// The environment variables that workers inherit, besides those whose name begins
    /// with `HYBRID_`. `None`: all.
    pub(super) variables: Option<Vec<String>>,
}

impl Program {
    /// This very program, with the arguments that it was started with. The link names
    /// the file that runs, also where another has taken its place on the disk.
    pub fn this(variables: Option<Vec<String>>) -> Self {
        let mut arguments = std::env::args_os();
        Self {
            path: PathBuf::from("/proc/self/exe"),
            name: arguments.next().unwrap_or_else(|| "hybrid".into()),
            arguments: arguments.collect(),
            variables,
        }
    }

    /// Another program that takes the same calls.
    pub fn other(path: PathBuf, variables: Option<Vec<String>>) -> Self {
        Self {
            name: path.clone().into_os_string(),
            path,
            arguments: Vec::new(),
            variables,
        }
    }
}

// === Calls, on the server ===

/// A call on its way to a worker.
pub struct ProcessCall<C> {
    /// What writes the call's head and reads its answer's.
    pub caller: C,
    /// The class of work, an index into [`WorkersConfig::class_names`].
    pub class: usize,
    /// In the pieces that it came in.
    pub body: Vec<Bytes>,
    /// When its answer is worth nothing any more. `None`: never.
    pub deadline: Option<Instant>,
    /// When it may wait no longer for a worker.
    pub wait_until: Instant,
    /// Started when the call is sent.
    pub ticket: Arc<Ticket>,
    /// Knows the worker once the call is sent.
    pub cancel: CancelHandle,
    /// The answer's body may stay in shared memory, which the worker can still change:
    /// it is copied to a socket and not looked at.
    pub may_share_answer: bool,
}

/// What the lane asks the caller of a call: what the opaque head is, and where work
/// runs that is too long for an event loop.
pub trait Caller: Send + Sync + 'static {
    /// What an answer's head says.
    type Answer: Send;
    /// Why a closure was not run off the event loop.
    type OffLoopError: Send;

    /// Writes the head of the call.
    ///
    /// # Errors
    /// The head is too long for a message.
    fn write_head(&self, into: &mut HeadBuffer<'_>) -> Result<(), TooLong>;

    /// Hashes what, together with the body, makes two calls the same.
    fn hash_identity(&self, hasher: &mut dyn Hasher);

    /// Reads and checks the head of an answer, whose body has that length. A worker is
    /// trusted with nothing.
    ///
    /// # Errors
    /// It is no head that a sound worker sends. The worker is then killed.
    fn read_answer(&self, head: HeadBytes<'_>, body_bytes: u64) -> Result<Self::Answer, Malformed>;

    /// Runs a closure off the event loop.
    fn off_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, Self::OffLoopError>> + Send;
}

/// What a worker answered.
#[derive(Debug)]
pub struct Answered<A> {
    /// What [`Caller::read_answer`] made of the head.
    pub head: A,
    /// The body; it may lie in shared memory, see [`ProcessCall::may_share_answer`].
    pub body: Bytes,
    /// Where the call came as far as that: how long it waited and ran.
    pub timing: Option<Timing>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum CallError<E> {
    /// No worker took the call.
    NotTaken(NotTaken),
    /// The worker of that process id ended during the call.
    Died(i32),
    /// The worker of that process id sent what no sound worker sends, and was killed.
    Malformed(i32, Malformed),
    /// Work off the event loop was not done.
    OffLoop(E),
    /// No shared memory is left for the body of the call or of its answer.
    NoMemory,
    /// The head is too long for a message.
    HeadTooLong,
}

/// Why no worker took a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// Too many calls wait already.
    QueueFull,
    /// It would wait for that long, which is longer than it may.
    ExpectedWait(Duration),
    /// It waited for as long as it may.
    Waited,
    /// Its deadline passed meanwhile.
    Deadline,
    /// No worker can be started; that long until the next attempt.
    NoWorker(Duration),
    /// The very same call ended its worker more than once; it is refused for that long.
    Poison(Duration),
    /// The lane is closed.
    Closed,
}

/// The message would be longer than a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How long it may be, in bytes.
    pub bytes_max: usize,
}

/// Received bytes that are no message, or a message that no sound worker sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    /// An error that says what is wrong with the bytes.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message is longer than {} bytes", self.bytes_max)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLong {}
impl std::error::Error for Malformed {}

// === Calls, in a worker ===

/// What a worker process does with its calls.
pub struct WorkerSetup<F> {
    /// As [`WorkersConfig::fingerprint`].
    pub fingerprint: u64,
    /// What a call of each class may use.
    pub limits: Vec<ResourceLimits>,
    /// Runs a call: `FnMut(IncomingCall<'_>) -> Result<Outcome<H>, BoxError>`. After an
    /// error, and after a panic, the worker ends.
    pub run: F,
}

/// What one worker may use for the class of work that it runs at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResourceLimits {
    /// Besides what was mapped when the worker was ready.
    pub memory_bytes: usize,
    /// Processor time of one call.
    pub cpu_seconds: Option<u32>,
    /// Open files.
    pub files: usize,
}

/// A call as its worker received it.
pub struct IncomingCall<'a> {
    /// The class of work, an index into [`WorkerSetup::limits`].
    pub class: usize,
    /// What [`Caller::write_head`] wrote.
    pub head: HeadBytes<'a>,
    /// The whole body.
    pub body: Bytes,
    /// When the server gives the call up. `None`: never.
    pub deadline: Option<Instant>,
    /// Started. It is cancelled when the answer is not wanted any more.
    pub ticket: Arc<Ticket>,
}

/// What a worker answers.
pub struct Outcome<H> {
    /// Writes the answer's head: `FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>`.
    pub write_head: H,
    /// The whole body.
    pub body: Bytes,
    /// What the run cost. `None`: the call did not come as far as that.
    pub timing: Option<Timing>,
    /// The worker takes no other call.
    pub retires: bool,
}

// What is opaque in these has no text.

impl<C> fmt::Debug for ProcessCall<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessCall")
            .field("class", &self.class)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for WorkerSetup<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerSetup")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for IncomingCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("class", &self.class)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl<H> fmt::Debug for Outcome<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("timing", &self.timing)
            .field("retires", &self.retires)
            .finish_non_exhaustive()
    }
}

// === Gauges ===

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerEnd {
    /// By itself, during a call or between two.
    Crashed,
    /// Killed: the deadline of its call had passed.
    Deadline,
    /// Killed: the client of its call had left.
    ClientLeft,
    /// Killed: it sent a malformed message, or did not reply to a ping.
    Broken,
    /// It had served enough, or used too much memory.
    Recycled,
    /// It was never ready.
    Failed,
}

impl WorkerEnd {
    /// Every end, in the order of the metrics.
    pub const ALL: [Self; 6] = [
        Self::Crashed,
        Self::Deadline,
        Self::ClientLeft,
        Self::Broken,
        Self::Recycled,
        Self::Failed,
    ];

    /// The word that metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Deadline => "deadline",
            Self::ClientLeft => "client_left",
            Self::Broken => "broken",
            Self::Recycled => "recycled",
            Self::Failed => "start_failed",
        }
    }
}

/// A worker, as the admin pages show it.
#[derive(Debug, Clone)]
pub struct WorkerGauge {
    /// Its process id, while it has a process.
    pub pid: Option<i32>,
    /// One of [`WORKER_STATES`].
    pub state: &'static str,
    /// The name of the class of work that it runs.
    pub class: Option<String>,
    /// How many processes this worker has had before the present one.
    pub restarts: u64,
    /// The resident memory of its process, in bytes.
    pub rss_bytes: usize,
}

/// Every state of a worker, as the admin pages call it.
pub const WORKER_STATES: [&str; 5] = ["starting", "idle", "busy", "ending", "ended"];
