//! What the system lets a worker use: memory, processor seconds, open files.
//!
//! Runs in the worker, before each call, with the limits of its class of work. Only soft
//! limits are set, so that the next call may have more. The hard limits that the worker
//! was started with are never exceeded.
//!
//! - Memory is `RLIMIT_DATA`: private writable memory as it is mapped, touched or not.
//!   `RLIMIT_AS` would count what allocators merely reserve. Beyond it allocations
//!   fail, of which Rust makes an abort. What the worker had mapped when it was ready
//!   is not counted: there are allocators that map a gigabyte at their first
//!   allocation (mimalloc does), and use little of it.
//! - Processor time is `RLIMIT_CPU`, which counts over the life of the process in
//!   whole seconds. So the limit is what was used so far, rounded up, plus the call's own
//!   seconds; a call may have up to a second more. Beyond it the system sends
//!   SIGXCPU. The limit goes by the ticks that found the process running, the clock
//!   that is read here by exact times; over hours of processor time these differ by
//!   seconds. Deadlines are what is exact.
//! - Open files are `RLIMIT_NOFILE`. Beyond it nothing more can be opened.

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, Timespec, clock_gettime},
};

use super::ResourceLimits;

/// How much sooner than its server a worker is killed where memory runs out, in
/// thousandths of it.
const OOM_SCORE_MORE: i32 = 500;
/// The most that Linux knows.
const OOM_SCORE_MAX: i32 = 1000;

/// Has the kernel kill this worker before its server where memory runs out. A process
/// may always raise its own score; what it starts inherits it.
pub(super) fn die_before_the_server() -> std::io::Result<()> {
    const FILE: &str = "/proc/self/oom_score_adj";
    let own = std::fs::read_to_string(FILE)?;
    // It was started with the server's.
    let own: i32 = own.trim().parse().unwrap_or(0);
    let raised = own.saturating_add(OOM_SCORE_MORE).min(OOM_SCORE_MAX);
    std::fs::write(FILE, raised.to_string())
}

/// The limits that are set, so that a call with the same ones costs no system call but
/// those for processor time.
pub(super) struct AppliedLimits {
    /// What was mapped before the first call.
    before_bytes: usize,
    memory_bytes: Option<usize>,
    files: Option<usize>,
    has_cpu: bool,
}

impl AppliedLimits {
    /// Nothing is set yet: the limits hold that the process was started with. To be
    /// called when it is ready for its first call.
    pub(super) fn new() -> Self {
        Self {
            before_bytes: mapped_bytes().unwrap_or(0),
            memory_bytes: None,
            files: None,
            has_cpu: false,
        }
    }

    /// Sets what is not set already.
    ///
    /// # Errors
    ///
    /// What could not be set; the rest is.
    pub(super) fn apply(&mut self, limits: ResourceLimits) -> Result<(), String> {
        let memory_bytes = self.before_bytes.saturating_add(limits.memory_bytes);
        let failures: Vec<String> = [
            set(&mut self.memory_bytes, memory_bytes, Resource::Data),
            set(&mut self.files, limits.files, Resource::Nofile),
            self.set_cpu(limits.cpu_seconds),
        ]
        .into_iter()
        .filter_map(Result::err)
        .collect();
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.join("; "))
        }
    }

    fn set_cpu(&mut self, seconds: Option<u32>) -> Result<(), String> {
        if seconds.is_none() && !self.has_cpu {
            return Ok(());
        }
        let used = clock_gettime(ClockId::ProcessCPUTime);
        set_soft(Resource::Cpu, seconds.map(|seconds| until(used, seconds)))?;
        self.has_cpu = seconds.is_some();
        Ok(())
    }
}

/// Sets a limit that is not set already.
fn set(applied: &mut Option<usize>, wanted: usize, resource: Resource) -> Result<(), String> {
    if *applied != Some(wanted) {
        set_soft(resource, Some(wanted as u64))?;
        *applied = Some(wanted);
    }
    Ok(())
}

/// Sets a soft limit, up to the hard one; to that if there is none.
fn set_soft(resource: Resource, wanted: Option<u64>) -> Result<(), String> {
    let maximum = getrlimit(resource).maximum;
    let current = match (wanted, maximum) {
        (Some(wanted), Some(maximum)) => Some(wanted.min(maximum)),
        (wanted, maximum) => wanted.or(maximum),
    };
    setrlimit(resource, Rlimit { current, maximum }).map_err(|error| {
        let what = match resource {
            Resource::Data => "memory",
            Resource::Nofile => "open files",
            _ => "processor time",
        };
        format!("the limit of {what} could not be set: {error}")
    })
}

/// The data that this process has mapped, and its stack, which is small: the sixth
/// number in `statm`, in pages (proc(5)).
fn mapped_bytes() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(5)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size())
}

