//! What the system has on account for a thread: processor time, time spent
//! waiting for a processor, and how often it was given one.
//!
//! On Linux the last two come from `/proc/thread-self/schedstat` (a file kept
//! open by each thread that measures; about 600 ns a reading, besides about
//! 240 ns for the thread's processor clock). Elsewhere only the processor clock
//! is there, and what is not processor time counts as blocked.

use std::ops::Sub;

/// The accounts of a thread, as differences from an unknown beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reading {
    /// Time on a processor.
    pub cpu_ns: u64,
    /// Time on a run queue, waiting for a processor.
    pub delay_ns: u64,
    /// How often it was given a processor: unchanged means that it neither
    /// blocked nor was preempted. `None` where the system does not tell.
    pub switches: Option<u64>,
}

impl Sub for Reading {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(before.cpu_ns),
            delay_ns: self.delay_ns.saturating_sub(before.delay_ns),
            switches: self
                .switches
                .zip(before.switches)
                .map(|(after, before)| after.saturating_sub(before)),
        }
    }
}

/// Reads this thread's accounts; `None` where there is not even a processor
/// clock for threads.
pub fn read() -> Option<Reading> {
    // The scheduler's numbers first: its cost is then inside the processor time
    // of the end, and outside of it at the beginning.
    let scheduled = schedstat::read();
    Some(Reading {
        cpu_ns: clock_ns(Clock::Thread)?,
        delay_ns: scheduled.map_or(0, |(delay_ns, _)| delay_ns),
        switches: scheduled.map(|(_, switches)| switches),
    })
}

/// Processor time of the whole process.
pub fn process_cpu_ns() -> Option<u64> {
    clock_ns(Clock::Process)
}

/// Processor time of another thread of this process, by the system's number of it;
/// `None` where it is gone or the system does not tell. About 400 ns.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a clock that only a system call reads")]
pub fn thread_cpu_ns(thread: u32) -> Option<u64> {
    /// A thread's, and what its scheduler counts: `CPUCLOCK_PERTHREAD_MASK` and
    /// `CPUCLOCK_SCHED` of the kernel.
    const OF_THREAD: libc::clockid_t = 4 | 2;
    let clock = !libc::clockid_t::try_from(thread).ok()? << 3 | OF_THREAD;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the system writes one `timespec` to a valid place; a clock that there is
    // not is an error.
    let read = unsafe { libc::clock_gettime(clock, &raw mut time) };
    let (seconds, ns) = (u64::try_from(time.tv_sec).ok()?, time.tv_nsec);
    (read == 0).then(|| seconds * 1_000_000_000 + u64::try_from(ns).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
pub fn thread_cpu_ns(_: u32) -> Option<u64> {
    None
}

/// Processor time and run-queue delay of another thread of this process, in
/// nanoseconds; `None` where the system does not keep them.
#[cfg(target_os = "linux")]
pub fn of_thread(thread: u32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Processor time and run-queue delay of another thread of this process, in
/// nanoseconds; `None` where the system does not keep them.
#[cfg(not(target_os = "linux"))]
pub fn of_thread(_: u32) -> Option<(u64, u64)> {
    None
}

/// How often a thread of this process has given up its processor to wait for
/// something. About 12 µs.
#[cfg(target_os = "linux")]
pub fn thread_blocks(thread: u32) -> Option<u64> {
    let status = std::fs::read(format!("/proc/self/task/{thread}/status")).ok()?;
    let mut lines = status.split(|byte| *byte == b'\n');
    let count = lines.find_map(|line| line.strip_prefix(b"voluntary_ctxt_switches:"))?;
    std::str::from_utf8(count).ok()?.trim().parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub fn thread_blocks(_: u32) -> Option<u64> {
    None
}

#[derive(Clone, Copy)]
enum Clock {
    Thread,
    Process,
}

#[cfg(unix)]
fn clock_ns(clock: Clock) -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(match clock {
        Clock::Thread => ClockId::ThreadCPUTime,
        Clock::Process => ClockId::ProcessCPUTime,
    });
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).ok()?)
}

#[cfg(not(unix))]
fn clock_ns(_: Clock) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
mod schedstat {
    use std::fs::File;

    thread_local! {
        /// Opened once by each thread that measures; `None` where the kernel was
        /// built without it.
        static FILE: Option<File> = File::open("/proc/thread-self/schedstat").ok();
    }

    /// Run-queue delay and times given a processor.
    pub(super) fn read() -> Option<(u64, u64)> {
        FILE.try_with(|file| {
            let mut text = [0; 64];
            let length = rustix::io::pread(file.as_ref()?, &mut text, 0).ok()?;
            parse(&text[..length])
        })
        .ok()
        .flatten()
    }

    /// `cpu delay slices`, decimal.
    fn parse(text: &[u8]) -> Option<(u64, u64)> {
        let mut fields = text.splitn(3, |byte| *byte == b' ').skip(1);
        Some((number(fields.next()?)?, number(fields.next()?)?))
    }

    /// The digits at the beginning; what follows is the end of the line.
    fn number(text: &[u8]) -> Option<u64> {
        text.first().filter(|first| first.is_ascii_digit())?;
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0_u64, |number, digit| {
            number
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'))
        }))
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_second_and_third_number_are_read() {
            assert_eq!(super::parse(b"1816110 613131 3\n"), Some((613_131, 3)));
            assert_eq!(super::parse(b"1816110 613131"), None);
            assert_eq!(super::parse(b""), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod schedstat {
    pub(super) fn read() -> Option<(u64, u64)> {
        None
    }
}

#[cfg(all(test, target_os = "linux", not(hybrid_loom)))]
mod tests {
    use super::*;
    use crate::os::thread;

    #[test]
    fn another_threads_clock_is_the_one_that_it_reads_itself() {
        let before = clock_ns(Clock::Thread);
        let thread = thread::number();
        let seen = std::thread::scope(|scope| {
            let other = scope.spawn(|| thread_cpu_ns(thread));
            other.join().expect("no panic")
        });
        assert!(before <= seen && seen <= clock_ns(Clock::Thread));
        assert_eq!(thread_cpu_ns(u32::MAX), None);
    }

    #[test]
    fn what_sleeps_blocks() {
        let before = thread_blocks(thread::number()).expect("it is there");
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert!(thread_blocks(thread::number()) > Some(before));
    }
}
