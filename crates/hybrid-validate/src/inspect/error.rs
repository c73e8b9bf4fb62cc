//! The refusal of a serde type: place, code and sentence, never the sent value.
//!
//! serde's error trait has a method for each kind of refusal. Their arguments say what was expected, in words of the
//! program. Only `custom` takes a text that may repeat the input, so its text is not used, unless it stands for the
//! refusal of a model.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use super::{buffered_texts, check};
use crate::{Location, Report, Segment, Source, Violation};

/// The fault, and its place inside the value.
#[derive(Debug)]
pub struct ReadError {
    path: Vec<Segment>,
    what: Reason,
    /// The refused text, if serde had buffered it.
    piece: Option<buffered_texts::Piece>,
}

#[derive(Debug)]
enum Reason {
    Text(&'static str, Cow<'static, str>),
    /// The violations of a model.
    Model(Vec<Violation>),
    TooDeep,
}

/// The sentence for an untagged enum. serde's own sentence contains the name of the type.
pub(super) const NO_VARIANT: &str = "matches none of the allowed forms";

/// The sentence for an error that has only a text of a library or of the author.
pub(super) const WRONG_FORM: &str = "must have the form that this field documents";

impl ReadError {
    fn said(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            path: Vec::new(),
            what: Reason::Text(code, message.into()),
            piece: None,
        }
    }

    /// The same error for a text that should become a `T`. For some common types the expected form is known, though
    /// their errors do not state it.
    #[must_use]
    pub(super) fn making<T>(mut self) -> Self {
        if let Reason::Text(_, message) = &mut self.what
            && message == WRONG_FORM
            && let Some(what) = form_of(std::any::type_name::<T>())
        {
            *message = Cow::Owned(format!("expected {what}"));
        }
        self
    }

    /// Another type or form was expected; `message` says which.
    pub(super) fn wrong(message: impl Into<Cow<'static, str>>) -> Self {
        Self::said("type", message)
    }

    /// Several texts for one value.
    pub(super) fn duplicate() -> Self {
        Self::said("duplicate", "appears more than once")
    }

    /// The nesting is too deep.
    pub(super) fn too_deep() -> Self {
        Self {
            what: Reason::TooDeep,
            ..Self::wrong("")
        }
    }

    /// The same error, with one more step in front of its place.
    #[must_use]
    pub(super) fn inside(mut self, step: Segment) -> Self {
        self.path.insert(0, step);
        self
    }

    /// The same error for a key, at the place of its value.
    #[must_use]
    pub(super) fn of_key(mut self) -> Self {
        if let Reason::Text(_, message) = &mut self.what {
            let expected = message.strip_prefix("expected ").map(str::to_owned);
            *message = expected.map_or_else(
                || Cow::Borrowed("the key must have the form that this field documents"),
                |what| Cow::Owned(format!("expected {what} as the key")),
            );
        }
        self
    }

    /// The same error for a key at its own place. An unknown key has named itself already.
    #[must_use]
    pub(super) fn of_key_here(mut self) -> Self {
        if self.path.is_empty() {
            return self.of_key();
        }
        self.path.clear();
        self
    }

    fn at(self, name: &str) -> Self {
        self.inside(Segment::from(name.to_owned()))
    }

    /// The refused text, if its place is unknown.
    pub(super) fn lost_piece(&self) -> Option<buffered_texts::Piece> {
        self.piece.filter(|_| self.path.is_empty())
    }

    /// Whether a field was not sent.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.what, Reason::Text("missing", _))
    }

    /// Whether something is nested too deeply to be read.
    pub(super) const fn is_too_deep(&self) -> bool {
        matches!(self.what, Reason::TooDeep)
    }

    /// The violations, with their whole paths.
    pub(super) fn into_violations(self) -> Vec<Violation> {
        let mut violations = match self.what {
            Reason::Model(violations) => violations,
            Reason::TooDeep => Vec::new(),
            Reason::Text(code, message) => vec![Violation {
                location: Location::new(Source::Body),
                code: Cow::Borrowed(code),
                message: message.into_owned(),
                params: None,
            }],
        };
        for violation in &mut violations {
            let inner = std::mem::replace(&mut violation.location.path, self.path.clone());
            violation.location.path.extend(inner);
        }
        violations
    }

    /// Adds the violations to the report, relative to its current place.
    #[cold]
    pub(super) fn report(self, report: &mut Report) {
        if self.is_too_deep() {
            return report.refuse_depth();
        }
        for mut violation in self.into_violations() {
            violation.location.source = report.source();
            report.push(violation);
        }
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Reason::Text(_, message) => f.write_str(message),
            Reason::Model(violations) => violations
                .first()
                .map_or(Ok(()), |first| f.write_str(&first.message)),
            Reason::TooDeep => f.write_str("is nested too deeply"),
        }
    }
}

