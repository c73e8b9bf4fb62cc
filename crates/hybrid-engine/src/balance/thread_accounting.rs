//! What the system says of another thread of this process: whether it runs, and
//! what it was given. Read by the stall watch, and only of a thread that has held
//! its loop for a while.

use crate::os::{proc_stat::Stat, thread_times};

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadAccounting {
    /// It has a processor, or wants one.
    pub(super) is_runnable: bool,
    pub(super) cpu_ns: u64,
    /// Time on a run queue.
    pub(super) delay_ns: u64,
}

impl ThreadAccounting {
    /// How much of the time between two readings the thread waited for a
    /// processor, if that is most of it; `None`: it computes or is blocked, and what
    /// it polls is to blame.
    pub(super) fn waited_for_processor(
        &self,
        before: &Self,
        between: std::time::Duration,
    ) -> Option<std::time::Duration> {
        if !self.is_runnable {
            return None;
        }
        let waited = self.delay_ns.saturating_sub(before.delay_ns);
        let waited = std::time::Duration::from_nanos(waited).min(between);
        if waited * 2 > between {
            return Some(waited);
        }
        // Neither account has moved: it is on a run queue still, and the system
        // books that when it leaves it.
        let is_still = self.cpu_ns == before.cpu_ns && self.delay_ns == before.delay_ns;
        is_still.then_some(between)
    }
}

/// Another thread's accounts; `None` where the system does not keep them.
pub(super) fn of(thread: u32) -> Option<ThreadAccounting> {
    let (cpu_ns, delay_ns) = thread_times::of_thread(thread)?;
    Some(ThreadAccounting {
        is_runnable: Stat::of_thread(thread)?.state()? == b'R',
        cpu_ns,
        delay_ns,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: u64 = 1_000_000;

    fn check(is_runnable: bool, cpu_ms: u64, delay_ms: u64, waited_ms: Option<u64>) {
        let before = ThreadAccounting {
            is_runnable: true,
            cpu_ns: 7,
            delay_ns: 9,
        };
        let after = ThreadAccounting {
            is_runnable,
            cpu_ns: 7 + cpu_ms * MS,
            delay_ns: 9 + delay_ms * MS,
        };
        let waited = after.waited_for_processor(&before, Duration::from_millis(5));
        assert_eq!(waited, waited_ms.map(Duration::from_millis));
    }

    #[test]
    fn only_a_run_queue_excuses() {
        // Computes; is blocked; is blocked, after it had waited.
        check(true, 5, 0, None);
        check(false, 0, 0, None);
        check(false, 0, 5, None);
        // Waited for most of it; waits, unbooked as yet; shared its processor.
        check(true, 1, 4, Some(4));
        check(true, 0, 0, Some(5));
        check(true, 3, 2, None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_threads_accounts_are_read_by_its_number() {
        let me = of(crate::os::thread::number()).expect("this kernel keeps accounts");
        assert!(me.is_runnable);
        assert_eq!(of(u32::MAX), None);
    }
}
