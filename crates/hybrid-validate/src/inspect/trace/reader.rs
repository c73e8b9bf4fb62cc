//! The deserializer: it reads pieces of JSON, notes the path to each, and skips hidden parts.
//!
//! It reads as serde_json does. Values that cannot contain a model are read by the plain JSON format.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{self, Deserializer, Error as _, Visitor};

use super::access::{Enum, Map, Seq};
use super::model::ASK;
use super::passes::{Node, RUN, Stop};
use super::run::{Hidden, Run};
use crate::FromParam;
use crate::inspect::error::ReadError;
use crate::inspect::fields::Rest;
use crate::inspect::json::{DEPTH_MAX, Json, JsonKind};

/// The input, and its hidden parts.
#[derive(Clone, Copy)]
pub(super) struct Tracer<'de, 'h> {
    pub(super) node: Node<'de>,
    pub(super) hidden: Option<&'h Hidden>,
}

/// How the parts of a list or an object are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadMode {
    /// All elements or entries have one type.
    Each,
    /// Each part has a type of its own.
    Fixed,
    /// The value is buffered, its type is not known yet.
    Buffer,
}

pub(super) type TracedEntry<'de> = (Cow<'de, str>, Json<'de>, Option<&'de Cell<bool>>);

impl<'de, 'h> Tracer<'de, 'h> {
    pub(super) const fn root(node: Node<'de>, hidden: &'h Hidden) -> Self {
        Self {
            node,
            hidden: Some(hidden),
        }
    }

    /// The piece, if it is of that kind and may be opened.
    fn open(self, kind: JsonKind) -> Result<Option<Json<'de>>, Stop> {
        match self.node {
            Node::Piece(json) if json.kind() == kind => {
                if json.depth() < DEPTH_MAX {
                    return Ok(Some(json));
                }
                with_run(|run| run.too_deep = true);
                Err(ReadError::too_deep().into())
            }
            Node::Piece(_) | Node::Rest(_) => Ok(None),
        }
    }

    /// Reads a value that contains no other, if it is one of these kinds.
    fn plainly<V: Visitor<'de>>(
        self,
        kinds: &[JsonKind],
        visitor: V,
        read: impl FnOnce(Json<'de>, V) -> Result<V::Value, ReadError>,
    ) -> TracedResult<'de, V> {
        match self.node {
            Node::Piece(json) if kinds.contains(&json.kind()) => Ok(read(json, visitor)?),
            Node::Piece(_) | Node::Rest(_) => self.refuse(&visitor),
        }
    }

    /// Refuses the kind of the value.
    fn refuse<R, V: Visitor<'de>>(self, visitor: &V) -> Result<R, Stop> {
        let kind = match self.node {
            Node::Piece(json) => json.kind(),
            Node::Rest(_) => JsonKind::Object,
        };
        Err(Stop::invalid_type(
            de::Unexpected::Other(kind.name()),
            visitor,
        ))
    }

    fn seq<V: Visitor<'de>>(
        self,
        json: Json<'de>,
        reader: ReadMode,
        visitor: V,
    ) -> TracedResult<'de, V> {
        let items = json.elements(&mut crate::Report::first_only(crate::Source::Body));
        visitor.visit_seq(Seq {
            items: items.unwrap_or_default().into_iter().enumerate(),
            reader,
            hidden: self.hidden,
        })
    }

    /// Reads an array of at most `len` elements.
    fn fixed<V: Visitor<'de>>(
        self,
        json: Json<'de>,
        len: usize,
        visitor: V,
    ) -> TracedResult<'de, V> {
        let items = json.elements(&mut crate::Report::first_only(crate::Source::Body));
        let count = items.map_or(0, |items| items.len());
        if count > len {
            let wanted = format!("a tuple of size {len}");
            return Err(Stop::invalid_length(count, &wanted.as_str()));
        }
        self.seq(json, ReadMode::Fixed, visitor)
    }

    fn entries(json: Json<'de>) -> Result<Vec<TracedEntry<'de>>, Stop> {
        let entries = json.entries(&mut crate::Report::first_only(crate::Source::Body));
        let entries =
            entries.ok_or_else(|| ReadError::wrong("expected an object whose keys are Unicode"))?;
        let entries = entries.into_iter();
        Ok(entries.map(|(key, json)| (key, json, None)).collect())
    }

    fn map<V: Visitor<'de>>(
        self,
        entries: Vec<TracedEntry<'de>>,
        reader: ReadMode,
        visitor: V,
    ) -> TracedResult<'de, V> {
        visitor.visit_map(Map {
            entries: entries.into_iter(),
            value: None,
            reader,
            hidden: self.hidden,
        })
    }

    /// The rest of an object. A struct reads its own fields and leaves the others to the next reader.
    fn rest(rest: &'de Rest<'de>, own: Option<&[&str]>) -> Vec<TracedEntry<'de>> {
        let entries = rest.entries.iter();
        let mine = entries.filter(|(key, ..)| own.is_none_or(|own| own.contains(key)));
        mine.map(|(key, json, used)| (Cow::Borrowed(*key), *json, own.is_some().then_some(*used)))
            .collect()
    }

    fn is_filled(self) -> bool {
        self.hidden.is_some_and(Hidden::is_filled)
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        match self.node {
            Node::Piece(json) if json.text() == "-0" => visitor.visit_u64(0),
            _ => {
                let kinds = [
                    JsonKind::Null,
                    JsonKind::Bool,
                    JsonKind::Number,
                    JsonKind::String,
                ];
                self.plainly(&kinds, visitor, Json::deserialize_any)
            }
        }
    }
}

