//! The one thread that owns the worker processes: it starts them, learns that they
//! are ready, reads what they write, asks whether they live, kills and buries them.
//!
//! It waits in `poll` for a bell (see `Shared::ring`), for the descriptors of its
//! children, and for the next moment at which something is due. It takes no part in
//! requests. It lives as long as the application, since the system kills a worker
//! when the thread ends that started it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, pidfd_send_signal,
        waitid,
    },
};
use tokio::sync::watch;

use super::{
    Doom, IDLE, Shared, TERM_GRACE, Worker,
    counts::{Ended, Seen},
    frame::{self, FromWorker, Order, Report},
    output::{From, Lines, Open, Stream},
    segment::Segments,
    socket,
    spawn::Spawned,
};
use crate::telemetry::clock::{self, Instant};

/// How long a worker may take from its start to its first word.
const START_WAIT: Duration = Duration::from_secs(30);
/// The pause after a start that failed, doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A worker that ends within this time without having answered anything has not
/// really started.
const INFANCY: Duration = Duration::from_secs(1);
/// How often workers are looked at, while one of them is busy and while none is.
const LOOK_BUSY: Duration = Duration::from_millis(50);
const LOOK_IDLE: Duration = Duration::from_millis(250);
/// How often workers are asked whether they live, and how long they may take.
const PING: Duration = Duration::from_secs(2);
const PING_WAIT: Duration = Duration::from_secs(3);
/// How long a worker may take that is to end by itself.
const GENTLE_WAIT: Duration = Duration::from_secs(2);

/// The longest part of a worker's note that is logged.
const NOTE_CHARS_MAX: usize = 500;

/// Starts the thread.
pub(super) fn start(shared: Arc<Shared>, alive: watch::Sender<bool>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("hybrid-process".to_owned());
    thread.spawn(move || {
        let mut supervisor = Supervisor {
            slots: Vec::new(),
            looked: clock::now(),
            shared,
        };
        supervisor.run();
        // Nobody listens where the application was dropped.
        let _ = alive.send(true);
    })?;
    Ok(())
}

struct Supervisor {
    shared: Arc<Shared>,
    slots: Vec<Slot>,
    looked: Instant,
}

/// A place for a worker; once taken, it is kept filled.
struct Slot {
    index: usize,
    child: Option<Child>,
    /// Starts in a row that failed.
    failures: u32,
    not_before: Instant,
}

/// A process that has not been buried.
struct Child {
    pid: Pid,
    started: Instant,
    streams: [(OwnedFd, Lines, Open); 2],
    state: State,
    /// When it was asked to end, and how.
    asked: Option<(Asked, Instant)>,
}

enum State {
    Starting(Box<Unready>),
    Ready {
        worker: Arc<Worker>,
        /// The last question, and whether it was answered.
        ping: (u64, Instant, bool),
    },
}

/// What a worker that is not ready has.
struct Unready {
    pidfd: OwnedFd,
    calls: OwnedFd,
    control: OwnedFd,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// Nothing yet: it seems to be gone already.
    Nothing,
    Gently,
    Term,
    Kill,
}

impl Supervisor {
    fn run(&mut self) {
        loop {
            self.wait();
            let mut bell = [0; 8];
            // There is nothing to read where something else woke it.
            let _ = rustix::io::read(&self.shared.bell, &mut bell);
            self.bury();
            self.listen();
            self.end();
            if self.looked + self.look_every() <= clock::now() {
                self.looked = clock::now();
                self.look();
            }
            let closes = self.shared.closes.load(Ordering::SeqCst);
            if !closes {
                self.fill();
            } else if self.slots.iter().all(|slot| slot.child.is_none()) {
                return;
            }
        }
    }

    fn look_every(&self) -> Duration {
        let is_busy = |slot: &Slot| {
            let worker = slot.child.as_ref().and_then(Child::worker);
            worker.is_some_and(|worker| worker.is_busy())
        };
        if self.slots.iter().any(is_busy) {
            LOOK_BUSY
        } else {
            LOOK_IDLE
        }
    }

    // === waiting ===

