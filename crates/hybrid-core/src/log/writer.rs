//! The way of log lines to standard error: through a bounded channel to a thread of
//! its own. A reader that stops reading, a closed pipe or a full disk then costs
//! lines and nothing else: no thread that serves requests writes or waits, and no
//! error of the writing reaches a caller.
//!
//! ```text
//! any thread ─line→ channel ─▶ hybrid-log ─write(2)→ standard error
//!                     └ full: dropped, counted, reported once writing works again
//! ```

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use hybrid_engine::background;
use tracing_subscriber::fmt::MakeWriter;

use super::stderr;

/// Lines that wait to be written, at most.
const LINES_MAX: usize = 8192;
/// And their bytes.
const BYTES_MAX: usize = 4 << 20;
/// One write holds at most so many bytes of whole lines, or one line that is longer.
const BATCH_BYTES_MAX: usize = 16 << 10;

/// The log of this process, once it has one.
static LOG: OnceLock<Lines> = OnceLock::new();

/// The sending side: what the subscriber writes into.
#[derive(Clone)]
pub(crate) struct Lines {
    sender: Sender<Entry>,
    counts: Arc<Counts>,
}

enum Entry {
    Line(Vec<u8>),
    /// Everything before it was written, or given up.
    Flush(Sender<()>),
}

#[derive(Default)]
struct Counts {
    /// Bytes of the lines in the channel.
    bytes: AtomicUsize,
    /// Lines that were lost, since the start.
    dropped: AtomicU64,
    /// Those of them that no line of the log has reported.
    unreported: AtomicU64,
    /// The program ends: lines are written where they are made.
    is_ending: AtomicBool,
}

/// Writes all bytes, waiting as long as it takes; says how many were written, and why
/// not all were.
type Write = Box<dyn FnMut(&[u8]) -> (usize, io::Result<()>) + Send>;

/// One line on its way.
#[derive(Debug)]
pub(crate) struct Line<'a>(&'a Lines);

/// The log's lines, and the thread that writes them to standard error.
///
/// # Errors
/// The system refuses the thread.
pub(super) fn start(report: fn(u64) -> String) -> io::Result<&'static Lines> {
    if let Some(lines) = LOG.get() {
        lines.counts.is_ending.store(false, Ordering::SeqCst);
        return Ok(lines);
    }
    let lines = Lines::start(Box::new(stderr::write), report)?;
    hybrid_engine::background::before_exit(finish);
    Ok(LOG.get_or_init(|| lines))
}

/// Lines that were lost since the start, since they could not be written in time.
pub(crate) fn dropped() -> u64 {
    LOG.get()
        .map_or(0, |lines| lines.counts.dropped.load(Ordering::Relaxed))
}

/// Waits until what was logged so far is written, no longer than that; from then on
/// lines are written where they are made, as far as that needs no waiting: the
/// program ends, and the thread with it.
pub(crate) fn finish(longest: Duration) {
    if let Some(lines) = LOG.get() {
        lines.flush(longest);
        lines.counts.is_ending.store(true, Ordering::SeqCst);
    }
}

impl Lines {
    /// `report` writes the line that says how many were lost.
    fn start(write: Write, report: fn(u64) -> String) -> io::Result<Self> {
        let (sender, receiver) = bounded(LINES_MAX);
        let lines = Self {
            sender,
            counts: Arc::default(),
        };
        let writer = Writer {
            receiver,
            counts: Arc::clone(&lines.counts),
            report,
            write,
            batch: Batch::default(),
            is_torn: false,
        };
        writer.start()?;
        Ok(lines)
    }

    /// Sends a line on its way, or drops it.
    fn send(&self, line: &[u8]) {
        if self.counts.is_ending.load(Ordering::Relaxed) {
            return self.send_at_once(line);
        }
        let bytes = self.counts.bytes.fetch_add(line.len(), Ordering::Relaxed);
        let has_room = bytes + line.len() <= BYTES_MAX;
        if !has_room || self.sender.try_send(Entry::Line(line.to_vec())).is_err() {
            self.counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.counts.lose(1);
        }
    }