impl std::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        if let Some(violations) = check::recall(&message) {
            return Self {
                what: Reason::Model(violations),
                ..Self::wrong("")
            };
        }
        if message.starts_with("data did not match any variant") {
            return Self::wrong(NO_VARIANT);
        }
        Self::wrong(WRONG_FORM)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let piece = match found {
            Unexpected::Str(text) => buffered_texts::wanted(text, &expected),
            other => buffered_texts::find(&other),
        };
        Self {
            piece,
            ..Self::wrong(format!("expected {}", plainly(&expected)))
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self {
            piece: buffered_texts::find(&found),
            ..Self::wrong(format!("expected {}", within(&expected)))
        }
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self::wrong(format!("expected {}", lengthy(&expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [] => Self::wrong("has no allowed value"),
            [only] => Self::wrong(format!("expected {only}")),
            several => Self::wrong(format!("expected one of {}", several.join(", "))),
        }
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::said("unknown_field", "is not a known field").at(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::said("missing", "is required").at(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::duplicate().at(field)
    }
}

/// The form that a type of another crate expects.
fn form_of(type_name: &str) -> Option<&'static str> {
    let (name, _) = type_name.split_once('<').unwrap_or((type_name, ""));
    let krate = name.split("::").next()?;
    let own = name.rsplit("::").next()?;
    Some(match (krate, own) {
        ("uuid", "Uuid") => "a UUID",
        ("url", "Url") => "an absolute URL",
        ("chrono", "NaiveDate") | ("jiff", "Date") => "a date (YYYY-MM-DD)",
        ("chrono", "NaiveTime") | ("jiff", "Time") => "a time (HH:MM:SS)",
        ("chrono", "NaiveDateTime") | ("jiff", "DateTime") => {
            "a date and time (YYYY-MM-DDTHH:MM:SS)"
        }
        ("chrono", "DateTime") | ("jiff", "Timestamp") => "a date and time with offset (RFC 3339)",
        ("jiff", "Zoned") => "a date and time with time zone (RFC 9557)",
        ("jiff", "Span" | "SignedDuration") => "a duration (ISO 8601)",
        _ => return None,
    })
}

/// What serde expected, in JSON terms instead of Rust terms.
fn plainly(expectation: &str) -> Cow<'_, str> {
    let first = expectation.split(' ').next().unwrap_or_default();
    Cow::Borrowed(match first {
        _ if range(expectation).is_some() => "an integer",
        "f32" | "f64" => "a number",
        "struct" | "map" | "internally" | "adjacently" => "an object",
        "tuple" | "sequence" => "an array",
        "enum" | "variant" => "one of the known variants",
        "unit" | "()" => "null",
        "newtype" => "another type of value",
        "a" => return article(expectation),
        _ => return Cow::Borrowed(expectation),
    })
}

fn article(expectation: &str) -> Cow<'_, str> {
    Cow::Borrowed(match expectation {
        "a map" => "an object",
        "a sequence" => "an array",
        "a borrowed string" => "a string",
        "a character" => "a single character",
        text if text.starts_with("a tuple") => return lengthy(text),
        text => text,
    })
}

/// The same for a value of the right type: integers have a range.
fn within(expectation: &str) -> Cow<'_, str> {
    match range(expectation) {
        Some((min, max)) if expectation.starts_with("a nonzero") => {
            Cow::Owned(format!("an integer between {min} and {max}, other than 0"))
        }
        Some((min, max)) => Cow::Owned(format!("an integer between {min} and {max}")),
        None => plainly(expectation),
    }
}

/// The number of elements: `a tuple of size 2`, `struct Pair with 2 elements`.
fn lengthy(expectation: &str) -> Cow<'_, str> {
    let count = expectation
        .split(' ')
        .find_map(|word| word.parse::<usize>().ok());
    match count {
        Some(1) => Cow::Borrowed("an array of 1 element"),
        Some(count) => Cow::Owned(format!("an array of {count} elements")),
        None => plainly(expectation),
    }
}

/// The bounds of the integer type that is expected.
fn range(expectation: &str) -> Option<(i128, u128)> {
    let name = expectation
        .strip_prefix("a nonzero ")
        .unwrap_or(expectation);
    macro_rules! bounds {
        ($($int:ident)*) => {
            match name {
                $(stringify!($int) => Some(($int::MIN as i128, $int::MAX as u128)),)*
                _ => None,
            }
        };
    }
    bounds!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize)
}

#[cfg(test)]
mod tests {
    use serde::de::{Error as _, Unexpected};

    use super::{ReadError, WRONG_FORM};

    fn check(error: &ReadError, expected: &str) {
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_text_of_the_authors_own_is_not_repeated_whatever_it_looks_like() {
        for text in [
            "xx, expected SECRET",
            "invalid type: string \"x\", expected SECRET",
            "invalid value: integer `1`, expected SECRET",
            "unknown variant `x`, expected `SECRET`",
            "missing field `SECRET`",
            "unknown field `SECRET`, there are no fields",
            "duplicate field `SECRET`",
            "SECRET",
        ] {
            check(&ReadError::custom(text), WRONG_FORM);
        }
    }

    #[test]
    fn what_is_expected_is_said_in_the_words_of_json() {
        let text = Unexpected::Str("SECRET");
        let cases = [
            ("u8", "expected an integer"),
            ("a nonzero u8", "expected an integer"),
            ("f64", "expected a number"),
            ("struct Secret", "expected an object"),
            ("a map", "expected an object"),
            ("a sequence", "expected an array"),
            ("a tuple of size 2", "expected an array of 2 elements"),
            ("a boolean", "expected a boolean"),
            ("a colour such as #fff", "expected a colour such as #fff"),
            ("unit", "expected null"),
        ];
        for (expectation, sentence) in cases {
            check(&ReadError::invalid_type(text, &expectation), sentence);
        }
        check(
            &ReadError::invalid_value(Unexpected::Unsigned(300), &"u8"),
            "expected an integer between 0 and 255",
        );
        check(
            &ReadError::invalid_length(3, &"a tuple of size 2"),
            "expected an array of 2 elements",
        );
        check(
            &ReadError::unknown_variant("SECRET", &["a", "b"]),
            "expected one of a, b",
        );
    }
}