/// Up to which second of the process's time a call may run that begins now.
fn until(used: Timespec, seconds: u32) -> u64 {
    let used_seconds = u64::try_from(used.tv_sec).unwrap_or(0) + u64::from(used.tv_nsec > 0);
    used_seconds + u64::from(seconds)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        env,
        hint::black_box,
        os::unix::process::ExitStatusExt as _,
        process::{Command, Output, exit},
        thread,
    };

    use rustix::process::Signal;

    use super::*;

    const MIB: usize = 1 << 20;
    const LIMITS: ResourceLimits = ResourceLimits {
        memory_bytes: 64 * MIB,
        cpu_seconds: None,
        files: 64,
    };

    /// The exit code of a process that did what it was to do, and not nothing at all.
    const WELL: i32 = 77;

    /// Does that in a process of its own: this test, run once more. What it limits
    /// or what kills it is then no other test's concern.
    pub(in crate::process) fn elsewhere(inner: impl FnOnce()) -> Output {
        const ELSEWHERE: &str = "HYBRID_TEST_ELSEWHERE";
        if env::var_os(ELSEWHERE).is_some() {
            inner();
            exit(WELL);
        }
        let test = thread::current();
        Command::new(env::current_exe().unwrap())
            .args([test.name().unwrap(), "--exact", "--nocapture"])
            .env(ELSEWHERE, "1")
            .output()
            .unwrap()
    }

    #[track_caller]
    pub(in crate::process) fn assert_well(output: &Output) {
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(WELL), "{log}");
    }

    #[track_caller]
    pub(in crate::process) fn assert_killed(output: &Output, by: Signal) {
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(by.as_raw()), "{log}");
    }

    fn allocates(bytes: usize) -> bool {
        black_box(Vec::<u8>::new())
            .try_reserve_exact(black_box(bytes))
            .is_ok()
    }

    #[test]
    fn memory_is_limited_and_may_be_raised_again() {
        let ended = elsewhere(|| {
            let mut applied = AppliedLimits::new();
            assert!(allocates(128 * MIB));
            applied.apply(LIMITS).unwrap();
            assert!(allocates(16 * MIB));
            assert!(!allocates(128 * MIB));
            let memory_bytes = 256 * MIB;
            let more = ResourceLimits {
                memory_bytes,
                ..LIMITS
            };
            applied.apply(more).unwrap();
            assert!(allocates(128 * MIB));
        });
        assert_well(&ended);
    }

    #[test]
    fn what_was_mapped_before_is_not_counted() {
        let ended = elsewhere(|| {
            let _reserved = black_box(Vec::<u8>::with_capacity(black_box(128 * MIB)));
            AppliedLimits::new().apply(LIMITS).unwrap();
            assert!(allocates(48 * MIB));
            let thread = thread::Builder::new().spawn(|| ());
            thread.unwrap().join().unwrap();
            assert!(!allocates(128 * MIB));
        });
        assert_well(&ended);
    }

    #[test]
    fn an_allocation_above_the_limit_aborts() {
        let ended = elsewhere(|| {
            AppliedLimits::new().apply(LIMITS).unwrap();
            black_box(vec![1_u8; black_box(128 * MIB)]);
        });
        assert_killed(&ended, Signal::ABORT);
    }

    #[test]
    fn files_are_limited() {
        let ended = elsewhere(|| {
            AppliedLimits::new().apply(LIMITS).unwrap();
            let open = || std::fs::File::open("/proc/self/exe");
            let files: Vec<_> = (0..64).map_while(|_| open().ok()).collect();
            assert!((32..64).contains(&files.len()), "{}", files.len());
        });
        assert_well(&ended);
    }

    #[test]
    fn no_limit_exceeds_the_hard_one() {
        let ended = elsewhere(|| {
            let resource = Resource::Nofile;
            let hard = |hard| Rlimit {
                current: Some(hard),
                maximum: Some(hard),
            };
            setrlimit(resource, hard(100)).unwrap();
            let files = 1000;
            AppliedLimits::new()
                .apply(ResourceLimits { files, ..LIMITS })
                .unwrap();
            assert_eq!(getrlimit(resource), hard(100));
        });
        assert_well(&ended);
    }

    fn use_up(until: i64) {
        while clock_gettime(ClockId::ProcessCPUTime).tv_sec < until {
            black_box((0..1000).sum::<u64>());
        }
    }

    #[test]
    fn processor_time_is_limited_for_each_request_anew() {
        let ended = elsewhere(|| {
            let soft = || getrlimit(Resource::Cpu).current;
            let hard = getrlimit(Resource::Cpu).maximum;
            let limited = ResourceLimits {
                cpu_seconds: Some(1),
                ..LIMITS
            };
            let mut applied = AppliedLimits::new();
            applied.apply(limited).unwrap();
            assert_eq!(soft(), Some(2));
            use_up(1);
            applied.apply(limited).unwrap();
            assert_eq!(soft(), Some(3));
            applied.apply(LIMITS).unwrap();
            assert_eq!(soft(), hard);
            applied.apply(limited).unwrap();
            use_up(5);
        });
        assert_killed(&ended, Signal::XCPU);
    }

    #[test]
    fn what_was_used_is_rounded_up() {
        let used = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        assert_eq!(until(used(0, 0), 1), 1);
        assert_eq!(until(used(0, 1), 1), 2);
        assert_eq!(until(used(7, 999_999_999), 5), 13);
    }
}
