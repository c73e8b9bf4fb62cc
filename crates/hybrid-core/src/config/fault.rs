//! One thing that is wrong in a configuration, and where it stands.

use std::fmt;

/// The layer that a value comes from, as exactly as it can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The program itself.
    Builder,
    /// A line of the configuration file, counted from 1.
    File {
        /// The path as it was opened.
        path: String,
        /// The line, where the fault has one.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
}

/// A value or a key that a configuration may not have.
///
/// ```text
/// hybrid.toml:3: there is no key `max_thread`, did you mean `max_threads`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it stands.
    pub place: Origin,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl ConfigError {
    pub(crate) fn new(place: Origin, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builder => f.write_str("the program's `Config`"),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{path}:{line}"),
            Self::File { path, line: None } => f.write_str(path),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for ConfigError {}
