//! The process lane where there is none: it needs Linux and the feature `processes`.
//! Whoever wants worker processes there is told at start-up; `max_processes = 0` runs
//! process routes on the pool.

use std::{convert::Infallible, io, path::PathBuf, sync::Arc};

use tokio::runtime::Handle;

use super::ticket::Ticket;
use crate::{
    Response,
    app::App,
    body::Body,
    config::Variables,
    context::{Parts, Running},
    extract::receive::Raw,
    problem::Problem,
    telemetry::{Shed, clock::Instant, timing::Timing},
};

pub(crate) const SANDBOX_IS_AVAILABLE: bool = false;
pub(crate) const REFUSED_MAX: usize = 64;
pub(crate) const WORKER_STATES: [&str; 0] = [];

/// Where an application's process routes run: never anywhere but on the pool.
#[allow(dead_code, reason = "the other places are of the system that has them")]
pub(crate) enum Processes {
    OnPool,
    Apart(Workers),
    Inside(Inside),
}

pub(crate) struct Inside {
    pub(crate) fingerprint: u64,
}

/// There are none.
pub(crate) struct Workers(Infallible);

pub(crate) struct Plan {
    pub(crate) program: Program,
    pub(crate) processes_max: usize,
    pub(crate) queue_depth: usize,
    pub(crate) segment_limit: usize,
    pub(crate) recycle_requests: usize,
    pub(crate) recycle_memory: usize,
    pub(crate) fingerprint: u64,
    pub(crate) routes: Vec<String>,
}

pub(crate) struct Program;

impl Program {
    pub(crate) fn this(_: Variables) -> Self {
        Self
    }

    pub(crate) fn other(_: PathBuf, _: Variables) -> Self {
        Self
    }
}

pub(crate) struct WorkerGauge {
    pub(crate) pid: Option<i32>,
    pub(crate) state: &'static str,
    pub(crate) route: Option<String>,
    pub(crate) restarts: u64,
    pub(crate) rss_bytes: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Ended {}

impl Ended {
    pub(crate) const ALL: [Self; 0] = [];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {}
    }
}

impl Workers {
    pub(crate) fn start(_: Plan, _: Handle) -> io::Result<Self> {
        Err(io::Error::other(if cfg!(target_os = "linux") {
            "the process lane needs the feature `processes` of hybrid; `max_processes = 0` runs its \
             routes on the pool"
        } else {
            "the process lane needs Linux: `max_processes = 0` runs its routes on the pool"
        }))
    }

    pub(crate) fn close(&self) {
        match self.0 {}
    }

    pub(crate) async fn join(&self) {
        match self.0 {}
    }

    pub(crate) fn gauges(&self) -> Vec<WorkerGauge> {
        match self.0 {}
    }

    pub(crate) fn queue_depth(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn segment_bytes(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn ended(&self, _: Ended) -> u64 {
        match self.0 {}
    }

    pub(crate) async fn call(&self, _: Call) -> Result<Answered, Failed> {
        match self.0 {}
    }
}

pub(crate) struct Call {
    pub(crate) parts: Arc<Parts>,
    pub(crate) body: Payload,
    pub(crate) running: Running,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) longest: Instant,
    pub(crate) interrupt: Interrupt,
    pub(crate) is_sent_in_place: bool,
}

pub(crate) struct Payload(#[allow(dead_code, reason = "nobody takes it further")] Raw);

impl From<Raw> for Payload {
    fn from(raw: Raw) -> Self {
        Self(raw)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Interrupt;

impl Interrupt {
    pub(crate) fn cancel(&self) {}
}

pub(crate) struct Answered {
    pub(crate) response: Response,
    pub(crate) timing: Option<Timing>,
    pub(crate) refused: Vec<u8>,
}

#[allow(dead_code, reason = "nobody is asked, so nobody refuses")]
pub(crate) enum Failed {
    Refused(Refused),
    Nowhere,
}

pub(crate) struct Refused(Infallible);

impl Refused {
    pub(crate) fn shed(&self) -> Option<Shed> {
        match self.0 {}
    }
}

impl Failed {
    pub(crate) fn nowhere() -> Self {
        Self::Nowhere
    }

    pub(crate) fn problem(self, what: &str) -> Problem {
        Problem::internal(format!("`{what}`: there are no worker processes here"))
    }
}

pub(crate) struct Work {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) deadline: Option<Instant>,
}

pub(crate) struct Worked {
    pub(crate) response: Response,
    pub(crate) timing: Option<Timing>,
    pub(crate) refused: Vec<u8>,
}

pub(crate) enum Sockets {}

/// No process is a worker.
pub(crate) fn sockets() -> Option<Sockets> {
    None
}

pub(crate) fn serve_worker(_: App, sockets: Sockets) -> ! {
    match sockets {}
}
