//! Why an application could not be built or served: one report that lists
//! everything that is wrong at once, each with the places it concerns. What
//! goes wrong with a single request is a [`Problem`](crate::problem::Problem).

use std::{fmt, panic::Location};

use crate::BoxError;

/// An application that could not start, or a server that failed.
///
/// `Debug` is the readable report, since that is what `fn main() -> hybrid::Result<()>`
/// prints.
pub struct Error {
    faults: Vec<Fault>,
    source: Option<BoxError>,
}

/// The result of building and serving.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) places: Vec<Place>,
}

/// A file and a line of the user's program or configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) what: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            places: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, what: impl Into<String>, file: &str, line: u32) -> Self {
        self.places.push(Place {
            what: what.into(),
            file: file.to_owned(),
            line,
        });
        self
    }

    pub(crate) fn called_at(self, what: impl Into<String>, at: &Location<'_>) -> Self {
        self.at(what, at.file(), at.line())
    }
}

impl Error {
    pub(crate) fn from_faults(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            source: None,
        }
    }

    pub(crate) fn one(message: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self {
            faults: vec![Fault::new(message)],
            source: Some(source.into()),
        }
    }

    /// How many things were found wrong.
    #[must_use]
    pub fn count(&self) -> usize {
        self.faults.len()
    }

    /// One line for each thing that is wrong, with the places it names.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.faults.iter().map(ToString::to_string)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for place in &self.places {
            write!(f, "\n      {} at {}:{}", place.what, place.file, place.line)?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [one] => write!(f, "{}", one.message),
            many => write!(f, "{} things are wrong", many.len()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("the application could not start:")?,
            n => write!(f, "the application could not start, {n} things are wrong:")?,
        }
        for (number, fault) in self.faults.iter().enumerate() {
            write!(f, "\n  {}. {fault}", number + 1)?;
        }
        if let Some(source) = &self.source {
            write!(f, "\n     {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
