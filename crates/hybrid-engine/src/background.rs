//! Background threads that an application relies on. A panic in one is logged, and the
//! thread goes on with its next turn. Where the state after a panic cannot be trusted,
//! the process ends, with a line in the log that says why.

use std::{io, sync::OnceLock, thread, time::Duration};

use crate::{
    catch::{Panicked, catch},
    clock::{self, Instant},
};

/// The pause after a panic, doubled with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A panic after so long without another is the first again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// The code that a process ends with whose own parts broke: `EX_SOFTWARE`.
const SOFTWARE_FAILED: i32 = 70;

/// Whether a thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is called again.
    Again,
    /// It ends.
    Over,
}

/// Starts a thread that takes its turn until it is over, whatever panics in it.
///
/// # Errors
/// The system refuses it.
pub fn spawn(name: &'static str, turn: impl FnMut() -> Turn + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || run(name, turn))?;
    Ok(())
}

/// Takes a turn again and again until it is over; a panic ends that turn alone.
pub fn run(name: &str, mut turn: impl FnMut() -> Turn) {
    let mut panics = Panics::default();
    loop {
        match catch(&mut turn) {
            Ok(Turn::Again) => {}
            Ok(Turn::Over) => return,
            Err(panicked) => thread::sleep(panics.say(name, &panicked)),
        }
    }
}

/// What [`before_exit`] was given.
static BEFORE_EXIT: OnceLock<fn(Duration)> = OnceLock::new();

/// The longest that the function of [`before_exit`] may take.
const EXIT_LONGEST: Duration = Duration::from_secs(1);

/// Has a function called before [`run_or_exit`] ends the process: one that writes what
/// the log still holds, within the time that it is given. Only the first call counts.
pub fn before_exit(flush: fn(Duration)) {
    BEFORE_EXIT.get_or_init(|| flush);
}

/// Runs code whose state cannot be trusted after a panic. The process then ends with
/// code 70 (`EX_SOFTWARE`).
pub fn run_or_exit<R>(name: &str, run: impl FnOnce() -> R) -> R {
    catch(run).unwrap_or_else(|Panicked(panic)| {
        quietly(|| {
            tracing::error!(
                thread = name,
                panic,
                "a thread of hybrid panicked and cannot go on: the process ends"
            );
        });
        if let Some(flush) = BEFORE_EXIT.get() {
            flush(EXIT_LONGEST);
        }
        std::process::exit(SOFTWARE_FAILED)
    })
}

/// The panics of a thread or a task that is started again.
#[derive(Debug, Default)]
pub struct Panics {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Panics {
    /// Logs a panic; returns how long to pause before the next attempt.
    pub fn say(&mut self, name: &str, Panicked(panic): &Panicked) -> Duration {
        let now = clock::now();
        let is_forgotten = |last| now.saturating_duration_since(last) > FORGOTTEN;
        if self.last.replace(now).is_none_or(is_forgotten) {
            self.in_a_row = 0;
        }
        let pause = PAUSE_MIN
            .saturating_mul(1 << self.in_a_row.min(8))
            .min(PAUSE_MAX);
        self.in_a_row += 1;
        quietly(|| {
            tracing::error!(
                thread = name,
                panic,
                "a thread of hybrid panicked and is started again"
            );
        });
        pause
    }
}

/// Runs code that logs, and ignores a panic of it. A subscriber of the program's may
/// panic: one that cannot write reports that by `eprintln!`, which panics where standard
/// error is broken. The line is lost then, and nothing else.
pub fn quietly(say: impl FnOnce()) {
    // There is nowhere to say it.
    let _ = catch(say);
}

/// Does nothing, but in tests that use [`fail`](failing::fail).
#[cfg(not(any(test, feature = "failing")))]
#[doc(hidden)]
#[inline]
pub fn fail_here(_: &str) {}

#[cfg(any(test, feature = "failing"))]
#[doc(hidden)]
pub use failing::{fail, fail_here, fail_on_this_thread};

/// Panics on demand, for tests of threads that go on after one.
#[cfg(any(test, feature = "failing"))]
#[doc(hidden)]
pub mod failing {
    use std::{
        cell::Cell,
        sync::{Mutex, MutexGuard, PoisonError},
    };

    static ONE_TEST: Mutex<()> = Mutex::new(());
    static WANTED: Mutex<Wanted> = Mutex::new(Wanted {
        name: "",
        epoch: 0,
        count: 0,
    });

    thread_local! {
        static SEEN: Cell<u64> = const { Cell::new(0) };
        static HERE: Cell<&'static str> = const { Cell::new("") };
    }

    struct Wanted {
        name: &'static str,
        epoch: u64,
        count: usize,
    }

    /// While it lives, every thread of its name panics once, at its next turn.
    #[derive(Debug)]
    pub struct Failing {
        epoch: u64,
        _one_test: MutexGuard<'static, ()>,
    }

    #[must_use]
    pub fn fail(name: &'static str) -> Failing {
        let one_test = ONE_TEST.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.name = name;
        wanted.epoch += 1;
        wanted.count = 0;
        Failing {
            epoch: wanted.epoch,
            _one_test: one_test,
        }
    }

    impl Failing {
        /// How many threads have panicked, of this test and of others.
        pub fn count(&self) -> usize {
            let wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
            assert_eq!(wanted.epoch, self.epoch, "one at a time");
            wanted.count
        }
    }

    impl Drop for Failing {
        fn drop(&mut self) {
            WANTED.lock().unwrap_or_else(PoisonError::into_inner).name = "";
        }
    }

    /// The next turn of that name on this thread panics, and no other.
    pub fn fail_on_this_thread(name: &'static str) {
        HERE.set(name);
    }

    pub fn fail_here(name: &str) {
        if HERE.get() == name {
            HERE.set("");
            panic!("a test wants it");
        }
        let is_wanted = {
            let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
            let is_wanted = wanted.name == name && SEEN.replace(wanted.epoch) < wanted.epoch;
            wanted.count += usize::from(is_wanted);
            is_wanted
        };
        assert!(!is_wanted, "a test wants it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_panics_is_followed_by_the_next() {
        let mut turns = 0;
        run("test", || {
            turns += 1;
            match turns {
                1 | 2 => panic!("turn {turns}"),
                3 => Turn::Again,
                _ => Turn::Over,
            }
        });
        assert_eq!(turns, 4);
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let mut panics = Panics::default();
        let pauses: Vec<_> = (0..6)
            .map(|_| panics.say("test", &Panicked(String::new())).as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn what_panics_while_it_logs_harms_nothing() {
        quietly(|| panic!("the subscriber"));
    }

    const PROGRAM: &str = "CORE_PROGRAM";

    #[test]
    fn what_cannot_go_on_ends_the_process_with_a_line() {
        if std::env::var_os(PROGRAM).is_some() {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(io::stderr)
                .init();
            let thread = thread::Builder::new();
            let broken = thread.spawn(|| run_or_exit("hybrid-pool-3", || panic!("it is broken")));
            broken.unwrap().join().unwrap();
        }
        let name = "background::tests::what_cannot_go_on_ends_the_process_with_a_line";
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(PROGRAM, "1")
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(SOFTWARE_FAILED), "{log}");
        let line = "a thread of hybrid panicked and cannot go on: the process ends \
                    thread=\"hybrid-pool-3\" panic=\"it is broken\"";
        assert!(log.contains(line), "{log}");
    }
}