    fn send_at_once(&self, line: &[u8]) {
        if !stderr::is_ready(Duration::ZERO) || stderr::write(line).1.is_err() {
            self.counts.lose(1);
        }
    }

    fn flush(&self, longest: Duration) {
        let (say, hear) = bounded(1);
        let flush = Entry::Flush(say);
        if self.sender.send_timeout(flush, longest).is_ok() {
            // Where it takes longer the lines are lost: standard error takes nothing.
            let _ = hear.recv_timeout(longest);
        }
    }

    #[cfg(test)]
    fn lost(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn lose(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
        self.unreported.fetch_add(lines, Ordering::Relaxed);
    }
}

impl<'a> MakeWriter<'a> for &'static Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// The subscriber writes a line by one call. It is told that all went well, whatever
/// happens: its own report of an error would be another write.
impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.send(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("waiting", &self.sender.len())
            .finish_non_exhaustive()
    }
}

/// The thread's side.
struct Writer {
    receiver: Receiver<Entry>,
    counts: Arc<Counts>,
    report: fn(u64) -> String,
    write: Write,
    batch: Batch,
    /// The last write ended inside a line.
    is_torn: bool,
}

/// Lines that are written by one call.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

impl Writer {
    fn start(mut self) -> io::Result<()> {
        background::spawn("hybrid-log", move || self.turn())
    }

