//! The log: what `run` installs where the program has no subscriber of its own, and
//! the line of a request.

#[cfg(feature = "logging")]
mod panics;
pub(crate) mod requests;
pub(crate) mod stderr;
#[cfg(feature = "logging")]
mod subscriber;
#[cfg(feature = "logging")]
mod writer;

#[cfg(not(feature = "logging"))]
pub(crate) use self::silent::{dropped, finish, is_text, start, start_in_worker};
#[cfg(feature = "logging")]
pub(crate) use self::{
    subscriber::{is_text, start, start_in_worker},
    writer::{dropped, finish},
};

/// Without the feature `logging` the program installs what it wants.
#[cfg(not(feature = "logging"))]
mod silent {
    use std::{io, time::Duration};

    use crate::config::Settings;

    pub(crate) fn start(_: &Settings) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn start_in_worker(_: &Settings) {}

    pub(crate) fn finish(_: Duration) {}

    pub(crate) fn is_text() -> bool {
        false
    }

    pub(crate) fn dropped() -> u64 {
        0
    }
}

/// A log field holds at most 1 KiB.
pub(crate) fn clip(text: &str) -> &str {
    const BYTES_MAX: usize = 1024;
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= BYTES_MAX).last();
    &text[..end.unwrap_or(0)]
}
