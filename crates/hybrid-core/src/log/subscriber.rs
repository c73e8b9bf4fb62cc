//! The subscriber that `run` installs where the program has none.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use hybrid_engine::catch::catch;
use tracing_subscriber::{
    EnvFilter, fmt,
    fmt::{
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    util::SubscriberInitExt,
};

use super::{panics, stderr, writer};
use crate::config::{LogFormat, Settings};

/// The log is ours, and people read it as text.
static IS_TEXT: AtomicBool = AtomicBool::new(false);

/// Installs a subscriber, unless the program has one.
///
/// # Errors
/// The system refuses the thread that writes.
pub(crate) fn start(settings: &Settings) -> io::Result<()> {
    let report = match settings.log_format {
        LogFormat::Json => report_as_json,
        LogFormat::Text => report_as_text,
    };
    let lines = writer::start(report)?;
    let builder = fmt()
        .with_env_filter(filter(&settings.log))
        .with_writer(lines)
        .with_ansi(settings.log_format == LogFormat::Text && stderr::wants_colours());
    // An error means that a subscriber is installed already, which is fine.
    let is_ours = match settings.log_format {
        LogFormat::Json => builder.json().finish().try_init(),
        LogFormat::Text => builder.finish().try_init(),
    }
    .is_ok();
    if is_ours {
        IS_TEXT.store(settings.log_format == LogFormat::Text, Ordering::Relaxed);
        panics::install();
    }
    Ok(())
}

/// As [`start`], in a worker process, whose standard error the server always reads: the
/// server puts time and process before each line.
pub(crate) fn start_in_worker(settings: &Settings) {
    let builder = fmt()
        .with_env_filter(filter(&settings.log))
        .with_writer(|| Direct)
        .with_ansi(false)
        .without_time();
    let _ = builder.finish().try_init();
}

/// Whether people read the log: then it may have a table.
pub(crate) fn is_text() -> bool {
    IS_TEXT.load(Ordering::Relaxed)
}

/// The directives were read when the configuration was. Here the library says by
/// `eprintln!` which of them the program was built without.
fn filter(directives: &str) -> EnvFilter {
    let parsed = catch(|| EnvFilter::builder().parse(directives));
    match parsed {
        Ok(Ok(filter)) => filter,
        Ok(Err(_)) | Err(_) => EnvFilter::default(),
    }
}

/// Written at once; an error harms nothing.
struct Direct;

impl io::Write for Direct {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The server is gone then, and so is this process in a moment.
        let _ = stderr::write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Written past the filter: whatever is filtered, lines are missing.
fn report_as_text(lost: u64) -> String {
    let now = now();
    format!("{now}  WARN hybrid::log: log lines were dropped dropped={lost}\n")
}

fn report_as_json(lost: u64) -> String {
    let now = now();
    format!(
        "{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"fields\":{{\"message\":\
         \"log lines were dropped\",\"dropped\":{lost}}},\"target\":\"hybrid::log\"}}\n"
    )
}

fn now() -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_line_of_its_format() {
        let text = report_as_text(3);
        assert!(text.ends_with("Z  WARN hybrid::log: log lines were dropped dropped=3\n"));
        let json: serde_json::Value = serde_json::from_str(&report_as_json(3)).unwrap();
        assert_eq!(json["fields"]["dropped"], 3);
        assert_eq!(json["level"], "WARN");
    }
}
