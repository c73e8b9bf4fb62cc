//! A refused value as a client sees it: the place, the broken rule, and a sentence.
//!
//! A violation never contains the refused value: it may be a password, and echoed input enables cross-site scripting.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

/// The part of the request that a value came from. Violations are sorted in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A segment of the path.
    Path,
    /// A key of the query.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
    /// A field of a urlencoded or multipart form.
    Form,
    /// An uploaded file.
    File,
    /// The body.
    Body,
}

impl Source {
    /// The first part of a location: `path`, `query`, `header`, `cookie`, `form`, `file`, `body`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Form => "form",
            Self::File => "file",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One step of the path to a value: a key, or an index counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// The wire name of a field, a parameter or a map's entry.
    Key(Cow<'static, str>),
    /// The position in a list.
    Index(usize),
}

impl Segment {
    /// The key of a map's entry on the wire. A key that is not a text cannot be a JSON key, so its JSON is used.
    pub fn of_key_here<K: Serialize + ?Sized>(key: &K) -> Self {
        match serde_json::to_value(key) {
            Ok(Value::String(text)) => Self::from(text),
            Ok(other) => Self::from(other.to_string()),
            Err(_) => Self::from("?"),
        }
    }
}

impl From<&'static str> for Segment {
    fn from(key: &'static str) -> Self {
        Self::Key(Cow::Borrowed(key))
    }
}

impl From<String> for Segment {
    fn from(key: String) -> Self {
        Self::Key(Cow::Owned(key))
    }
}

impl From<Cow<'static, str>> for Segment {
    fn from(key: Cow<'static, str>) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key(key) => serializer.serialize_str(key),
            Self::Index(index) => serializer.serialize_u64(*index as u64),
        }
    }
}

/// The place of a value: its source, then keys and indices. Serialises as `["body","data",3,"value"]`.
/// ```
/// # mod hybrid { pub use hybrid_validate::{Location, Source}; }
/// use hybrid::{Location, Source};
///
/// let location = Location::new(Source::Body).then("data").then(3);
/// assert_eq!(location.to_string(), "body.data.3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The part of the request.
    pub source: Source,
    /// The path inside that part, outermost step first. Empty for the whole part.
    pub path: Vec<Segment>,
}

impl Location {
    /// The whole of a source.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self {
            source,
            path: Vec::new(),
        }
    }

    /// The same place with one more step.
    #[must_use]
    pub fn then(mut self, segment: impl Into<Segment>) -> Self {
        self.path.push(segment.into());
        self
    }
}

/// The steps joined by dots: `body.data.3.value`. For logs. On the wire a location is an array.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        self.path
            .iter()
            .try_for_each(|segment| write!(f, ".{segment}"))
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(1 + self.path.len()))?;
        seq.serialize_element(self.source.as_str())?;
        for segment in &self.path {
            seq.serialize_element(segment)?;
        }
        seq.end()
    }
}

/// One refused value: the place, the rule, a sentence for people, and the rule's value for programs.
///
/// ```
/// # mod hybrid { pub use hybrid_validate::{Location, Source, Violation}; }
/// use hybrid::{Location, Source, Violation};
///
/// let violation = Violation {
///     location: Location::new(Source::Query).then("n"),
///     code: "even".into(),
///     message: "must be even".into(),
///     params: None,
/// };
/// assert_eq!(violation.to_string(), "query.n: must be even");
/// assert_eq!(
///     serde_json::to_string(&violation).unwrap(),
///     r#"{"loc":["query","n"],"code":"even","message":"must be even"}"#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The place of the value.
    pub location: Location,
    /// The rule's name, or `missing`, `type`, `duplicate`, `unknown_field`, `custom`.
    pub code: Cow<'static, str>,
    /// The expected form of the value, in lower case and without a full stop.
    pub message: String,
    /// `{rule: value}` for rules that have a value.
    pub params: Option<Map<String, Value>>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3 + usize::from(self.params.is_some())))?;
        map.serialize_entry("loc", &self.location)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("message", &self.message)?;
        if let Some(params) = &self.params {
            map.serialize_entry("params", params)?;
        }
        map.end()
    }
}
