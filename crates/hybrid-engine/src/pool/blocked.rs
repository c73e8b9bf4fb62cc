//! Whether a thread is blocked: the kernel shows the state `S` or `D` in
//! `/proc/self/task/TID/stat`, about 4 µs a reading. Processor time alone does not tell:
//! a thread that waits for a processor makes no progress either.
//!
//! On a system without that file, a ticket that has run for 10 ms counts as blocked.

use std::{fs::File, time::Duration};

use super::worker_slot::SlotView;
use crate::{clock::Instant, os::proc_stat};

/// Where states are not to be had, a ticket that runs longer counts as blocked.
const LONG: Duration = Duration::from_millis(10);

/// What is known of the worker of one place.
#[derive(Debug, Default)]
pub(super) struct BlockedProbe {
    file: Option<(u32, File)>,
    last: Option<(SlotView, Instant)>,
}

impl BlockedProbe {
    /// Whether the worker that runs this ticket is blocked.
    pub(super) fn is_blocked(&mut self, looked: &SlotView, now: Instant) -> bool {
        match self.state(looked.thread) {
            Some(state) => is_blocked_state(state),
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
            self.file = proc_stat::open_thread(thread).map(|file| (thread, file));
        }
        let (_, file) = self.file.as_ref()?;
        proc_stat::state_now(file)
    }

    fn is_long(&mut self, looked: &SlotView, now: Instant) -> bool {
        let is_same = |(last, _): &(SlotView, Instant)| last.is_same_ticket(looked);
        if !self.last.as_ref().is_some_and(is_same) {
            self.last = Some((*looked, now));
        }
        let since = self.last.as_ref().map(|(_, since)| *since);
        since.is_some_and(|since| now.saturating_duration_since(since) >= LONG)
    }
}

#[cfg(all(test, target_os = "linux"))]
impl BlockedProbe {
    pub(super) fn note(&mut self, thread: u32) {
        self.state(thread);
    }

    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }
}

/// Whether that thread is blocked now, for callers that ask rarely.
pub(super) fn is_blocked(thread: u32) -> bool {
    let state = proc_stat::open_thread(thread).and_then(|file| proc_stat::state_now(&file));
    state.is_some_and(is_blocked_state)
}

/// Of a thread's `stat` file: it waits for something else than a processor.
fn is_blocked_state(state: u8) -> bool {
    matches!(state, b'S' | b'D')
}
