//! Types that only know serde: read in one go, and of a bad input the first fault, with its place.
//!
//! serde's messages repeat what was sent and name Rust types. Neither may reach a client, so a message is taken
//! apart here, and only what the type expected is kept. Where a model stands somewhere inside such a type, its own
//! violations come out whole (see [`check`]).

use std::borrow::Cow;

use serde::de::{DeserializeOwned, Deserializer};
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment as Step};

use super::text_format::{TextError, Texts};
use super::trace::{self, Node};
use super::{Fields, Input, check, expected, finite, json};
use crate::{Location, Report, Segment, Source, Violation};

/// Builds a value of a type that only knows serde.
pub fn inspect<T: DeserializeOwned>(input: Input<'_>, report: &mut Report) -> Option<T> {
    check::forget();
    let fault = match input {
        Input::Json(json) => match finite::from_str::<T>(json.text()) {
            Ok(value) => return Some(value),
            Err(error) if json::is_too_deep(&error) => {
                report.refuse_depth();
                return None;
            }
            Err(_) => match trace::inspect(Node::Piece(json), report) {
                Ok(value) => return value,
                Err(trace::Exhausted) => located::<T>(json.text())?,
            },
        },
        Input::Texts(texts) => match T::deserialize(Texts(texts)) {
            Ok(value) => return Some(value),
            Err(error) => Fault::of_text(error),
        },
        Input::Pairs(_) => match T::deserialize(&Fields::open(input, report)?) {
            Ok(value) => return Some(value),
            Err(error) => Fault::of_text(error),
        },
        Input::Rest(_) => {
            let fields = Fields::open(input, report)?;
            return flattened(&fields, report);
        }
    };
    fault.report(report);
    None
}

/// Builds a value of what is left of an object. An `Option` of which no key was sent is `None`.
fn flattened<T: DeserializeOwned>(fields: &Fields<'_>, report: &mut Report) -> Option<T> {
    let before = fields.taken();
    let mut found = report.aside();
    let traced = fields
        .json_rest()
        .and_then(|rest| trace::inspect(Node::Rest(&rest), &mut found).ok());
    let value = traced.unwrap_or_else(|| match T::deserialize(fields) {
        Ok(value) => Some(value),
        Err(error) => {
            Fault::of_text(error).report(&mut found);
            None
        }
    });
    if found.found() > 0
        && fields.taken() == before
        && let Some(nothing) = absent::<T>()
    {
        return Some(nothing);
    }
    report.absorb(found);
    value
}

/// What serde makes of nothing: `None` for an `Option`, a fault for the others.
#[must_use]
pub fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

/// Builds a value through a function of the user's, as `#[serde(with = ..)]` names it. The function is generic over
/// the deserializer, so it is given twice.
pub fn inspect_with<'a, T>(
    input: Input<'a>,
    report: &mut Report,
    from_json: fn(&'a RawValue) -> Result<T, serde_json::Error>,
    from_text: fn(Texts<'a>) -> Result<T, TextError>,
) -> Option<T> {
    check::forget();
    let fault = match input {
        Input::Json(json) => match json.raw().and_then(from_json) {
            Ok(value) => return Some(value),
            Err(error) => Fault::new(Vec::new(), &error.to_string()),
        },
        Input::Texts(texts) => match from_text(Texts(texts)) {
            Ok(value) => return Some(value),
            Err(error) => Fault::of_text(error),
        },
        Input::Pairs(_) | Input::Rest(_) => {
            expected("a single value", report);
            return None;
        }
    };
    fault.report(report);
    None
}

/// Reads once more, this time with an eye on where it stops. Slow: every key is copied.
#[cold]
pub(super) fn located<T: DeserializeOwned>(text: &str) -> Option<Fault> {
    check::forget();
    let mut reader = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => None,
        Err(error) => Some(Fault::new(steps(error.path()), &error.inner().to_string())),
    }
}

fn steps(path: &Path) -> Vec<Segment> {
    path.iter()
        .filter_map(|step| match step {
            Step::Seq { index } => Some(Segment::Index(*index)),
            Step::Map { key } => Some(Segment::Key(Cow::Owned(key.clone()))),
            Step::Enum { variant } => Some(Segment::Key(Cow::Owned(variant.clone()))),
            Step::Unknown => None,
        })
        .collect()
}

/// What is said of an untagged enum. serde's own sentence bears the name of the type.
pub(super) const NO_VARIANT: &str = "matches none of the allowed forms";

