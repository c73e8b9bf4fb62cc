//! Whether a thread is blocked: the kernel shows the state `S` or `D` in
//! `/proc/self/task/TID/stat`, about 4 µs a reading. Processor time alone does not tell:
//! a thread that waits for a processor makes no progress either.
//!
//! On a system without that file, a ticket that has run for 10 ms counts as blocked.

use std::{fs::File, time::Duration};

use super::hold::Looked;
use crate::clock::Instant;

/// Where states are not to be had, a ticket that runs longer counts as blocked.
const LONG: Duration = Duration::from_millis(10);

/// What is known of the worker of one place.
#[derive(Debug, Default)]
pub(super) struct Observed {
    file: Option<(u32, File)>,
    last: Option<(Looked, Instant)>,
}

impl Observed {
    /// Whether the worker that runs this ticket is blocked.
    pub(super) fn is_asleep(&mut self, looked: &Looked, now: Instant) -> bool {
        match self.state(looked.thread) {
            Some(state) => matches!(state, b'S' | b'D'),
            None => self.is_long(looked, now),
        }
    }

    /// Closes its file unless it is that thread's; a place whose thread has ended
    /// would keep one open.
    pub(super) fn forget_unless(&mut self, thread: Option<u32>) {
        if self
            .file
            .as_ref()
            .is_some_and(|(of, _)| Some(*of) != thread)
        {
            self.file = None;
        }
    }

    fn state(&mut self, thread: u32) -> Option<u8> {
        if self.file.as_ref().is_none_or(|(of, _)| *of != thread) {
            self.file = stat(thread).map(|file| (thread, file));
        }
        let (_, file) = self.file.as_ref()?;
        read_state(file)
    }

    fn is_long(&mut self, looked: &Looked, now: Instant) -> bool {
        let is_same = |(last, _): &(Looked, Instant)| last.is_same_ticket(looked);
        if !self.last.as_ref().is_some_and(is_same) {
            self.last = Some((*looked, now));
        }
        let since = self.last.as_ref().map(|(_, since)| *since);
        since.is_some_and(|since| now.saturating_duration_since(since) >= LONG)
    }
}

#[cfg(all(test, target_os = "linux"))]
impl Observed {
    pub(super) fn note(&mut self, thread: u32) {
        self.state(thread);
    }

    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }
}

/// Whether that thread is blocked now, for callers that ask rarely.
pub(super) fn is_asleep(thread: u32) -> bool {
    let state = stat(thread).and_then(|file| read_state(&file));
    state.is_some_and(|state| matches!(state, b'S' | b'D'))
}

#[cfg(target_os = "linux")]
fn stat(thread: u32) -> Option<File> {
    File::open(format!("/proc/self/task/{thread}/stat")).ok()
}

#[cfg(not(target_os = "linux"))]
fn stat(_: u32) -> Option<File> {
    None
}

#[cfg(target_os = "linux")]
fn read_state(file: &File) -> Option<u8> {
    let mut text = [0; 64];
    let length = rustix::io::pread(file, &mut text, 0).ok()?;
    parse(&text[..length])
}

#[cfg(not(target_os = "linux"))]
fn read_state(_: &File) -> Option<u8> {
    None
}

/// `13338 (name) S ..`: the letter behind the last bracket, since a name may hold
/// brackets; a thread's is at most 15 bytes.
#[cfg(target_os = "linux")]
fn parse(stat: &[u8]) -> Option<u8> {
    let bracket = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(bracket + 2).copied()
}

#[cfg(all(test, target_os = "linux", not(hybrid_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_the_name() {
        assert_eq!(parse(b"13338 (a (b) c) S 13336 1"), Some(b'S'));
        assert_eq!(parse(b"13338 (cat"), None);
    }

    #[test]
    fn this_thread_is_awake() {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(!is_asleep(u32::try_from(thread).expect("positive")));
    }
}
