//! The load generator: one thread, one epoll, any number of loads at once.
//!
//! A load is closed (each connection asks again as soon as it was answered) or
//! open (requests are due at a fixed rate, whoever is free sends them). Of an
//! open load, latency counts from when a request was due, so that a server which
//! stalls is charged for everything it kept waiting; what was due and not
//! answered at the end is charged as well, up to then. Only 2xx is an answer.
//!
//! It shares the processors with the servers, so it does little: one read and
//! one write a request, nothing allocated, nothing kept of bodies. What it uses
//! is in [`Measured::own_cpu`]; how late it was itself is in [`Measured::late`].

mod connection;
mod latencies;

use std::{
    io,
    net::SocketAddr,
    num::NonZeroU64,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, Event},
    },
    fd::OwnedFd,
    thread::set_current_timer_slack,
};

use crate::process;
use connection::{Connection, Told};
pub use latencies::{Latencies, Sample};

/// Width of a slot of [`Measured::slots`].
pub const SLOT: Duration = Duration::from_millis(50);

/// Requests of one kind, on connections of their own.
#[derive(Debug, Clone)]
pub struct Load {
    /// Whom it asks.
    pub addr: SocketAddr,
    /// The request as it goes over the wire.
    pub request: Vec<u8>,
    /// How many connections; in a closed load, how many clients.
    pub connections: usize,
    /// When it asks.
    pub pace: Pace,
}

/// When a load asks.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection asks again as soon as it was answered.
    Closed,
    /// That many requests a second are due, whatever is answered.
    Open(f64),
}

impl Load {
    /// A closed load of `POST path` with that body.
    pub fn posting(addr: SocketAddr, path: &str, body: &[u8], clients: usize) -> Self {
        Self {
            request: post(path, body),
            ..Self::closed(addr, path, clients)
        }
    }

    /// A closed load of `GET path`.
    pub fn closed(addr: SocketAddr, path: &str, clients: usize) -> Self {
        Self {
            addr,
            request: get(path),
            connections: clients,
            pace: Pace::Closed,
        }
    }

    /// An open load of `GET path`.
    pub fn open(addr: SocketAddr, path: &str, connections: usize, per_second: f64) -> Self {
        Self {
            pace: Pace::Open(per_second),
            ..Self::closed(addr, path, connections)
        }
    }
}

/// `GET path`, as it goes over the wire.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\r\n").into_bytes()
}

/// `POST path` with a body, as it goes over the wire.
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1:8000\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// How long a load runs: first uncounted, then counted.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Before anything counts.
    pub warm_up: Duration,
    /// What counts.
    pub window: Duration,
}

impl Span {
    /// So many milliseconds of each.
    pub const fn milliseconds(warm_up: u64, window: u64) -> Self {
        Self {
            warm_up: Duration::from_millis(warm_up),
            window: Duration::from_millis(window),
        }
    }
}

/// An edge of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It begins.
    Begin,
    /// It ends.
    End,
}

/// What came of a load, within the window.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// How long the window was.
    pub window: Duration,
    /// Of answers with 2xx; an open load's also of what was due and unanswered.
    pub latencies: Latencies,
    /// Answers with 2xx.
    pub answered: usize,
    /// Answers with 503.
    pub refused: usize,
    /// Other answers, and connections that broke.
    pub failed: usize,
    /// How long after they were due requests were sent for which a connection
    /// was free all the time: the generator's own lateness.
    pub late: Latencies,
    /// Answers with 2xx in each [`SLOT`] from the first request on, warm-up
    /// included.
    pub slots: Vec<u32>,
    /// Processor time of the generator, all loads together.
    pub own_cpu: Duration,
}

impl Measured {
    /// Answers with 2xx a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.window.as_secs_f64()
    }
}

/// Runs loads side by side, each on connections that are opened before the first
/// request.
///
/// # Errors
/// A server cannot be connected to.
pub fn drive(loads: &[Load], span: Span) -> io::Result<Vec<Measured>> {
    drive_watched(loads, span, |_| Ok(()))
}

/// As [`drive`], and says when the window begins and ends.
///
/// # Errors
/// A server cannot be connected to, or `watch` fails.
pub fn drive_watched(
    loads: &[Load],
    span: Span,
    mut watch: impl FnMut(Edge) -> io::Result<()>,
) -> io::Result<Vec<Measured>> {
    // Refused where the system has no such thing; sends are then later, and
    // `late` says so.
    let _ = set_current_timer_slack(NonZeroU64::new(1));
    let mut driver = Driver::open(loads, span)?;
    driver.run_until(driver.begin)?;
    watch(Edge::Begin)?;
    let before = process::own_cpu();
    driver.is_counting = true;
    driver.run_until(driver.end)?;
    watch(Edge::End)?;
    let used = process::own_cpu().saturating_sub(before);
    Ok(driver.conclude(used))
}

/// Everything of a run.
struct Driver<'a> {
    loads: Vec<Running<'a>>,
    connections: Vec<Connection>,
    epoll: OwnedFd,
    started: Instant,
    begin: Instant,
    end: Instant,
    is_counting: bool,
}

/// A load that runs.
struct Running<'a> {
    load: &'a Load,
    measured: Measured,
    /// Connections that wait for something to send.
    free: Vec<usize>,
    /// How many requests of an open load were taken up so far.
    taken: u64,
    /// Since when at least one connection has been free.
    free_since: Instant,
}

