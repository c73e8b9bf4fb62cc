//! JSON bodies: one pass for a good one, a second that lists everything for a bad one.
//!
//! Three readers for three kinds of type: models, `validator` types, and types that only know serde.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;
use validator::Validate;

use super::fields::Key;
use super::spans::{Span, Spans};
use super::{Input, Inspect, check, foreign};
use crate::{Report, Source, bridge};

/// The deepest nesting that is read, as in serde_json itself.
const DEPTH_MAX: u16 = 127;

/// The code of the note that [`Json::open`] leaves where it refuses to go deeper. Never on the wire.
pub(super) const TOO_DEEP: &str = "too_deep";

/// A piece of JSON that is known to be well formed, and how deep in its body it stands.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    whole: &'a str,
    spans: &'a Spans,
    span: Span,
    depth: u16,
}

impl<'a> Json<'a> {
    /// The root of a body.
    pub(super) fn new(whole: &'a str, spans: &'a Spans) -> Self {
        let start = whole.len() - whole.trim_start_matches([' ', '\t', '\r', '\n']).len();
        Self {
            whole,
            spans,
            span: spans.value(whole, start),
            depth: 0,
        }
    }

    /// The text of it.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.whole.get(self.span.0..self.span.1).unwrap_or_default()
    }

    /// The same, for serde_json.
    ///
    /// # Errors
    ///
    /// Never: the text is well formed.
    pub fn raw(self) -> Result<&'a RawValue, serde_json::Error> {
        serde_json::from_str(self.text())
    }

    fn inner(self, span: Span) -> Self {
        Self {
            span,
            depth: self.depth + 1,
            ..self
        }
    }

    /// The values of an array, or a violation where it is none.
    pub(super) fn elements(self, report: &mut Report) -> Option<Vec<Self>> {
        self.open(Kind::Array, report).then(|| {
            let spans = self.spans.elements(self.whole, self.span.0);
            spans.into_iter().map(|span| self.inner(span)).collect()
        })
    }

    /// The keys and values of an object in the order sent, or a violation where it is none.
    pub(super) fn entries(self, report: &mut Report) -> Option<Vec<(Cow<'a, str>, Self)>> {
        if !self.open(Kind::Object, report) {
            return None;
        }
        let mut list = Vec::new();
        for (key, value) in self.spans.entries(self.whole, self.span.0) {
            let Some(key) = self.inner(key).string() else {
                super::expected("an object whose keys are Unicode", report);
                return None;
            };
            list.push((key, self.inner(value)));
        }
        Some(list)
    }

    /// The characters of a string. Not every string has them: JSON allows `"\ud800"`, Unicode does not.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        serde_json::from_str::<Key<'a>>(self.text())
            .ok()
            .map(|Key(text)| text)
    }

    /// What the first character says it is.
    pub(super) fn kind(self) -> Kind {
        match self.text().as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Whether this piece is of the `kind` and may be opened; if not, that is reported.
    pub(super) fn open(self, kind: Kind, report: &mut Report) -> bool {
        if self.kind() != kind {
            super::expected(kind.name(), report);
            false
        } else if self.depth >= DEPTH_MAX {
            refuse_depth(report);
            false
        } else {
            true
        }
    }
}

/// The six things that JSON knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A body that is no JSON text, or nested too deeply to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// The line of the fault, from 1.
    pub line: usize,
    /// The column of the fault in bytes, from 1 (0 where the line before it ended too early).
    pub column: usize,
    /// What is wrong there, in lower case; nothing of the body is repeated.
    pub message: String,
}

impl NotJson {
    fn new(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        Self {
            line,
            column,
            message: without_place(&error.to_string()).to_owned(),
        }
    }

    /// The place behind the last good byte of a text that is not UTF-8.
    fn not_utf8(bytes: &[u8], good: usize) -> Self {
        let before = &bytes[..good];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count();
        Self {
            line,
            column,
            message: "invalid UTF-8".to_owned(),
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at line {} column {}",
            self.message, self.line, self.column
        )
    }
}

impl std::error::Error for NotJson {}

