//! A process that was started: its descriptors, what it writes, and how it is asked to
//! end, ever more firmly.

use std::{
    os::fd::{AsFd as _, BorrowedFd},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags},
    process::{Signal, kill_process_group, pidfd_send_signal},
};

use super::{Asked, Child, State, Unready};
use crate::{
    dispatch::process::{
        Doom, Shared, TERM_GRACE, Worker,
        output::{From, Lines, Open, Stream},
        socket,
        spawn::Spawned,
    },
    kept,
    telemetry::clock::{self, Instant},
};

/// How long a worker may take that is to end by itself.
const GENTLE_WAIT: Duration = Duration::from_secs(2);

impl Child {
    pub(super) fn new(spawned: Spawned) -> Self {
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

    pub(super) fn worker(&self) -> Option<&Arc<Worker>> {
        match &self.state {
            State::Starting(_) => None,
            State::Ready { worker, .. } => Some(worker),
        }
    }

    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        match &self.state {
            State::Starting(spawned) => spawned.pidfd.as_fd(),
            State::Ready { worker, .. } => worker.pidfd.as_fd(),
        }
    }

    /// What wakes the thread.
    pub(super) fn watched<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
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

    /// Reads what it wrote, and gives the worker back that waits for this.
    pub(super) fn read_output(&mut self, shared: &Arc<Shared>) {
        // Before the reading: what was written during the call is there by now.
        let waits =
            (self.worker()).filter(|worker| worker.has_output.swap(false, Ordering::Acquire));
        let waits = waits.cloned();
        self.drain(shared);
        if let Some(worker) = waits {
            shared.give_back(worker);
        }
    }

    /// Reads what it wrote.
    pub(super) fn drain(&mut self, shared: &Shared) {
        let route = self.route(shared);
        let from = self.from(route.as_deref());
        for (pipe, lines, open) in &mut self.streams {
            if *open == Open::Yes {
                kept::quietly(|| *open = lines.drain(&*pipe, &from));
            }
        }
    }

    /// Logs what is left of what it wrote, when it is gone.
    pub(super) fn finish(&mut self, shared: &Shared) {
        let route = self.route(shared);
        let from = self.from(route.as_deref());
        for (_, lines, _) in &mut self.streams {
            kept::quietly(|| lines.finish(&from));
        }
    }

    fn route(&self, shared: &Shared) -> Option<String> {
        self.worker().and_then(|worker| shared.writer_of(worker))
    }

    fn from<'a>(&self, route: Option<&'a str>) -> From<'a> {
        From {
            pid: self.pid.as_raw_pid().unsigned_abs(),
            route,
        }
    }

    /// The server stops: idle workers end now, busy ones after their call.
    pub(super) fn close(&mut self, shared: &Shared) {
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

    pub(super) fn ask(&mut self, how: Asked, now: Instant) {
        match (how, &self.state) {
            (Asked::Nothing, _) => {}
            (Asked::Gently, State::Ready { worker, .. }) => {
                // It reads the end of its calls. An error means that it is gone.
                let _ = rustix::net::shutdown(&worker.calls, rustix::net::Shutdown::Both);
            }
            (Asked::Gently | Asked::Term, _) => {
                let _ = pidfd_send_signal(self.pidfd(), Signal::TERM);
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

    pub(super) fn due(&self) -> Option<Instant> {
        self.next().map(|(_, at)| at)
    }

    pub(super) fn go_further(&mut self, now: Instant) {
        if let Some((how, at)) = self.next()
            && now >= at
        {
            self.ask(how, now);
        }
    }
}
