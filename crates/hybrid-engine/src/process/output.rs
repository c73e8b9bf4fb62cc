//! What workers write to their standard output and error, line by line into the log.
//!
//! Runs on the supervisor's thread, which serves all workers. So one read takes what is
//! there and no more than [`READ_BYTES_MAX`]; a worker that floods its pipe is slowed by
//! the pipe, and takes no memory of the server's. A line is at most
//! [`LINE_BYTES_MAX`] in the log and a stream at most [`LINES_MAX`] a second; what is
//! beyond is counted, and the count is logged with the next second's output. Lines are
//! escaped: a worker can neither write a second line nor a terminal's commands.
//!
//! A worker's own log comes this way too. Its lines begin with their level, which is
//! taken over; all other lines are told at level INFO.

use std::{
    fmt::Write as _,
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use rustix::io::{Errno, ioctl_fionread, read};
use tracing::Level;

use crate::clock::{self, Instant};

/// What one call reads at most: what a pipe holds.
const READ_BYTES_MAX: usize = 64 << 10;
/// Of a line, as it was written and as it is logged.
const LINE_BYTES_MAX: usize = 1024;
/// Of one stream in each [`WINDOW`].
const LINES_MAX: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);
/// Follows a line that was longer.
const CUT: &str = " [cut]";

/// Which stream of a worker it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OutputStream {
    Out,
    Err,
}

/// Whether a worker may write more to a pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PipeState {
    Open,
    Closed,
}

/// Where a line comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineSource<'a> {
    pub(super) pid: u32,
    /// The class of work that it runs or ran last, if any.
    pub(super) class: Option<&'a str>,
}

/// Lines of one worker's stream, out of pieces as they are read.
pub(super) struct OutputLines {
    stream: OutputStream,
    line: Vec<u8>,
    /// The line was longer than what is kept of it.
    is_cut: bool,
    /// Since when lines are counted; nothing was written before.
    since: Option<Instant>,
    logged: u32,
    dropped: u64,
}

/// Whether something that this process wrote is still in its standard output's or
/// error's pipe. `false` where a handler has put something else in a pipe's place.
pub(super) fn is_unread() -> bool {
    let holds_any = |pipe: BorrowedFd<'_>| ioctl_fionread(pipe).is_ok_and(|bytes| bytes > 0);
    holds_any(io::stdout().as_fd()) || holds_any(io::stderr().as_fd())
}

/// What is to be logged.
#[derive(PartialEq, Eq, Debug)]
enum LogEntry {
    Line(Level, String),
    Dropped(u64),
}

impl OutputLines {
    pub(super) fn new(stream: OutputStream) -> Self {
        Self {
            stream,
            line: Vec::new(),
            is_cut: false,
            since: None,
            logged: 0,
            dropped: 0,
        }
    }

    /// Reads what is there from a pipe that does not block, and logs the lines that
    /// are whole. Called with nothing there, it logs the count that is due.
    pub(super) fn drain(&mut self, pipe: impl AsFd, from: &LineSource<'_>) -> PipeState {
        let now = clock::now();
        let stream = self.stream;
        let mut log = |entry| entry_to_log(entry, stream, from);
        self.turn(now, &mut log);
        let mut buffer = [0; 8 << 10];
        for _ in 0..READ_BYTES_MAX / buffer.len() {
            match read(&pipe, &mut buffer) {
                Ok(0) => return PipeState::Closed,
                Ok(length) => self.take(&buffer[..length], &mut log),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => return PipeState::Closed,
            }
        }
        PipeState::Open
    }

    /// Logs what is left when the worker is gone: a line without its end, and the
    /// count of lines that were dropped.
    pub(super) fn finish(&mut self, from: &LineSource<'_>) {
        let stream = self.stream;
        self.close(&mut |entry| entry_to_log(entry, stream, from));
    }

    // === Without clock and pipe ===

    /// Begins another window, if this one is over.
    fn turn(&mut self, now: Instant, log: &mut dyn FnMut(LogEntry)) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= WINDOW {
            self.tell_dropped(log);
            self.since = Some(now);
            self.logged = 0;
        }
    }

    fn take(&mut self, bytes: &[u8], log: &mut dyn FnMut(LogEntry)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(rest) => {
                    self.keep(rest);
                    self.end_line(log);
                }
                None => self.keep(piece),
            }
        }
    }

    fn close(&mut self, log: &mut dyn FnMut(LogEntry)) {
        self.end_line(log);
        self.tell_dropped(log);
    }

    /// Adds to the line as much as it may hold.
    fn keep(&mut self, piece: &[u8]) {
        let room = LINE_BYTES_MAX - self.line.len();
        self.is_cut |= piece.len() > room;
        self.line.extend(piece.iter().take(room));
    }

    /// Logs the line, unless it is empty or one too many, and begins the next.
    fn end_line(&mut self, log: &mut dyn FnMut(LogEntry)) {
        if !self.line.trim_ascii().is_empty() {
            if self.logged < LINES_MAX {
                self.logged += 1;
                let (level, text) = read_line(&self.line, self.is_cut);
                log(LogEntry::Line(level, text));
            } else {
                self.dropped += 1;
            }
        }
        self.line.clear();
        self.is_cut = false;
    }

    fn tell_dropped(&mut self, log: &mut dyn FnMut(LogEntry)) {
        match std::mem::take(&mut self.dropped) {
            0 => {}
            dropped => log(LogEntry::Dropped(dropped)),
        }
    }
}

