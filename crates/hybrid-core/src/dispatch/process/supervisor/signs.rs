//! Signs of life: whether a worker was stopped, how large it is, whether it answers
//! when it is asked.

use std::{sync::atomic::Ordering, time::Duration};

use rustix::process::Pid;

use crate::{
    dispatch::process::{
        Doom, Shared, WARM_BYTES, Worker,
        frame::{self, Order, Report},
        socket,
    },
    kept,
    telemetry::clock::Instant,
};

/// How often workers are asked whether they live, and how long they may take.
const PING: Duration = Duration::from_secs(2);
const PING_WAIT: Duration = Duration::from_secs(3);

impl Shared {
    /// Whether somebody stopped it, and how large it is.
    pub(super) fn look_at(&self, worker: &Worker) {
        let Some(stat) = Stat::of(worker.pid) else {
            return;
        };
        worker.rss_bytes.store(stat.rss_bytes, Ordering::Relaxed);
        if stat.is_stopped {
            say_stopped(worker.pid);
            self.doom(worker, Doom::Silent);
        }
        let most = self.plan.recycle_memory;
        if most > 0 && stat.rss_bytes > most && !worker.retires.swap(true, Ordering::Relaxed) {
            kept::quietly(|| {
                tracing::info!(
                    pid = worker.pid.as_raw_pid(),
                    rss_bytes = stat.rss_bytes,
                    "a worker has become large and is replaced after its call"
                )
            });
        }
    }

    /// Asks it whether it lives, and takes note where it does not say so.
    pub(super) fn ask_for_life(
        &self,
        worker: &Worker,
        ping: &mut (u64, Instant, bool),
        now: Instant,
    ) {
        let (number, asked, is_answered) = *ping;
        if is_answered && now >= asked + PING {
            *ping = (number + 1, now, false);
            worker.order(&Order::Ping(number + 1));
        } else if !is_answered && now >= asked + PING_WAIT {
            kept::quietly(|| {
                tracing::error!(
                    pid = worker.pid.as_raw_pid(),
                    "a worker does not answer and is killed"
                )
            });
            self.doom(worker, Doom::Silent);
        }
    }
}

pub(super) fn is_stopped(pid: Pid) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.is_stopped)
}

pub(super) fn say_stopped(pid: Pid) {
    let pid = pid.as_raw_pid();
    kept::quietly(|| tracing::error!(pid, "a worker was stopped from outside and is killed"));
}

impl Worker {
    /// Gives up the shared memory that one which does nothing need not keep.
    pub(super) fn cool(&self) {
        let served = self.served.load(Ordering::Relaxed);
        let before = self.served_before.swap(served, Ordering::Relaxed);
        if served == before && !self.is_busy() {
            self.trim(WARM_BYTES);
        }
    }
}

pub(super) fn hear_pong(worker: &Worker, ping: &mut (u64, Instant, bool)) {
    let mut buffer = Vec::with_capacity(64);
    // Nothing yet, or rubbish: both are silence.
    while let Ok(1..) = socket::receive_plain(&worker.control, &mut buffer) {
        if let Ok(Report::Pong(number)) = frame::decode(&buffer) {
            ping.2 |= number == ping.0;
        }
    }
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