    /// Writes what waits; ends with the last sender.
    fn turn(&mut self) -> background::Turn {
        background::fail_here("hybrid-log");
        let Ok(entry) = self.receiver.recv() else {
            return background::Turn::Over;
        };
        self.take(entry);
        while self.batch.bytes.len() < BATCH_BYTES_MAX {
            match self.receiver.try_recv() {
                Ok(entry) => self.take(entry),
                Err(_) => break,
            }
        }
        self.write_batch();
        background::Turn::Again
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Line(line) => {
                self.counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
                self.batch.bytes.extend_from_slice(&line);
                self.batch.lines += 1;
            }
            Entry::Flush(say) => {
                self.write_batch();
                // An error means that nothing waits for it any more.
                let _ = say.send(());
            }
        }
    }

    fn write_batch(&mut self) {
        let Batch { bytes, lines } = std::mem::take(&mut self.batch);
        if bytes.is_empty() {
            return;
        }
        if self.write_all(&bytes) {
            self.report();
        } else {
            self.counts.lose(lines);
        }
        // Its memory serves the next, unless one line has made it large.
        if bytes.capacity() <= 2 * BATCH_BYTES_MAX {
            self.batch.bytes = bytes;
            self.batch.bytes.clear();
        }
    }

    /// Says how many lines were lost, since one could be written now.
    fn report(&mut self) {
        let lost = self.counts.unreported.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = (self.report)(lost);
            if !self.write_all(text.as_bytes()) {
                self.counts.unreported.fetch_add(lost, Ordering::Relaxed);
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> bool {
        if self.is_torn {
            // What follows a line that was cut begins on a line of its own.
            let (_, ended) = (self.write)(b"\n");
            if ended.is_err() {
                return false;
            }
            self.is_torn = false;
        }
        let (written, result) = (self.write)(bytes);
        self.is_torn = written
            .checked_sub(1)
            .is_some_and(|last| bytes[last] != b'\n');
        result.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        sync::{Condvar, Mutex},
    };

    use super::*;

    /// A sink that tests open, close and break.
    #[derive(Clone, Default)]
    struct Pipe(Arc<(Mutex<State>, Condvar)>);

    #[derive(Default)]
    struct State {
        written: Vec<u8>,
        is_stuck: bool,
        is_full: bool,
        writes: usize,
    }

    impl Pipe {
        fn set(&self, change: impl FnOnce(&mut State)) {
            change(&mut self.0.0.lock().unwrap());
            self.0.1.notify_all();
        }

        fn wait_until(&self, done: impl Fn(&State) -> bool) -> String {
            let state = self.0.0.lock().unwrap();
            let state = self.0.1.wait_while(state, |state| !done(state)).unwrap();
            String::from_utf8(state.written.clone()).unwrap()
        }
    }

    impl Pipe {
        fn write(&self, bytes: &[u8]) -> (usize, io::Result<()>) {
            let mut state = self.0.0.lock().unwrap();
            state.writes += 1;
            self.0.1.notify_all();
            let mut state = self.0.1.wait_while(state, |state| state.is_stuck).unwrap();
            if state.is_full {
                return (0, Err(io::ErrorKind::StorageFull.into()));
            }
            state.written.extend_from_slice(bytes);
            self.0.1.notify_all();
            (bytes.len(), Ok(()))
        }
    }

    fn report(lost: u64) -> String {
        format!("lost {lost}\n")
    }

    fn log(lines: &'static Lines, text: &str) {
        // By one call, as the subscriber writes.
        let line = format!("{text}\n");
        lines.make_writer().write_all(line.as_bytes()).unwrap();
    }

    fn start(pipe: &Pipe) -> &'static Lines {
        let pipe = pipe.clone();
        let write = Box::new(move |bytes: &[u8]| pipe.write(bytes));
        Box::leak(Box::new(Lines::start(write, report).unwrap()))
    }

    #[test]
    fn a_sink_that_takes_nothing_costs_lines_and_no_time() {
        let pipe = Pipe::default();
        pipe.set(|state| state.is_stuck = true);
        let lines = start(&pipe);
        log(lines, "first");
        pipe.wait_until(|state| state.writes == 1);
        for _ in 0..LINES_MAX + 10 {
            log(lines, "more");
        }
        assert_eq!(lines.lost(), 10);
        pipe.set(|state| state.is_stuck = false);
        lines.flush(Duration::from_secs(60));
        let written = pipe.wait_until(|_| true);
        // Reported as soon as something could be written.
        assert!(written.starts_with("first\nlost 10\n"), "{written}");
        assert_eq!(written.matches("more").count(), LINES_MAX);
    }

    #[test]
    fn lines_are_bounded_in_bytes_as_well() {
        let pipe = Pipe::default();
        pipe.set(|state| state.is_stuck = true);
        let lines = start(&pipe);
        log(lines, "first");
        pipe.wait_until(|state| state.writes == 1);
        for _ in 0..8 {
            log(lines, &"x".repeat(BYTES_MAX / 4));
        }
        assert_eq!(lines.lost(), 5);
        pipe.set(|state| state.is_stuck = false);
    }

    #[test]
    fn a_full_disk_is_said_once_there_is_room_again() {
        let pipe = Pipe::default();
        pipe.set(|state| state.is_full = true);
        let lines = start(&pipe);
        for _ in 0..3 {
            log(lines, "into nothing");
            lines.flush(Duration::from_secs(60));
        }
        assert_eq!(lines.lost(), 3);
        pipe.set(|state| state.is_full = false);
        log(lines, "there is room");
        lines.flush(Duration::from_secs(60));
        log(lines, "again");
        lines.flush(Duration::from_secs(60));
        assert_eq!(pipe.wait_until(|_| true), "there is room\nlost 3\nagain\n");
        assert_eq!(lines.lost(), 3);
    }

    #[test]
    fn a_panic_of_the_writing_thread_loses_no_line() {
        let pipe = Pipe::default();
        let lines = start(&pipe);
        let failing = background::fail("hybrid-log");
        // The thread may be past the place where it fails: then it does the next time.
        for text in ["one", "two", "three"] {
            log(lines, text);
            lines.flush(Duration::from_secs(60));
        }
        assert!(failing.count() > 0);
        assert_eq!(pipe.wait_until(|_| true), "one\ntwo\nthree\n");
    }
}