/// The level of a line and the rest of it, as it may stand in the log.
fn read_line(line: &[u8], is_cut: bool) -> (Level, String) {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end();
    // The cut may have gone through a character.
    let line = if is_cut {
        line.trim_end_matches(char::REPLACEMENT_CHARACTER)
    } else {
        line
    };
    let (level, text) = level_of(line).unwrap_or((Level::INFO, line));
    (level, escape(text, is_cut))
}

/// The level that a line begins with, as the log of a worker writes it.
fn level_of(line: &str) -> Option<(Level, &str)> {
    let line = line.trim_start();
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    let level = match word {
        "ERROR" => Level::ERROR,
        "WARN" => Level::WARN,
        "INFO" => Level::INFO,
        "DEBUG" => Level::DEBUG,
        "TRACE" => Level::TRACE,
        _ => return None,
    };
    Some((level, text.trim_start()))
}

/// Text in which nothing ends a line, commands a terminal or turns its direction.
fn escape(text: &str, is_cut: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + CUT.len());
    let mut is_cut = is_cut;
    for character in text.chars() {
        let before = escaped.len();
        if character.is_control() || is_layout(character) {
            let _: Result<_, _> = write!(escaped, "{}", character.escape_debug());
        } else {
            escaped.push(character);
        }
        if escaped.len() > LINE_BYTES_MAX {
            escaped.truncate(before);
            is_cut = true;
            break;
        }
    }
    if is_cut {
        escaped.push_str(CUT);
    }
    escaped
}

