//! A process that was started: its descriptors, what it writes, and the stages in which
//! it is stopped.

use std::{
    os::fd::{AsFd as _, BorrowedFd},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags},
    process::{Signal, kill_process_group, pidfd_send_signal},
};

use super::{ChildProcess, ChildState, StartingWorker, StopStage};
use crate::{
    background,
    clock::{self, Instant},
    process::{
        output::{LineSource, OutputLines, OutputStream, PipeState},
        socket,
        spawn::Spawned,
        worker_handle::{EndReason, WorkerHandle},
        workers::WorkersShared,
    },
};

/// How long a worker may take to end by itself.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// How long a worker has between TERM and KILL.
const TERM_GRACE: Duration = Duration::from_millis(100);

impl ChildProcess {
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
            outputs: [
                (out, OutputLines::new(OutputStream::Out), PipeState::Open),
                (err, OutputLines::new(OutputStream::Err), PipeState::Open),
            ],
            state: ChildState::Starting(Box::new(StartingWorker {
                pidfd,
                calls,
                control,
            })),
            stopping: None,
        }
    }

    pub(super) fn worker(&self) -> Option<&Arc<WorkerHandle>> {
        match &self.state {
            ChildState::Starting(_) => None,
            ChildState::Ready { worker, .. } => Some(worker),
        }
    }

    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        match &self.state {
            ChildState::Starting(spawned) => spawned.pidfd.as_fd(),
            ChildState::Ready { worker, .. } => worker.pidfd.as_fd(),
        }
    }

    /// Adds the descriptors that wake the supervisor.
    pub(super) fn add_poll_fds<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        fds.push(PollFd::from_borrowed_fd(self.pidfd(), PollFlags::IN));
        for (pipe, _, open) in &self.outputs {
            if *open == PipeState::Open {
                fds.push(PollFd::new(pipe, PollFlags::IN));
            }
        }
        match &self.state {
            // Its socket may be closed, which would wake the thread for ever. The pidfd shows
            // the end.
            ChildState::Starting(_) if self.stopping.is_some() => {}
            ChildState::Starting(spawned) => fds.push(PollFd::new(&spawned.calls, PollFlags::IN)),
            ChildState::Ready { .. } => {}
        }
    }

    /// Reads what it wrote. A worker that waits for this is given back afterwards.
    pub(super) fn read_output(&mut self, shared: &Arc<WorkersShared>) {
        // Before the pipes are read: the output of the call is in them by now.
        let waits =
            (self.worker()).filter(|worker| worker.has_output.swap(false, Ordering::Acquire));
        let waits = waits.cloned();
        self.drain(shared);
        if let Some(worker) = waits {
            shared.release(worker);
        }
    }

    /// Reads what it wrote.
    pub(super) fn drain(&mut self, shared: &WorkersShared) {
        let source = self.source(shared);
        for (pipe, lines, open) in &mut self.outputs {
            if *open == PipeState::Open {
                background::quietly(|| *open = lines.drain(&*pipe, &source));
            }
        }
    }

    /// Logs what is left of what it wrote, when it is gone.
    pub(super) fn finish(&mut self, shared: &WorkersShared) {
        let source = self.source(shared);
        for (_, lines, _) in &mut self.outputs {
            background::quietly(|| lines.finish(&source));
        }
    }

    fn source<'a>(&self, shared: &'a WorkersShared) -> LineSource<'a> {
        LineSource {
            pid: self.pid.as_raw_pid().unsigned_abs(),
            class: self
                .worker()
                .and_then(|worker| shared.output_class_of(worker)),
        }
    }

    /// The lane is closed: idle workers end now, busy ones after their call.
    pub(super) fn close(&mut self, shared: &WorkersShared) {
        match &self.state {
            ChildState::Starting(_) if self.stopping.is_none() => {
                self.stop(StopStage::Term, clock::now())
            }
            ChildState::Starting(_) => {}
            ChildState::Ready { worker, .. } => {
                if shared.queue.withdraw(worker) {
                    shared.end(worker, EndReason::Closed);
                }
            }
        }
    }

    pub(super) fn stop(&mut self, stage: StopStage, now: Instant) {
        match (stage, &self.state) {
            (StopStage::AwaitExit, _) => {}
            (StopStage::Shutdown, ChildState::Ready { worker, .. }) => {
                // It reads the end of its calls. An error means that it is gone.
                let _ = rustix::net::shutdown(&worker.calls, rustix::net::Shutdown::Both);
            }
            (StopStage::Shutdown | StopStage::Term, _) => {
                let _ = pidfd_send_signal(self.pidfd(), Signal::TERM);
            }
            (StopStage::Kill, _) => {
                let _ = pidfd_send_signal(self.pidfd(), Signal::KILL);
                let _ = kill_process_group(self.pid, Signal::KILL);
            }
        }
        self.stopping = Some((stage, now));
    }

    /// The next stage, and when it begins.
    fn next_stage(&self) -> Option<(StopStage, Instant)> {
        let (stage, since) = self.stopping?;
        match stage {
            StopStage::AwaitExit => Some((StopStage::Term, since + TERM_GRACE)),
            StopStage::Shutdown => Some((StopStage::Term, since + SHUTDOWN_GRACE)),
            StopStage::Term => Some((StopStage::Kill, since + TERM_GRACE)),
            StopStage::Kill => None,
        }
    }

    pub(super) fn stage_ends(&self) -> Option<Instant> {
        self.next_stage().map(|(_, at)| at)
    }

    pub(super) fn escalate(&mut self, now: Instant) {
        if let Some((stage, at)) = self.next_stage()
            && now >= at
        {
            self.stop(stage, now);
        }
    }
}
