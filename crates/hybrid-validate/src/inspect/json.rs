//! JSON bodies: one pass for a good one, a second that lists everything for a bad one.
//!
//! Three readers for three kinds of type: models, `validator` types, and types that only know serde.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use validator::Validate;

use super::error::{ReadError, WRONG_FORM};
use super::fields::Key;
use super::spans::{Span, Spans};
use super::{Input, Inspect, check, finite, foreign, json_format, trace};
use crate::Report;
use crate::bridge::{self, SentValue};

/// The deepest nesting that is read, as in serde_json itself.
pub(super) const DEPTH_MAX: u16 = 127;

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

    /// The piece at `span`, which stands `depth` containers deep in its body.
    pub(super) const fn at(whole: &'a str, spans: &'a Spans, span: Span, depth: u16) -> Self {
        Self {
            whole,
            spans,
            span,
            depth,
        }
    }

    /// Where it stands in its body.
    pub(super) const fn span(self) -> Span {
        self.span
    }

    /// How many containers stand round it.
    pub(super) const fn depth(self) -> u16 {
        self.depth
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
            report.refuse_depth();
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
    read(bytes, T::inspect, report)
}

/// Reads a type that only knows serde. Of a bad body all faults of the models in it are reported, and of the type
/// itself as many as can be found.
///
/// # Errors
///
/// Where the bytes are not JSON, or nested deeper than 127 levels in parts that are read.
pub fn read_json_plain<T: DeserializeOwned>(
    bytes: &[u8],
    report: &mut Report,
) -> Result<Option<T>, NotJson> {
    read(bytes, foreign::inspect, report)
}

/// One pass; where serde refuses, a second, which has the last word: it reads what serde does not, such as integers
/// of 128 bits behind a tag.
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
            let good = list_faults(text, &error, &mut look, foreign::located::<T>, report)?;
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

/// The second pass, not generic: whether there is nothing wrong with a text that serde refused.
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
    let mut found = report.aside();
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
    let refused = K::deserialize(json_format::Key(Cow::Borrowed(text))).err();
    let refused = refused.unwrap_or_else(|| ReadError::wrong(WRONG_FORM));
    Err(refused.of_key())
}