/// Reads a model. The value is there exactly if nothing was reported.
///
/// # Errors
///
/// Where the bytes are not JSON, or nested deeper than 127 levels in parts that are read.
pub fn read_json<T: DeserializeOwned + Inspect>(
    bytes: &[u8],
    report: &mut Report,
) -> Result<Option<T>, NotJson> {
    let text = text_of(bytes)?;
    match serde_json::from_str::<T>(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            // Rules that serde found broken may be those of a default, which is not judged here: then the value
            // stands. In any other case that could be built is of no use, since serde has refused the body.
            let by_rule = check::recall(without_place(&error.to_string())).is_some();
            let mut built = None;
            let inspect = |input: Input<'_>, report: &mut Report| built = T::inspect(input, report);
            let fine = list_faults(
                text,
                &error,
                inspect,
                by_rule,
                foreign::located::<T>,
                report,
            )?;
            Ok(built.filter(|_| fine))
        }
    }
}

/// Reads a type that only knows serde; of a bad body, the first fault is reported.
///
/// # Errors
///
/// Where the bytes are not JSON, or nested deeper than 127 levels in parts that are read.
pub fn read_json_plain<T: DeserializeOwned>(
    bytes: &[u8],
    report: &mut Report,
) -> Result<Option<T>, NotJson> {
    let text = text_of(bytes)?;
    match serde_json::from_str::<T>(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => list_faults(
            text,
            &error,
            |_, _| (),
            false,
            foreign::located::<T>,
            report,
        )
        .map(|_| None),
    }
}

/// Reads a type with a derived `validator::Validate`, and validates it.
///
/// # Errors
///
/// Where the bytes are not JSON, or nested deeper than 127 levels in parts that are read.
pub fn read_json_validator<T: DeserializeOwned + Validate>(
    bytes: &[u8],
    report: &mut Report,
) -> Result<Option<T>, NotJson> {
    let Some(value) = read_json_plain::<T>(bytes, report)? else {
        return Ok(None);
    };
    let Err(errors) = value.validate() else {
        return Ok(Some(value));
    };
    let sent = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    bridge::from_validator_sent::<T>(&errors, &sent, report);
    Ok(None)
}

fn text_of(bytes: &[u8]) -> Result<&str, NotJson> {
    std::str::from_utf8(bytes).map_err(|error| NotJson::not_utf8(bytes, error.valid_up_to()))
}

/// The second pass, not generic: what is wrong with a text that serde refused. True where nothing is, since the rule
/// that was broken (`by_rule`) is that of a default.
#[cold]
fn list_faults(
    text: &str,
    first: &serde_json::Error,
    inspect: impl FnOnce(Input<'_>, &mut Report),
    by_rule: bool,
    again: fn(&str) -> Option<super::error::ReadError>,
    report: &mut Report,
) -> Result<bool, NotJson> {
    if is_too_deep(first) {
        return Err(NotJson::new(first));
    }
    let _: &RawValue = serde_json::from_str(text).map_err(|error| NotJson::new(&error))?;
    let spans = Spans::of(text);
    let mut found = Report::new(Source::Body);
    inspect(Input::Json(Json::new(text, &spans)), &mut found);
    if found.is_empty() && by_rule {
        return Ok(true);
    }
    if found.is_empty() {
        check::forget();
        match again(text) {
            Some(fault) => fault.report(&mut found),
            None => found.violate("type", super::error::WRONG_FORM),
        }
    }
    let found = found.into_violations();
    if found.iter().any(|violation| violation.code == TOO_DEEP) {
        return Err(too_deep(text));
    }
    for mut violation in found {
        violation.location.source = report.source();
        report.push(violation);
    }
    Ok(false)
}

/// serde_json's message without its line and column, which a location says better.
fn without_place(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
}

/// serde_json counts a nesting that is too deep among the faults of syntax.
pub(super) fn is_too_deep(error: &serde_json::Error) -> bool {
    error.classify() == Category::Syntax && error.to_string().starts_with("recursion limit")
}

/// Leaves a note that the nesting is too deep; the reader of the body answers with [`NotJson`].
#[cold]
pub(super) fn refuse_depth(report: &mut Report) {
    report.violate(TOO_DEEP, "is nested too deeply");
}

/// The place where the nesting is too deep, which serde_json knows best.
fn too_deep(text: &str) -> NotJson {
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) if is_too_deep(&error) => NotJson::new(&error),
        _ => NotJson {
            line: 1,
            column: 1,
            message: "recursion limit exceeded".to_owned(),
        },
    }
}