impl<'a> Driver<'a> {
    fn open(loads: &'a [Load], span: Span) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::new();
        let mut running = Vec::new();
        for (index, load) in loads.iter().enumerate() {
            let first = connections.len();
            for _ in 0..load.connections {
                let token = connections.len() as u64;
                connections.push(Connection::open(load.addr, index, &epoll, token)?);
            }
            running.push(Running {
                load,
                measured: Measured::default(),
                free: (first..connections.len()).rev().collect(),
                taken: 0,
                free_since: Instant::now(),
            });
        }
        let started = Instant::now();
        let begin = started + span.warm_up;
        let end = begin + span.window;
        for running in &mut running {
            running.measured.window = span.window;
            running.measured.slots = vec![0; slot(end - started) + 1];
        }
        Ok(Self {
            loads: running,
            connections,
            epoll,
            started,
            begin,
            end,
            is_counting: false,
        })
    }

    fn run_until(&mut self, until: Instant) -> io::Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(256);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(());
            }
            let next = self.send_due(now)?.map_or(until, |due| due.min(until));
            let wait = next.saturating_duration_since(Instant::now());
            let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let number = usize::try_from(event.data.u64()).map_err(io::Error::other)?;
                self.receive(number, &mut buffer)?;
            }
        }
    }

    /// Sends what is due, and says when the next is, where one could be sent.
    fn send_due(&mut self, now: Instant) -> io::Result<Option<Instant>> {
        let mut next: Option<Instant> = None;
        for running in &mut self.loads {
            while let Some(&number) = running.free.last() {
                let due = running.due(self.started, now);
                if due > now {
                    next = Some(next.map_or(due, |next| next.min(due)));
                    break;
                }
                running.free.pop();
                running.taken += 1;
                if self.is_counting && matches!(running.load.pace, Pace::Open(_)) {
                    let could = due.max(running.free_since);
                    let late = now.saturating_duration_since(could);
                    running.measured.late.push(now - self.started, late);
                }
                self.connections[number].send(&running.load.request, due, &self.epoll)?;
            }
        }
        Ok(next)
    }

    fn receive(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<()> {
        let connection = &mut self.connections[number];
        let request = &self.loads[connection.load].load.request;
        connection.send_rest(request, &self.epoll)?;
        let told = connection.receive(buffer);
        let Told::Answer { status, due } = told else {
            if told == Told::Closed {
                self.broken(number)?;
            }
            return Ok(());
        };
        let now = Instant::now();
        let running = &mut self.loads[connection.load];
        let since_start = now - self.started;
        if (200..300).contains(&status)
            && let Some(slot) = running.measured.slots.get_mut(slot(since_start))
        {
            *slot += 1;
        }
        if self.is_counting {
            let measured = &mut running.measured;
            match status {
                200..300 => {
                    measured.answered += 1;
                    measured.latencies.push(since_start, now - due);
                }
                503 => measured.refused += 1,
                _ => measured.failed += 1,
            }
        }
        let must_close = self.connections[number].must_close();
        if must_close {
            self.connections[number].reopen(&self.epoll)?;
        }
        if matches!(running.load.pace, Pace::Closed) {
            self.connections[number].send(&running.load.request, now, &self.epoll)?;
        } else {
            running.give_back(number, now);
        }
        Ok(())
    }

    /// The server has closed a connection: an idle one it may, a waiting one is
    /// a failure.
    fn broken(&mut self, number: usize) -> io::Result<()> {
        let was_waiting = self.connections[number].is_waiting();
        self.connections[number].reopen(&self.epoll)?;
        if was_waiting {
            let running = &mut self.loads[self.connections[number].load];
            if self.is_counting {
                running.measured.failed += 1;
            }
            running.give_back(number, Instant::now());
        }
        Ok(())
    }

    /// Charges what was due and is not answered.
    fn conclude(mut self, own_cpu: Duration) -> Vec<Measured> {
        let (started, end) = (self.started, self.end);
        for connection in &self.connections {
            let running = &mut self.loads[connection.load];
            if let (Pace::Open(_), Some(due)) = (running.load.pace, connection.due()) {
                let so_far = end.saturating_duration_since(due);
                running.measured.latencies.push(end - started, so_far);
            }
        }
        for running in &mut self.loads {
            running.measured.own_cpu = own_cpu;
            while matches!(running.load.pace, Pace::Open(_)) && running.due(started, end) < end {
                let so_far = end - running.due(started, end);
                running.measured.latencies.push(end - started, so_far);
                running.taken += 1;
            }
        }
        self.loads
            .into_iter()
            .map(|running| running.measured)
            .collect()
    }
}

impl Running<'_> {
    /// When the next request is due.
    fn due(&self, started: Instant, now: Instant) -> Instant {
        match self.load.pace {
            Pace::Closed => now,
            Pace::Open(rate) => started + Duration::from_secs_f64(self.taken as f64 / rate),
        }
    }

    fn give_back(&mut self, number: usize, now: Instant) {
        if self.free.is_empty() {
            self.free_since = now;
        }
        self.free.push(number);
    }
}

fn slot(since_start: Duration) -> usize {
    (since_start.as_nanos() / SLOT.as_nanos()) as usize
}
