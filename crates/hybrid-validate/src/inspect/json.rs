//! JSON bodies: one pass for a good body, a second pass that lists all faults for a bad one.
//!
//! There are three readers: for models, for `validator` types, and for other serde types.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use validator::Validate;

use super::borrowed::BorrowedText;
use super::error::{ReadError, WRONG_FORM};
use super::spans::{Span, Spans};
use super::{Input, Inspect, check, finite, json_format, serde_types, trace};
use crate::Report;
use crate::bridge::{self, SentValue};

/// The deepest nesting that is read, as in serde_json itself.
pub(super) const DEPTH_MAX: u16 = 127;

/// A piece of well-formed JSON, with its depth in the body.
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

    /// The piece at `span`, inside `depth` containers of its body.
    pub(super) const fn at(whole: &'a str, spans: &'a Spans, span: Span, depth: u16) -> Self {
        Self {
            whole,
            spans,
            span,
            depth,
        }
    }

    /// Its place in the body.
    pub(super) const fn span(self) -> Span {
        self.span
    }

    /// The number of containers around it.
    pub(super) const fn depth(self) -> u16 {
        self.depth
    }

    /// Its text.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.whole.get(self.span.0..self.span.1).unwrap_or_default()
    }

    /// Its text, as a value of serde_json's.
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

    /// The values of an array, or a violation if it is not an array.
    pub(super) fn elements(self, report: &mut Report) -> Option<Vec<Self>> {
        self.open(JsonKind::Array, report).then(|| {
            let spans = self.spans.elements(self.whole, self.span.0);
            spans.into_iter().map(|span| self.inner(span)).collect()
        })
    }

    /// The keys and values of an object in the order sent, or a violation if it is not an object.
    pub(super) fn entries(self, report: &mut Report) -> Option<Vec<(Cow<'a, str>, Self)>> {
        if !self.open(JsonKind::Object, report) {
            return None;
        }
        let mut list = Vec::new();
        for (key, value) in self.spans.entries(self.whole, self.span.0) {
            let Some(key) = self.inner(key).string() else {
                report.expected("an object whose keys are Unicode");
                return None;
            };
            list.push((key, self.inner(value)));
        }
        Some(list)
    }

    /// The characters of a string. Some strings have none: JSON allows `"\ud800"`, which is not Unicode.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        serde_json::from_str::<BorrowedText<'a>>(self.text())
            .ok()
            .map(|BorrowedText(text)| text)
    }

    /// The kind of value, told by its first character.
    pub(super) fn kind(self) -> JsonKind {
        match self.text().as_bytes().first() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Bool,
            Some(b'n') => JsonKind::Null,
            _ => JsonKind::Number,
        }
    }

    /// Whether this piece is of `kind` and may be opened. If not, a violation is reported.
    pub(super) fn open(self, kind: JsonKind, report: &mut Report) -> bool {
        if self.kind() != kind {
            report.expected(kind.name());
            false
        } else if self.depth >= DEPTH_MAX {
            report.refuse_depth();
            false
        } else {
            true
        }
    }
}

/// The six kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonKind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

impl JsonKind {
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

/// A body that is not JSON, or nested too deeply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// The line of the fault, from 1.
    pub line: usize,
    /// The column of the fault in bytes, from 1. It is 0 if the line before ended too early.
    pub column: usize,
    /// The fault, in lower case. It repeats nothing of the body.
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

    /// The place after the last good byte of a text that is not UTF-8.
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
    read(bytes, T::inspect, report)
}

/// Reads a serde type. For a bad body it reports all faults of the models inside, and as many faults of the type itself
/// as it can find.
///
/// # Errors
///
/// Where the bytes are not JSON, or nested deeper than 127 levels in parts that are read.
/// ```
/// use hybrid_validate::{Report, Source, inspect};
///
/// let mut report = Report::new(Source::Body);
/// let read = inspect::read_json_plain::<Vec<u8>>(b"[1, 300]", &mut report).expect("JSON");
/// assert_eq!(read, None);
/// assert_eq!(report.into_violations()[0].location.to_string(), "body.1");
/// ```
pub fn read_json_plain<T: DeserializeOwned>(
    bytes: &[u8],
    report: &mut Report,
) -> Result<Option<T>, NotJson> {
    read(bytes, serde_types::inspect, report)
}