    fn wait(&self) {
        let mut fds = vec![PollFd::new(&self.shared.bell, PollFlags::IN)];
        for child in self.slots.iter().filter_map(|slot| slot.child.as_ref()) {
            child.watched(&mut fds);
        }
        let timeout = self.timeout().map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        // Interrupted, it looks around and waits again.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    /// When something is due; never where there is nothing to look at.
    fn timeout(&self) -> Option<Duration> {
        let now = clock::now();
        let look = (self.slots.iter())
            .any(|slot| slot.child.is_some())
            .then(|| self.looked + self.look_every());
        let start = self
            .slots
            .iter()
            .filter(|slot| slot.child.is_none())
            .map(|slot| slot.not_before);
        let kill = self
            .slots
            .iter()
            .filter_map(|slot| slot.child.as_ref()?.due());
        let next = look.into_iter().chain(start).chain(kill).min()?;
        // Not at once again, should something that is due not be possible.
        Some(
            next.saturating_duration_since(now)
                .max(Duration::from_millis(1)),
        )
    }

    // === starting ===

    /// Starts workers where they are wanted.
    fn fill(&mut self) {
        let now = clock::now();
        let mut wanted = self.shared.queue.wanted();
        for slot in &mut self.slots {
            if slot.child.is_none() && slot.not_before <= now {
                slot.start(&self.shared);
                wanted = wanted.saturating_sub(1);
            }
        }
        let room = self.shared.plan.processes_max - self.slots.len();
        for _ in 0..wanted.min(room) {
            let mut slot = Slot {
                index: self.slots.len(),
                child: None,
                failures: 0,
                not_before: now,
            };
            slot.start(&self.shared);
            self.slots.push(slot);
        }
    }

    // === reading ===

    /// Reads what workers write, and learns who is ready and who answers.
    fn listen(&mut self) {
        for slot in &mut self.slots {
            let Some(child) = &mut slot.child else {
                continue;
            };
            child.drain(&self.shared);
            match &mut child.state {
                State::Starting(_) => slot.hear_first_word(&self.shared),
                State::Ready { worker, ping } => hear_pong(worker, ping),
            }
        }
    }

    /// Looks at every worker: whether it was stopped, how large it is, whether it
    /// answers.
    fn look(&mut self) {
        let now = clock::now();
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            let is_late = now > child.started + START_WAIT;
            match &mut child.state {
                State::Starting(_) if is_late && child.asked.is_none() => {
                    let pid = child.pid.as_raw_pid();
                    tracing::error!(pid, "a worker was not ready in time and is killed");
                    child.ask(Asked::Term, now);
                }
                State::Starting(_) => {}
                State::Ready { worker, ping } => {
                    self.shared.look_at(worker);
                    self.shared.ask_for_life(worker, ping, now);
                }
            }
        }
    }

    // === ending ===

    /// Ends whoever is doomed, and goes further with whoever takes too long.
    fn end(&mut self) {
        let now = clock::now();
        let closes = self.shared.closes.load(Ordering::SeqCst);
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            if closes {
                child.close(&self.shared);
            }
            let doom = child.worker().map_or(Doom::Lives, |worker| worker.doom());
            if doom != Doom::Lives && child.asked.is_none() {
                match doom {
                    doom if doom.is_gentle() => child.ask(Asked::Gently, now),
                    // As a rule it is dead, and only not buried yet.
                    Doom::Lost => child.ask(Asked::Nothing, now),
                    _ => child.ask(Asked::Term, now),
                }
            }
            child.go_further(now);
        }
    }

    /// Takes leave of the dead.
    fn bury(&mut self) {
        for slot in &mut self.slots {
            let Some(child) = &mut slot.child else {
                continue;
            };
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let pidfd = child.pidfd();
            let has_ended = match waitid(WaitId::PidFd(pidfd), options) {
                Ok(None) => continue,
                Ok(Some(status)) => Some(status),
                // Somebody else has reaped it, or its end is ignored by the system.
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => None,
            };
            // What it started goes with it. Its number is still its own, as it is not
            // reaped; an error means that nobody is left.
            let _ = kill_process_group(child.pid, Signal::KILL);
            let _ = waitid(
                WaitId::PidFd(child.pidfd()),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
            child.drain(&self.shared);
            if let Some(child) = slot.child.take() {
                slot.mourn(child, has_ended.as_ref(), &self.shared);
            }
        }
    }
}

impl Slot {
    fn start(&mut self, shared: &Arc<Shared>) {
        match shared.plan.program.spawn() {
            Ok(spawned) => {
                shared.queue.starts();
                let child = Child::new(spawned);
                shared
                    .counts
                    .see(self.index, Seen::Starting(child.pid.as_raw_pid()));
                self.child = Some(child);
            }
            Err(error) => {
                let pause = self.fail();
                shared.counts.end(self.index, Ended::Failed);
                shared.queue.failed(false, self.not_before);
                tracing::error!(%error, ?pause, "a worker process cannot be started");
            }
        }
    }

