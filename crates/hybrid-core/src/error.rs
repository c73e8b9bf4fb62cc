//! Why an application could not be built or served: one report that lists
//! everything that is wrong at once, each with the places it concerns. What
//! goes wrong with a single request is a [`Problem`](crate::problem::Problem).

use std::{fmt, panic::Location};

use crate::BoxError;

/// An application that could not start, or a server that failed.
///
/// `Debug` is the readable report, since that is what `fn main() -> hybrid::Result<()>`
/// prints.
///
/// Boxed errors and `io::Error` become one under `?`, so that `main` may do other things
/// that fail before it serves:
///
/// ```no_run
/// # use hybrid_core::{app::App, error::Result};
/// fn main() -> Result<()> {
///     let greeting = std::fs::read_to_string("greeting.txt")?;
///     App::new().state(greeting).run()
/// }
/// ```
pub struct Error {
    faults: Vec<Fault>,
    when: When,
    source: Option<BoxError>,
}

/// What it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Start,
    Serving,
    /// Another error of `main`.
    Other,
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
            when: When::Start,
            source: None,
        }
    }

    pub(crate) fn one(message: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self {
            faults: vec![Fault::new(message)],
            when: When::Start,
            source: Some(source.into()),
        }
    }

    /// An error of a server that had begun to serve.
    pub(crate) fn while_serving(message: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self {
            when: When::Serving,
            ..Self::one(message, source)
        }
    }

    /// A server that ended before it had finished.
    pub(crate) fn ended(message: String) -> Self {
        Self {
            when: When::Serving,
            ..Self::from_faults(vec![Fault::new(message)])
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
        if self.when != When::Start {
            fmt::Display::fmt(self, f)?;
            let mut next = std::error::Error::source(self);
            while let Some(cause) = next {
                write!(f, "\n     {cause}")?;
                next = cause.source();
            }
            return Ok(());
        }
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
        let source = self.source.as_ref()?;
        match self.when {
            // Its text is this error's own.
            When::Other => source.source(),
            When::Start | When::Serving => Some(&**source),
        }
    }
}

impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        // Boxed as any other, it is its own report.
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(error) => Self {
                when: When::Other,
                ..Self::one(error.to_string(), error)
            },
        }
    }
}

impl From<Box<dyn std::error::Error>> for Error {
    fn from(error: Box<dyn std::error::Error>) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return *own,
            Err(error) => error,
        };
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text = format!("{text}\n     {cause}");
            next = cause.source();
        }
        Self::from(BoxError::from(text))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::from(BoxError::from(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_boxed_error_is_one_of_main() {
        let of_main = || -> Result<()> {
            let error: Box<dyn std::error::Error> = "no such file: greeting.txt".into();
            Err(error)?
        };
        let report = format!("{:?}", of_main().unwrap_err());
        assert_eq!(report, "no such file: greeting.txt");
        let sendable = || -> Result<()> { Err(BoxError::from("text"))? };
        assert_eq!(format!("{:?}", sendable().unwrap_err()), "text");
        let io = || -> Result<()> { Err(std::io::Error::other("disk"))? };
        assert_eq!(io().unwrap_err().to_string(), "disk");
        let twice = || -> Result<()> {
            let error: BoxError = Error::from_faults(vec![Fault::new("a"), Fault::new("b")]).into();
            Err(error)?
        };
        assert_eq!(twice().unwrap_err().count(), 2);
    }

    #[test]
    fn an_end_is_not_reported_as_a_start() {
        let ended = Error::ended("2 connections were cut".to_owned());
        assert_eq!(format!("{ended:?}"), "2 connections were cut");
    }
}