/// One pass. If serde refuses, a second pass decides: it reads values that serde does not, such as 128-bit integers
/// after a tag.
fn read<T: DeserializeOwned>(
    bytes: &[u8],
    inspect: fn(Input<'_>, &mut Report) -> Option<T>,
    report: &mut Report,
) -> Result<Option<T>, NotJson> {
    let text = text_of(bytes)?;
    match finite::from_str::<T>(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let mut value = None;
            let mut look = |input: Input<'_>, report: &mut Report| {
                value = inspect(input, report);
                value.is_some()
            };
            let good = list_faults(text, &error, &mut look, serde_types::located::<T>, report)?;
            Ok(value.filter(|_| good))
        }
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
    let sent = serde_json::from_slice(bytes).unwrap_or(SentValue::NULL);
    bridge::from_validator_sent::<T>(&errors, &sent, report);
    Ok(None)
}

fn text_of(bytes: &[u8]) -> Result<&str, NotJson> {
    std::str::from_utf8(bytes).map_err(|error| NotJson::not_utf8(bytes, error.valid_up_to()))
}

/// The second pass, not generic. `true` if it found no fault in a text that serde refused.
#[cold]
fn list_faults(
    text: &str,
    first: &serde_json::Error,
    inspect: &mut dyn FnMut(Input<'_>, &mut Report) -> bool,
    again: fn(&str) -> Option<ReadError>,
    report: &mut Report,
) -> Result<bool, NotJson> {
    if is_too_deep(first) {
        return Err(NotJson::new(first));
    }
    let _: &RawValue = serde_json::from_str(text).map_err(|error| NotJson::new(&error))?;
    let mut found = report.sub_report();
    let built = trace::within(text, |json| inspect(Input::Json(json), &mut found));
    if found.is_too_deep() {
        return Err(too_deep(text));
    }
    if found.found() == 0 && !built {
        check::forget();
        match again(text) {
            Some(fault) => fault.report(&mut found),
            None => found.violate("type", WRONG_FORM),
        }
    }
    let good = found.found() == 0;
    report.absorb(found);
    Ok(good)
}

/// serde_json's message without line and column, which the location has.
fn without_place(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
}

/// serde_json reports a nesting that is too deep as a syntax error.
pub(super) fn is_too_deep(error: &serde_json::Error) -> bool {
    error.classify() == Category::Syntax && error.to_string().starts_with("recursion limit")
}

/// The place where the nesting is too deep, from serde_json.
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

/// A key of a map, read from its characters as serde_json reads it.
pub(super) fn key<K: DeserializeOwned>(text: &str) -> Result<K, ReadError> {
    struct Only<K>(K);

    impl<'de, K: Deserialize<'de>> Deserialize<'de> for Only<K> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_map(OnlyKey(PhantomData))
        }
    }

    struct OnlyKey<K>(PhantomData<K>);

    impl<'de, K: Deserialize<'de>> Visitor<'de> for OnlyKey<K> {
        type Value = Only<K>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Only<K>, A::Error> {
            let entry = map.next_entry::<K, de::IgnoredAny>()?;
            let (key, _) = entry.ok_or_else(|| de::Error::custom("no key"))?;
            Ok(Only(key))
        }
    }

    let object = format!("{{{}:null}}", serde_json::Value::from(text));
    if let Ok(Only(key)) = serde_json::from_str(&object) {
        return Ok(key);
    }
    let refused = K::deserialize(json_format::KeyText(Cow::Borrowed(text))).err();
    let refused = refused.unwrap_or_else(|| ReadError::wrong(WRONG_FORM));
    Err(refused.of_key())
}