    /// A start failed: the next one waits longer.
    fn fail(&mut self) -> Duration {
        let pause = PAUSE_MIN
            .saturating_mul(1 << self.failures.min(16))
            .min(PAUSE_MAX);
        self.failures += 1;
        self.not_before = clock::now() + pause;
        pause
    }

    /// A worker's first word says that it is ready, and what it is.
    fn hear_first_word(&mut self, shared: &Arc<Shared>) {
        let Some(child) = &mut self.child else { return };
        let State::Starting(spawned) = &child.state else {
            return;
        };
        let mut buffer = Vec::with_capacity(frame::MESSAGE_BYTES_MAX);
        match socket::receive_plain(&spawned.calls, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // It has ended, which its burial will tell.
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let pid = child.pid.as_raw_pid();
        match first_word(&buffer, shared.plan.fingerprint) {
            Ok(notes) => {
                for note in notes {
                    tracing::warn!(pid, "a worker is less confined than it should be: {note}");
                }
                self.be_ready(shared);
            }
            Err(why) => {
                tracing::error!(pid, "a worker is of no use: {why}");
                child.ask(Asked::Term, clock::now());
            }
        }
    }

    fn be_ready(&mut self, shared: &Arc<Shared>) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let State::Starting(spawned) = child.state else {
            self.child = Some(child);
            return;
        };
        let Unready {
            pidfd,
            calls,
            control,
        } = *spawned;
        let calls = {
            let _runtime = shared.runtime.enter();
            socket::watched(calls)
        };
        let calls = match calls {
            Ok(calls) => calls,
            Err(error) => {
                // The event loops are gone: so is whoever wanted a worker. Its sockets
                // are closed, and it ends.
                tracing::error!(%error, "a worker cannot be listened to");
                shared.queue.failed(true, clock::now() + PAUSE_MAX);
                shared.counts.end(self.index, Ended::Failed);
                self.fail();
                return;
            }
        };
        let worker = Arc::new(Worker {
            pid: child.pid,
            pidfd,
            calls,
            control,
            segments: Segments::new(Arc::clone(&shared.budget)),
            number: AtomicU64::new(0),
            route: AtomicUsize::new(IDLE),
            doom: AtomicU8::new(Doom::Lives as u8),
            served: AtomicU64::new(0),
            retires: AtomicBool::new(false),
            rss_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            buffer: Mutex::new(Vec::new()),
        });
        tracing::debug!(pid = child.pid.as_raw_pid(), "a worker is ready");
        shared.look_at(&worker);
        shared
            .counts
            .see(self.index, Seen::Worker(Arc::clone(&worker)));
        child.state = State::Ready {
            worker: Arc::clone(&worker),
            ping: (0, clock::now(), true),
        };
        self.child = Some(child);
        shared.queue.started();
        shared.queue.give(shared, worker);
    }

    /// Says how a worker ended, and decides when the next one is started.
    fn mourn(&mut self, mut child: Child, status: Option<&WaitIdStatus>, shared: &Arc<Shared>) {
        let pid = child.pid.as_raw_pid();
        let how = describe(status);
        for (_, lines, _) in &mut child.streams {
            lines.finish(&From {
                pid: pid.unsigned_abs(),
                route: None,
            });
        }
        let State::Ready { worker, .. } = &child.state else {
            let pause = self.fail();
            shared.counts.end(self.index, Ended::Failed);
            shared.queue.failed(true, self.not_before);
            if !shared.closes.load(Ordering::SeqCst) {
                tracing::error!(pid, how, ?pause, "a worker ended before it was ready");
            }
            return;
        };
        shared.queue.gone(worker);
        // Nobody may be sent to it any more who holds it still.
        shared.doom(worker, Doom::Lost);
        let route = shared.route_of(worker);
        let route = route.as_deref().unwrap_or("no route");
        let ended = match worker.doom() {
            Doom::Deadline => Ended::Deadline,
            Doom::Left => Ended::Left,
            Doom::Rubbish | Doom::Silent => Ended::Broken,
            Doom::Retires | Doom::Closes => Ended::Recycled,
            Doom::Lives | Doom::Lost => Ended::Crashed,
        };
        match ended {
            Ended::Crashed => tracing::error!(pid, how, route, "a worker crashed"),
            Ended::Recycled => tracing::debug!(pid, how, "a worker was let go"),
            Ended::Deadline | Ended::Left | Ended::Broken | Ended::Failed => {
                tracing::warn!(pid, how, route, why = ended.as_str(), "a worker was killed");
            }
        }
        shared.counts.end(self.index, ended);
        let served = worker.served.load(Ordering::Relaxed);
        let is_infant = clock::now() < child.started + INFANCY && served == 0 && !worker.is_busy();
        if ended == Ended::Crashed && is_infant {
            self.fail();
        } else {
            self.failures = 0;
            self.not_before = clock::now();
        }
    }
}

