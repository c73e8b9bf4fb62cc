//! The load generator: one thread, one epoll, any number of loads at once.
//!
//! A load is closed (each connection sends its next request after its response) or open
//! (requests are due at a fixed rate, and any free connection sends them). The latency of an
//! open load counts from the time when a request was due, so a server that stalls is charged
//! for all requests that it delayed. Requests that were due and have no response at the end
//! are charged too, up to the end. Only 2xx counts as a response.
//!
//! The generator shares the processors with the servers, so it does little: one read and one
//! write per request, no allocation, and it drops the bodies. [`Measured::own_cpu`] is its
//! processor time; [`Measured::late`] is its own delay.

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

/// Requests of one kind, on separate connections.
#[derive(Debug, Clone)]
pub struct Load {
    /// The address of the server.
    pub addr: SocketAddr,
    /// The bytes of the request.
    pub request: Vec<u8>,
    /// The number of connections; in a closed load, the number of clients.
    pub connections: usize,
    /// When it sends requests.
    pub pace: Pace,
}

/// When a load sends requests.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection sends its next request after its response.
    Closed,
    /// That many requests per second are due, independent of responses.
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

/// The bytes of `GET path`.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\r\n").into_bytes()
}

/// The bytes of `POST path` with a body.
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1:8000\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// How long a load runs: first uncounted, then counted.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The warm-up, which does not count.
    pub warm_up: Duration,
    /// The part that counts.
    pub window: Duration,
}

impl Span {
    /// The two parts, in milliseconds.
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

/// The results of a load, within the window.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// How long the window was.
    pub window: Duration,
    /// The latencies of 2xx responses; of an open load also those of due requests without a
    /// response.
    pub latencies: Latencies,
    /// Responses with 2xx.
    pub answered: usize,
    /// Responses with 503.
    pub refused: usize,
    /// Other responses, and broken connections.
    pub failed: usize,
    /// The delay of the generator itself: how long after their due time requests were sent
    /// although a connection was free all the time.
    pub late: Latencies,
    /// Responses with 2xx in each [`SLOT`] since the first request, including the warm-up.
    pub slots: Vec<u32>,
    /// Processor time of the generator, all loads together.
    pub own_cpu: Duration,
}

impl Measured {
    /// Responses with 2xx per second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.window.as_secs_f64()
    }
}

/// Runs loads concurrently. Each opens its connections before the first request.
///
/// # Errors
/// A server cannot be connected to.
pub fn drive(loads: &[Load], span: Span) -> io::Result<Vec<Measured>> {
    drive_watched(loads, span, |_| Ok(()))
}

/// The same as [`drive`], and reports when the window begins and ends.
///
/// # Errors
/// A server cannot be connected to, or `watch` fails.
pub fn drive_watched(
    loads: &[Load],
    span: Span,
    mut watch: impl FnMut(Edge) -> io::Result<()>,
) -> io::Result<Vec<Measured>> {
    // Some systems refuse this. Then requests are sent later, and `late` shows it.
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

/// The state of a run.
struct Driver<'a> {
    loads: Vec<Running<'a>>,
    connections: Vec<Connection>,
    epoll: OwnedFd,
    started: Instant,
    begin: Instant,
    end: Instant,
    is_counting: bool,
}

/// A running load.
struct Running<'a> {
    load: &'a Load,
    measured: Measured,
    /// Idle connections.
    free: Vec<usize>,
    /// The number of requests of an open load that have begun so far.
    taken: u64,
    /// The time since when at least one connection has been free.
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

    /// Sends due requests and returns when the next one is due, if a connection is free.
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

    /// Handles a connection that the server closed. That is a failure only if a request
    /// waits for its response.
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

    /// Charges due requests without a response.
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
