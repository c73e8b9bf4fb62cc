//! Why a text could not become a value.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use crate::report::Report;
use crate::rule::write_one_of;

/// Why a text could not become a value: a code and a sentence, never the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamError {
    kind: Expectation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expectation {
    Expected(Cow<'static, str>),
    OneOf(&'static [&'static str]),
    Invalid(Cow<'static, str>),
}

impl ParamError {
    /// Another form was expected: `expected("an integer")` has the code `type` and the message `expected an integer`.
    #[must_use]
    pub fn expected(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: Expectation::Expected(what.into()),
        }
    }

    /// The text is none of the allowed words: code `one_of`, with the words as the parameter.
    #[must_use]
    pub const fn one_of(allowed: &'static [&'static str]) -> Self {
        Self {
            kind: Expectation::OneOf(allowed),
        }
    }

    /// Code `type` with a sentence of its own, in lower case and without a full stop.
    #[must_use]
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: Expectation::Invalid(message.into()),
        }
    }

    /// The code of the violation: `type` or `one_of`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.kind {
            Expectation::Expected(_) | Expectation::Invalid(_) => "type",
            Expectation::OneOf(_) => "one_of",
        }
    }

    /// The parameters of the violation.
    #[must_use]
    pub fn params(&self) -> Option<Map<String, Value>> {
        let Expectation::OneOf(allowed) = self.kind else {
            return None;
        };
        let mut params = Map::new();
        params.insert("one_of".to_owned(), allowed.iter().copied().collect());
        Some(params)
    }

    /// Adds the violation to `report`, at its current place. Returns `None`, for `T::from_texts`.
    #[cold]
    pub fn report<T>(&self, report: &mut Report) -> Option<T> {
        if report.counts_only() {
            return None;
        }
        match self.params() {
            Some(params) => report.violate_with(self.code(), self.to_string(), params),
            None => report.violate(self.code(), self.to_string()),
        }
        None
    }
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Expectation::Expected(what) => write!(f, "expected {what}"),
            Expectation::OneOf(allowed) => write_one_of(f, allowed),
            Expectation::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ParamError {}