impl Child {
    fn new(spawned: Spawned) -> Self {
        let Spawned {
            pid,
            pidfd,
            calls,
            control,
            out,
            err,
        } = spawned;
        for fd in [&calls, &control, &out, &err] {
            // It cannot fail for a descriptor of ours.
            let _ = socket::never_wait(fd);
        }
        Self {
            pid,
            started: clock::now(),
            streams: [
                (out, Lines::new(Stream::Out), Open::Yes),
                (err, Lines::new(Stream::Err), Open::Yes),
            ],
            state: State::Starting(Box::new(Unready {
                pidfd,
                calls,
                control,
            })),
            asked: None,
        }
    }

    fn worker(&self) -> Option<&Arc<Worker>> {
        match &self.state {
            State::Starting(_) => None,
            State::Ready { worker, .. } => Some(worker),
        }
    }

    fn pidfd(&self) -> BorrowedFd<'_> {
        match &self.state {
            State::Starting(spawned) => spawned.pidfd.as_fd(),
            State::Ready { worker, .. } => worker.pidfd.as_fd(),
        }
    }

    /// What wakes the thread.
    fn watched<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        fds.push(PollFd::from_borrowed_fd(self.pidfd(), PollFlags::IN));
        for (pipe, _, open) in &self.streams {
            if *open == Open::Yes {
                fds.push(PollFd::new(pipe, PollFlags::IN));
            }
        }
        match &self.state {
            // Closed, it would wake for ever; the end is seen by the other.
            State::Starting(_) if self.asked.is_some() => {}
            State::Starting(spawned) => fds.push(PollFd::new(&spawned.calls, PollFlags::IN)),
            State::Ready { .. } => {}
        }
    }

    /// Reads what it wrote.
    fn drain(&mut self, shared: &Shared) {
        let route = match &self.state {
            State::Ready { worker, .. } => shared.route_of(worker),
            State::Starting(_) => None,
        };
        let from = From {
            pid: self.pid.as_raw_pid().unsigned_abs(),
            route: route.as_deref(),
        };
        for (pipe, lines, open) in &mut self.streams {
            if *open == Open::Yes {
                *open = lines.drain(&*pipe, &from);
            }
        }
    }

    /// The server stops: idle workers end now, busy ones after their call.
    fn close(&mut self, shared: &Shared) {
        match &self.state {
            State::Starting(_) if self.asked.is_none() => self.ask(Asked::Term, clock::now()),
            State::Starting(_) => {}
            State::Ready { worker, .. } => {
                if shared.queue.withdraw(worker) {
                    shared.doom(worker, Doom::Closes);
                }
            }
        }
    }

    fn ask(&mut self, how: Asked, now: Instant) {
        match (how, &self.state) {
            (Asked::Nothing, _) => {}
            (Asked::Gently, State::Ready { worker, .. }) => {
                // It reads the end of its calls. An error means that it is gone.
                let _ = rustix::net::shutdown(&worker.calls, rustix::net::Shutdown::Both);
            }
            (Asked::Gently | Asked::Term, _) => {
                let _ = pidfd_send_signal(self.pidfd(), Signal::TERM);
                // One that was stopped would never hear of it.
                let _ = pidfd_send_signal(self.pidfd(), Signal::CONT);
            }
            (Asked::Kill, _) => {
                let _ = pidfd_send_signal(self.pidfd(), Signal::KILL);
                let _ = kill_process_group(self.pid, Signal::KILL);
            }
        }
        self.asked = Some((how, now));
    }

    /// When it was asked for long enough, and what comes then.
    fn next(&self) -> Option<(Asked, Instant)> {
        let (how, since) = self.asked?;
        match how {
            Asked::Nothing => Some((Asked::Term, since + TERM_GRACE)),
            Asked::Gently => Some((Asked::Term, since + GENTLE_WAIT)),
            Asked::Term => Some((Asked::Kill, since + TERM_GRACE)),
            Asked::Kill => None,
        }
    }

    fn due(&self) -> Option<Instant> {
        self.next().map(|(_, at)| at)
    }

    fn go_further(&mut self, now: Instant) {
        if let Some((how, at)) = self.next()
            && now >= at
        {
            self.ask(how, now);
        }
    }
}

