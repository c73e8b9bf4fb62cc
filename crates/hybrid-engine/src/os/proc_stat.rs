//! The `stat` line of a process or a thread in `/proc`; see proc(5), whose numbers the
//! fields have here. Elsewhere than on Linux there is none.

use std::fs::File;

/// The fields of a `stat` line behind the name, which may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat(String);

impl Stat {
    /// Of this process. About 10 µs.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        Self::read("/proc/self/stat")
    }

    /// Of another process.
    #[must_use]
    pub fn of_process(pid: u32) -> Option<Self> {
        Self::read(&format!("/proc/{pid}/stat"))
    }

    /// Of a thread of this process, by the system's number of it.
    #[must_use]
    pub fn of_thread(thread: u32) -> Option<Self> {
        Self::read(&format!("/proc/self/task/{thread}/stat"))
    }

    fn read(path: &str) -> Option<Self> {
        if cfg!(target_os = "linux") {
            Self::parse(&std::fs::read_to_string(path).ok()?)
        } else {
            None
        }
    }

    /// Takes a line apart; `None` where it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let fields = behind_name(line.as_bytes())?;
        std::str::from_utf8(fields)
            .ok()
            .map(|fields| Self(fields.to_owned()))
    }

    /// The state: `R` runs or waits for a processor, `S` and `D` are blocked, `T` is
    /// stopped.
    #[must_use]
    pub fn state(&self) -> Option<u8> {
        self.0.bytes().next()
    }

    /// A field by its number in proc(5), from 4 on.
    #[must_use]
    pub fn field(&self, number: usize) -> Option<u64> {
        let mut fields = self.0.split_ascii_whitespace();
        fields.nth(number.checked_sub(3)?)?.parse().ok()
    }

    /// Memory that is resident, in bytes.
    #[cfg(unix)]
    #[must_use]
    pub fn resident_bytes(&self) -> Option<u64> {
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        self.field(24)?.checked_mul(page)
    }
}

/// Opens the `stat` file of a thread of this process, for [`state_now`].
#[must_use]
pub fn open_thread(thread: u32) -> Option<File> {
    if cfg!(target_os = "linux") {
        File::open(format!("/proc/self/task/{thread}/stat")).ok()
    } else {
        None
    }
}

/// The state of the thread of an open `stat` file. About 4 µs.
#[must_use]
pub fn state_now(file: &File) -> Option<u8> {
    // The name of a thread has at most 15 bytes.
    let mut line = [0; 64];
    let length = read_start(file, &mut line)?;
    behind_name(&line[..length])?.first().copied()
}

#[cfg(unix)]
fn read_start(file: &File, line: &mut [u8]) -> Option<usize> {
    rustix::io::pread(file, line, 0).ok()
}

#[cfg(not(unix))]
fn read_start(_: &File, _: &mut [u8]) -> Option<usize> {
    None
}

/// `13338 (name) S ..` from the state on. A name may hold brackets.
fn behind_name(line: &[u8]) -> Option<&[u8]> {
    let bracket = line.iter().rposition(|byte| *byte == b')')?;
    line.get(bracket + 2..)
}

#[cfg(all(test, target_os = "linux", not(hybrid_loom)))]
mod tests {
    use super::*;

    const LINE: &str =
        "7 (a) b) ) T 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 12345 8192 2 18";

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!(stat.state(), Some(b'T'));
        assert_eq!((stat.field(14), stat.field(15)), (Some(250), Some(50)));
        assert_eq!((stat.field(20), stat.field(22)), (Some(3), Some(12345)));
        let page = rustix::param::page_size() as u64;
        assert_eq!(stat.resident_bytes(), Some(2 * page));
        assert_eq!(stat.field(90), None);
        assert_eq!(Stat::parse("13338 (cat"), None);
    }

    #[test]
    fn this_thread_runs_and_its_process_has_memory() {
        let thread = crate::os::thread::number();
        let file = open_thread(thread).unwrap();
        assert_eq!(state_now(&file), Some(b'R'));
        assert_eq!(Stat::of_thread(thread).unwrap().state(), Some(b'R'));
        assert!(Stat::of_this_process().unwrap().resident_bytes() > Some(100_000));
        let by_number = Stat::of_process(std::process::id()).unwrap();
        assert!(by_number.field(20) >= Some(1));
        assert_eq!(Stat::of_process(u32::MAX), None);
    }
}
