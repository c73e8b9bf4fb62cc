//! Liveness: whether a worker was stopped, how large it is, whether it replies to pings.

use std::{sync::atomic::Ordering, time::Duration};

use rustix::process::Pid;

use crate::{
    background,
    clock::Instant,
    process::{
        codec,
        messages::{Control, ControlReply},
        socket,
        worker_handle::{EndReason, WorkerHandle},
        workers::{IDLE_SEGMENT_BYTES, WorkersShared},
    },
};

/// How often workers are pinged, and how long they may take to reply.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const PONG_WAIT: Duration = Duration::from_secs(3);

/// The last ping.
pub(super) struct PingState {
    number: u64,
    sent: Instant,
    is_answered: bool,
}

impl PingState {
    /// None was sent.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            number: 0,
            sent: now,
            is_answered: true,
        }
    }
}

impl WorkersShared {
    /// Checks whether it was stopped, and how large it is.
    pub(super) fn check_process(&self, worker: &WorkerHandle) {
        let Some(stat) = ProcessStat::of(worker.pid) else {
            return;
        };
        worker.rss_bytes.store(stat.rss_bytes, Ordering::Relaxed);
        if stat.is_stopped {
            log_stopped(worker.pid);
            self.end(worker, EndReason::Unresponsive);
        }
        let most = self.config.recycle_memory;
        if most > 0 && stat.rss_bytes > most && !worker.retires.swap(true, Ordering::Relaxed) {
            background::quietly(|| {
                tracing::info!(
                    pid = worker.pid.as_raw_pid(),
                    rss_bytes = stat.rss_bytes,
                    "a worker has become large and is replaced after its call"
                )
            });
        }
    }

    /// Pings it, and ends it where it has not replied to the last ping in time.
    pub(super) fn ping(&self, worker: &WorkerHandle, ping: &mut PingState, now: Instant) {
        if ping.is_answered && now >= ping.sent + PING_INTERVAL {
            *ping = PingState {
                number: ping.number + 1,
                sent: now,
                is_answered: false,
            };
            worker.send_control(&Control::Ping(ping.number));
        } else if !ping.is_answered && now >= ping.sent + PONG_WAIT {
            background::quietly(|| {
                tracing::error!(
                    pid = worker.pid.as_raw_pid(),
                    "a worker does not answer and is killed"
                )
            });
            self.end(worker, EndReason::Unresponsive);
        }
    }
}

pub(super) fn is_stopped(pid: Pid) -> bool {
    ProcessStat::of(pid).is_some_and(|stat| stat.is_stopped)
}

pub(super) fn log_stopped(pid: Pid) {
    let pid = pid.as_raw_pid();
    background::quietly(|| tracing::error!(pid, "a worker was stopped from outside and is killed"));
}

impl WorkerHandle {
    /// Drops free segments where it has run no call since the last check.
    pub(super) fn trim_if_unused(&self) {
        let served = self.served.load(Ordering::Relaxed);
        let before = self.served_before.swap(served, Ordering::Relaxed);
        if served == before && !self.is_busy() {
            self.trim_segments(IDLE_SEGMENT_BYTES);
        }
    }
}

pub(super) fn read_pongs(worker: &WorkerHandle, ping: &mut PingState) {
    let mut buffer = Vec::with_capacity(64);
    // Nothing yet, and a malformed message, are no reply.
    while let Ok(1..) = socket::receive_plain(&worker.control, &mut buffer) {
        if let Ok(ControlReply::Pong(number)) = codec::decode(&buffer) {
            ping.is_answered |= number == ping.number;
        }
    }
}

/// What `/proc/<pid>/stat` says of a process.
struct ProcessStat {
    is_stopped: bool,
    rss_bytes: usize,
}

impl ProcessStat {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_of_this_process_that_it_runs_and_is_of_some_size() {
        let stat = ProcessStat::of(rustix::process::getpid()).expect("its own line");
        assert!(!stat.is_stopped);
        assert!(stat.rss_bytes > 100_000);
    }

    #[test]
    fn a_name_may_hold_anything() {
        let fields = "T 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 7 22 23";
        let stat = ProcessStat::parse(&format!("12 (a) b) (S ) {fields}")).expect("a line");
        assert!(stat.is_stopped);
        assert_eq!(stat.rss_bytes, 7 * rustix::param::page_size());
    }
}