pub(super) type TracedResult<'de, V> = Result<<V as Visitor<'de>>::Value, Stop>;

pub(super) fn with_run(change: impl FnOnce(&mut Run)) {
    RUN.with_borrow_mut(|run| {
        if let Some(run) = run {
            change(run);
        }
    });
}

macro_rules! plainly {
    ($($method:ident($($name:ident: $ty:ty),*) $($kind:ident)|* $(, $visit:ident $else:expr)?;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $ty,)* visitor: V) -> TracedResult<'de, V> {
            $(if self.is_filled() {
                return visitor.$visit($else);
            })?
            self.plainly(&[$(JsonKind::$kind),*], visitor, |json, visitor| json.$method($($name,)* visitor))
        }
    )*};
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
            match self.node {
                _ if self.is_filled() => visitor.visit_u64(1),
                Node::Piece(json) if json.text() == "-0" => visitor.visit_u64(0),
                _ => self.plainly(&[JsonKind::Number], visitor, Json::$method),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'de, '_> {
    type Error = Stop;

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    plainly! {
        deserialize_bool() Bool, visit_bool false;
        deserialize_f64() Number, visit_f64 1.0;
        deserialize_char() String, visit_char 'a';
        deserialize_str() String, visit_borrowed_str "a";
        deserialize_string() String, visit_borrowed_str "a";
        deserialize_bytes() String | Array, visit_bytes b"";
        deserialize_byte_buf() String | Array, visit_bytes b"";
        deserialize_unit() Null;
        deserialize_unit_struct(name: &'static str) Null;
        deserialize_identifier() String;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        if self.is_filled() {
            return visitor.visit_f64(1.0);
        }
        if let Node::Piece(json) = self.node
            && json.kind() == JsonKind::Number
            && let Err(error) = f32::from_param(json.text())
        {
            return Err(ReadError::wrong(error.to_string()).into());
        }
        self.plainly(&[JsonKind::Number], visitor, Json::deserialize_f32)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        if self.is_filled() {
            return visitor.visit_unit();
        }
        if let Node::Rest(rest) = self.node {
            return self.map(Self::rest(rest, None), ReadMode::Buffer, visitor);
        }
        if let Some(json) = self.open(JsonKind::Array)? {
            return self.seq(json, ReadMode::Buffer, visitor);
        }
        if let Some(json) = self.open(JsonKind::Object)? {
            return self.map(Self::entries(json)?, ReadMode::Buffer, visitor);
        }
        self.number(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        with_run(|run| {
            if let Some(walked) = run.path.last_mut() {
                walked.nullable = true;
            }
        });
        match self.node {
            _ if self.is_filled() => visitor.visit_none(),
            Node::Piece(json) if json.kind() == JsonKind::Null => visitor.visit_none(),
            Node::Piece(_) | Node::Rest(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> TracedResult<'de, V> {
        match self.node {
            Node::Piece(json) if name == ASK => {
                with_run(|run| run.asked = Some((json.span(), json.depth())));
                visitor.visit_unit()
            }
            Node::Piece(json) if name.starts_with("$serde_json::") => {
                Ok(json.deserialize_newtype_struct(name, visitor)?)
            }
            Node::Piece(_) | Node::Rest(_) => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        if self.is_filled() {
            return visitor.visit_seq(Seq {
                items: Vec::new().into_iter().enumerate(),
                reader: ReadMode::Each,
                hidden: None,
            });
        }
        match self.open(JsonKind::Array)? {
            Some(json) => self.seq(json, ReadMode::Each, visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> TracedResult<'de, V> {
        match self.open(JsonKind::Array)? {
            Some(json) => self.fixed(json, len, visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> TracedResult<'de, V> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> TracedResult<'de, V> {
        if self.is_filled() {
            return self.map(Vec::new(), ReadMode::Each, visitor);
        }
        if let Node::Rest(rest) = self.node {
            return self.map(Self::rest(rest, None), ReadMode::Each, visitor);
        }
        match self.open(JsonKind::Object)? {
            Some(json) => self.map(Self::entries(json)?, ReadMode::Each, visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> TracedResult<'de, V> {
        if let Node::Rest(rest) = self.node {
            return self.map(Self::rest(rest, Some(fields)), ReadMode::Fixed, visitor);
        }
        if let Some(json) = self.open(JsonKind::Object)? {
            return self.map(Self::entries(json)?, ReadMode::Fixed, visitor);
        }
        match self.open(JsonKind::Array)? {
            Some(json) => self.fixed(json, fields.len(), visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> TracedResult<'de, V> {
        if let (true, Some(first)) = (self.is_filled(), variants.first()) {
            return visitor.visit_enum(de::value::BorrowedStrDeserializer::new(first));
        }
        let entries = match self.node {
            Node::Rest(rest) => Self::rest(rest, Some(variants))
                .into_iter()
                .take(1)
                .collect(),
            Node::Piece(_) => match self.open(JsonKind::Object)? {
                Some(json) => Self::entries(json)?,
                None => Vec::new(),
            },
        };
        match <[TracedEntry<'de>; 1]>::try_from(entries) {
            Ok([(key, json, used)]) => visitor.visit_enum(Enum {
                key,
                json,
                used,
                hidden: self.hidden,
            }),
            Err(_) => match self.node {
                Node::Piece(json) if json.kind() == JsonKind::String => {
                    Ok(json.deserialize_enum(name, variants, visitor)?)
                }
                Node::Piece(json) if json.kind() == JsonKind::Object => {
                    Err(ReadError::wrong("expected an object with one key").into())
                }
                Node::Piece(_) | Node::Rest(_) => self.refuse(&visitor),
            },
        }
    }
}