impl Shared {
    fn route_of(&self, worker: &Worker) -> Option<String> {
        let route = worker.route.load(Ordering::Relaxed);
        self.plan.routes.get(route).cloned()
    }

    /// Whether somebody stopped it, and how large it is.
    fn look_at(&self, worker: &Worker) {
        let Some(stat) = Stat::of(worker.pid) else {
            return;
        };
        worker.rss_bytes.store(stat.rss_bytes, Ordering::Relaxed);
        if stat.is_stopped {
            tracing::error!(
                pid = worker.pid.as_raw_pid(),
                "a worker was stopped from outside and is killed"
            );
            self.doom(worker, Doom::Silent);
        }
        let most = self.plan.recycle_memory;
        if most > 0 && stat.rss_bytes > most && !worker.retires.swap(true, Ordering::Relaxed) {
            tracing::info!(
                pid = worker.pid.as_raw_pid(),
                rss_bytes = stat.rss_bytes,
                "a worker has become large and is replaced after its call"
            );
        }
    }

    /// Asks it whether it lives, and takes note where it does not say so.
    fn ask_for_life(&self, worker: &Worker, ping: &mut (u64, Instant, bool), now: Instant) {
        let (number, asked, is_answered) = *ping;
        if is_answered && now >= asked + PING {
            *ping = (number + 1, now, false);
            worker.order(&Order::Ping(number + 1));
        } else if !is_answered && now >= asked + PING_WAIT {
            tracing::error!(
                pid = worker.pid.as_raw_pid(),
                "a worker does not answer and is killed"
            );
            self.doom(worker, Doom::Silent);
        }
    }
}

fn hear_pong(worker: &Worker, ping: &mut (u64, Instant, bool)) {
    let mut buffer = Vec::with_capacity(64);
    // Nothing yet, or rubbish: both are silence.
    while let Ok(1..) = socket::receive_plain(&worker.control, &mut buffer) {
        if let Ok(Report::Pong(number)) = frame::decode(&buffer) {
            ping.2 |= number == ping.0;
        }
    }
}

/// What a worker says of itself when it is ready, as far as it is the one that was
/// wanted.
fn first_word(message: &[u8], fingerprint: u64) -> Result<Vec<String>, String> {
    let word: FromWorker<'_> = frame::decode(message).map_err(|rubbish| rubbish.to_string())?;
    let FromWorker::Ready(ready) = word else {
        return Err("its first word is another".to_owned());
    };
    if ready.version != frame::VERSION {
        return Err("it speaks another version of the protocol".to_owned());
    }
    if ready.fingerprint != fingerprint {
        return Err(
            "its routes are others than the server's: the program must build the same app in both"
                .to_owned(),
        );
    }
    let notes = ready.notes.iter();
    Ok(notes
        .map(|note| note.chars().take(NOTE_CHARS_MAX).collect())
        .collect())
}

/// What the system says of a process.
struct Stat {
    is_stopped: bool,
    rss_bytes: usize,
}

impl Stat {
    fn of(pid: Pid) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
        Self::parse(&text)
    }

    /// The name may hold anything, so fields are counted from its end: the state is
    /// the first, resident pages the 22nd (proc(5), fields 3 and 24).
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let is_stopped = fields.next()? == "T";
        let pages: usize = fields.nth(20)?.parse().ok()?;
        Some(Self {
            is_stopped,
            rss_bytes: pages.saturating_mul(rustix::param::page_size()),
        })
    }
}

/// How a process ended, for people.
fn describe(status: Option<&WaitIdStatus>) -> String {
    let Some(status) = status else {
        return "nobody knows how".to_owned();
    };
    if let Some(code) = status.exit_status() {
        return format!("exit code {code}");
    }
    let Some(signal) = status.terminating_signal() else {
        return format!("{status:?}");
    };
    match Signal::from_named_raw(signal) {
        Some(named) => {
            let name = format!("{named:?}");
            let name = name.trim_matches('"').trim_start_matches("Signal::");
            format!("signal {signal} ({name})")
        }
        None => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_of_this_process_that_it_runs_and_is_of_some_size() {
        let stat = Stat::of(rustix::process::getpid()).expect("its own line");
        assert!(!stat.is_stopped);
        assert!(stat.rss_bytes > 100_000);
    }

    #[test]
    fn a_name_may_hold_anything() {
        let fields = "T 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 7 22 23";
        let stat = Stat::parse(&format!("12 (a) b) (S ) {fields}")).expect("a line");
        assert!(stat.is_stopped);
        assert_eq!(stat.rss_bytes, 7 * rustix::param::page_size());
    }
}
