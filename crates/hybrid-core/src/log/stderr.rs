//! Standard error, whatever it is: a terminal, a file, a pipe that nothing reads.
//!
//! Written without the lock of the standard library's: a write that waits for ever
//! must not keep others from asking whether they would wait.

use std::{io, os::fd::AsFd as _, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// Whether a write of a short text would not wait, or not longer than that.
pub(crate) fn is_ready(longest: Duration) -> bool {
    let timeout = Timespec {
        tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: longest.subsec_nanos().into(),
    };
    wait(Some(&timeout))
}

/// Whether something may be written or is broken, within that time.
fn wait(timeout: Option<&Timespec>) -> bool {
    let stderr = io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    matches!(poll(&mut fds, timeout), Ok(1..))
}

/// Writes all, waiting as long as it takes; says how many bytes were written, and why
/// not all were.
pub(crate) fn write(bytes: &[u8]) -> (usize, io::Result<()>) {
    let stderr = io::stderr();
    let mut written = 0;
    while written < bytes.len() {
        match rustix::io::write(stderr.as_fd(), &bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(some) => written += some,
            Err(Errno::INTR) => {}
            // Another program shares it and has set it so.
            Err(Errno::AGAIN) => {
                wait(None);
            }
            Err(error) => return (written, Err(error.into())),
        }
    }
    (written, Ok(()))
}

/// Writes a line of a program that has no log; an error harms nothing.
pub(crate) fn say(text: &str) {
    // There is nowhere left to say that it failed.
    let _ = write(format!("{text}\n").as_bytes());
}

/// Whether colours are wanted: on a terminal, unless `NO_COLOR` says otherwise
/// (no-color.org: any text that is not empty).
#[cfg(feature = "logging")]
pub(crate) fn wants_colours() -> bool {
    use std::io::IsTerminal as _;

    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty());
    !is_unwanted && io::stderr().is_terminal()
}