/// What serde refused, ready to be reported.
#[derive(Debug)]
pub(super) struct Fault(Vec<Violation>);

impl Fault {
    pub(super) fn new(path: Vec<Segment>, message: &str) -> Self {
        let message = without_place(message);
        if let Some(violations) = check::recall(message) {
            return Self(
                violations
                    .into_iter()
                    .map(|found| further_in(&path, found))
                    .collect(),
            );
        }
        let (name, code, message) = explain(message);
        let mut location = Location {
            source: Source::Body,
            path,
        };
        location
            .path
            .extend(name.map(|name| Segment::Key(Cow::Owned(name.to_owned()))));
        Self(vec![Violation {
            location,
            code: Cow::Borrowed(code),
            message,
            params: None,
        }])
    }

    fn of_text(error: TextError) -> Self {
        Self::new(error.path, &error.message)
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.0
    }

    pub(super) fn report(self, report: &mut Report) {
        for mut violation in self.0 {
            violation.location.source = report.source();
            report.push(violation);
        }
    }
}

fn further_in(path: &[Segment], mut violation: Violation) -> Violation {
    violation.location.path.splice(0..0, path.iter().cloned());
    violation
}

/// serde_json's message without its line and column, which the location says better.
pub(super) fn without_place(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
}

/// The field that is meant, if one is named, the code, and a sentence that repeats nothing of what was sent.
fn explain(message: &str) -> (Option<&str>, &'static str, String) {
    if let Some(name) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return (Some(name), "missing", "is required".to_owned());
    }
    if let Some(name) = message
        .strip_prefix("duplicate field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return (Some(name), "duplicate", "appears more than once".to_owned());
    }
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some(end) = rest.rfind("`, ")
    {
        return (
            Some(&rest[..end]),
            "unknown_field",
            "is not a known field".to_owned(),
        );
    }
    let sentence = match message.rfind(", expected ") {
        Some(at) => format!("expected {}", plainly(&message[at + ", expected ".len()..])),
        None if message.starts_with("number out of range") => {
            "expected a smaller number".to_owned()
        }
        None if message.starts_with("data did not match any variant") => NO_VARIANT.to_owned(),
        None => "is not valid".to_owned(),
    };
    (None, "type", sentence)
}

/// What serde expects, in the words of JSON instead of those of Rust.
fn plainly(expectation: &str) -> Cow<'_, str> {
    let first = expectation.split(' ').next().unwrap_or_default();
    let words = match first {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128"
        | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "struct" | "map" | "internally" | "adjacently" => "an object",
        "tuple" | "sequence" => "an array",
        "enum" | "variant" => "one of the known variants",
        "unit" | "()" => "null",
        "newtype" | "struct variant" => "another value",
        "a" => return article(expectation),
        _ => return Cow::Borrowed(expectation),
    };
    Cow::Borrowed(words)
}

fn article(expectation: &str) -> Cow<'_, str> {
    Cow::Borrowed(match expectation {
        "a map" => "an object",
        "a sequence" => "an array",
        "a borrowed string" => "a string",
        "a character" => "one character",
        text if text.starts_with("a tuple") => "an array",
        text => text,
    })
}

/// The deserializer of nothing.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = TextError;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, TextError> {
        Err(serde::de::Error::custom("is required"))
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::{explain, without_place};

    fn check(message: &str, name: Option<&str>, code: &str, sentence: &str) {
        let message = without_place(message);
        assert_eq!(
            explain(message),
            (name, explain(message).1, sentence.to_owned())
        );
        assert_eq!(explain(message).1, code);
    }

    #[test]
    fn messages_repeat_nothing_that_was_sent() {
        check(
            "invalid type: string \"secret, expected x\", expected u64 at line 1 column 9",
            None,
            "type",
            "expected an integer",
        );
        check(
            "missing field `a` at line 1 column 2",
            Some("a"),
            "missing",
            "is required",
        );
        check(
            "unknown field `x`, y`, expected `a` or `b`",
            Some("x`, y"),
            "unknown_field",
            "is not a known field",
        );
        check(
            "unknown variant `x`, expected `a` or `b`",
            None,
            "type",
            "expected `a` or `b`",
        );
        check(
            "UUID parsing failed: found `z`",
            None,
            "type",
            "is not valid",
        );
        check(
            "invalid type: map, expected struct Secret",
            None,
            "type",
            "expected an object",
        );
    }
}
