//! Why a text could not become a value.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use crate::report::Report;
use crate::rule::write_one_of;

/// Why a text could not become a value: a code and a sentence, never the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamError {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Expected(Cow<'static, str>),
    OneOf(&'static [&'static str]),
    Invalid(Cow<'static, str>),
}

impl ParamError {
    /// Something else was expected: `expected("an integer")` is code `type`, message `expected an integer`.
    #[must_use]
    pub fn expected(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: Kind::Expected(what.into()),
        }
    }

    /// None of the allowed words: code `one_of`, with the words as parameter.
    #[must_use]
    pub const fn one_of(allowed: &'static [&'static str]) -> Self {
        Self {
            kind: Kind::OneOf(allowed),
        }
    }

    /// Code `type` with a sentence of its own, in lower case and without a full stop.
    #[must_use]
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: Kind::Invalid(message.into()),
        }
    }

    /// The code of the violation: `type` or `one_of`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.kind {
            Kind::Expected(_) | Kind::Invalid(_) => "type",
            Kind::OneOf(_) => "one_of",
        }
    }

    /// The parameters of the violation.
    #[must_use]
    pub fn params(&self) -> Option<Map<String, Value>> {
        let Kind::OneOf(allowed) = self.kind else {
            return None;
        };
        let mut params = Map::new();
        params.insert("one_of".to_owned(), allowed.iter().copied().collect());
        Some(params)
    }

    /// Puts the violation into `report`, at its present place. Returns `None`, for `T::from_texts`.
    #[cold]
    pub fn report<T>(&self, report: &mut Report) -> Option<T> {
        if report.leaves_out() {
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
            Kind::Expected(what) => write!(f, "expected {what}"),
            Kind::OneOf(allowed) => write_one_of(f, allowed),
            Kind::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ParamError {}