/// Characters that end lines or reorder them, without being control characters:
/// LINE and PARAGRAPH SEPARATOR, and the marks of direction.
fn is_layout(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn entry_to_log(entry: LogEntry, stream: OutputStream, from: &LineSource<'_>) {
    let &LineSource { pid, class: route } = from;
    let stream = match stream {
        OutputStream::Out => "stdout",
        OutputStream::Err => "stderr",
    };
    macro_rules! log {
        ($level:ident, $text:expr) => {
            tracing::event!(target: "hybrid::worker", Level::$level, pid, route, stream, "{}", $text)
        };
    }
    match entry {
        LogEntry::Line(Level::ERROR, text) => log!(ERROR, text),
        LogEntry::Line(Level::WARN, text) => log!(WARN, text),
        LogEntry::Line(Level::INFO, text) => log!(INFO, text),
        LogEntry::Line(Level::DEBUG, text) => log!(DEBUG, text),
        LogEntry::Line(Level::TRACE, text) => log!(TRACE, text),
        LogEntry::Dropped(1) => log!(WARN, "1 line dropped"),
        LogEntry::Dropped(lines) => log!(WARN, format_args!("{lines} lines dropped")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    /// What a stream of these pieces, read at these milliseconds, comes to.
    fn entries(pieces: &[(u64, &[u8])]) -> Vec<LogEntry> {
        let (mut lines, start) = (OutputLines::new(OutputStream::Out), clock::now());
        let mut entries = Vec::new();
        let mut log = |entry| entries.push(entry);
        for (at, piece) in pieces {
            lines.turn(start + Duration::from_millis(*at), &mut log);
            lines.take(piece, &mut log);
            assert!(lines.line.len() <= LINE_BYTES_MAX);
        }
        lines.close(&mut log);
        entries
    }

    #[track_caller]
    fn check(written: &[u8], level: Level, logged: &str) {
        assert_eq!(
            entries(&[(0, written)]),
            [LogEntry::Line(level, logged.to_owned())]
        );
    }

    #[test]
    fn lines_are_put_together_out_of_pieces() {
        let line = |text: &str| LogEntry::Line(Level::INFO, text.to_owned());
        let pieces: [&[u8]; 4] = [b"on", b"e\n\n \r\ntw", b"o\r", b"\nthree"];
        let pieces = pieces.map(|piece| (0, piece));
        assert_eq!(entries(&pieces), [line("one"), line("two"), line("three")]);
        assert_eq!(entries(&[(0, b"")]), []);
    }

    #[test]
    fn the_level_of_a_worker_s_own_line_is_taken_over() {
        check(b"ERROR it broke\n", Level::ERROR, "it broke");
        check(b" WARN   hybrid: slow\n", Level::WARN, "hybrid: slow");
        check(b" INFO\n", Level::INFO, "");
        check(b"DEBUG x", Level::DEBUG, "x");
        check(b"TRACE x", Level::TRACE, "x");
        check(b"ERRORS: none\n", Level::INFO, "ERRORS: none");
        check(b"an ERROR here\n", Level::INFO, "an ERROR here");
    }

    #[test]
    fn what_could_forge_a_line_is_escaped() {
        check(b"\x1b[2J\ta\rb", Level::INFO, "\\u{1b}[2J\\ta\\rb");
        check("a\u{2028}b\u{202e}c\u{85}d".as_bytes(), Level::INFO, {
            "a\\u{2028}b\\u{202e}c\\u{85}d"
        });
        check(b"\xffbad \xf0\x9f", Level::INFO, "\u{fffd}bad \u{fffd}");
        check("\"it's\" C:\\x é".as_bytes(), Level::INFO, {
            "\"it's\" C:\\x é"
        });
    }

    #[test]
    fn a_line_without_end_is_cut_and_its_rest_skipped() {
        let long = [b'a'; 5000];
        let cut = "a".repeat(LINE_BYTES_MAX) + CUT;
        let line = |text: &str| LogEntry::Line(Level::INFO, text.to_owned());
        let pieces = [(0, &long[..]), (0, &long[..]), (0, b"b\nnext\n")];
        assert_eq!(entries(&pieces), [line(&cut), line("next")]);
        let whole = &long[..LINE_BYTES_MAX];
        let logged = "a".repeat(LINE_BYTES_MAX);
        assert_eq!(entries(&[(0, whole), (0, b"\n")]), [line(&logged)]);
    }

    #[test]
    fn what_is_escaped_is_cut_as_well_and_no_character_halved() {
        let cut = "\\u{1b}".repeat(LINE_BYTES_MAX / 6) + CUT;
        check(&[0x1b; 1000], Level::INFO, &cut);
        let long = "a".to_owned() + &"é".repeat(1000);
        let cut = "a".to_owned() + &"é".repeat(511) + CUT;
        check(long.as_bytes(), Level::INFO, &cut);
    }

    #[test]
    fn a_flood_is_counted_and_logged_once_a_second() {
        let flood = b"x\n".repeat(1000);
        let count = |entries: &[LogEntry]| {
            let dropped: Vec<_> = entries
                .iter()
                .filter(|entry| matches!(entry, LogEntry::Dropped(_)))
                .collect();
            format!("{} {dropped:?}", entries.len() - dropped.len())
        };
        let pieces = [(0, &flood[..]), (999, &flood), (1000, b""), (1001, b"y\n")];
        assert_eq!(count(&entries(&pieces)), "101 [Dropped(1900)]");
        let pieces = [(0, &flood[..]), (1000, &flood), (1999, &flood[..20])];
        assert_eq!(count(&entries(&pieces)), "200 [Dropped(900), Dropped(910)]");
    }

    #[test]
    fn a_pipe_is_read_until_it_is_empty_or_closed() {
        let (logged, written) = (Arc::new(Mutex::new(Vec::new())), OutputStream::Err);
        let sink = Arc::clone(&logged);
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_max_level(Level::TRACE)
            .with_writer(move || Sink(Arc::clone(&sink)))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let (pipe, end) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).unwrap();
            let mut lines = OutputLines::new(written);
            let class = Some("/heavy");
            assert_eq!(
                lines.drain(&pipe, &LineSource { pid: 7, class }),
                PipeState::Open
            );
            rustix::io::write(&end, b"one\nERROR two\nthr").unwrap();
            assert_eq!(
                lines.drain(&pipe, &LineSource { pid: 7, class }),
                PipeState::Open
            );
            rustix::io::write(&end, b"ee").unwrap();
            drop(end);
            let class = None;
            assert_eq!(
                lines.drain(&pipe, &LineSource { pid: 7, class }),
                PipeState::Closed
            );
            lines.finish(&LineSource { pid: 7, class });
        });
        let expected = " INFO hybrid::worker: one pid=7 route=\"/heavy\" stream=\"stderr\"\n\
                        ERROR hybrid::worker: two pid=7 route=\"/heavy\" stream=\"stderr\"\n \
                        INFO hybrid::worker: three pid=7 stream=\"stderr\"\n";
        let logged = logged.lock().unwrap();
        assert_eq!(String::from_utf8_lossy(&logged), expected);
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
