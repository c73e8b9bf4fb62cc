//! The deserializer: pieces of JSON, with the way that was gone to each, and without what is hidden.
//!
//! It reads as serde_json does, which does the work wherever nothing can stand inside.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;
use std::vec::IntoIter;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::key::Key;
use super::model::ASK;
use super::run::{Hidden, Step, Walked};
use super::{Node, RUN, Stop};
use crate::FromParam;
use crate::inspect::error::ReadError;
use crate::inspect::fields::Rest;
use crate::inspect::json::{DEPTH_MAX, Json, Kind};
use crate::inspect::spans::Span;

/// What is read, and what of it is not shown.
#[derive(Clone, Copy)]
pub(super) struct Tracer<'de, 'h> {
    node: Node<'de>,
    hidden: Option<&'h Hidden>,
}

/// Who reads a list or an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// All elements, all entries are of one type.
    Each,
    /// Each place has a type of its own.
    Fixed,
    /// Everything is kept for later.
    Buffer,
}

type Entry<'de> = (Cow<'de, str>, Json<'de>, Option<&'de Cell<bool>>);

impl<'de, 'h> Tracer<'de, 'h> {
    pub(super) const fn root(node: Node<'de>, hidden: &'h Hidden) -> Self {
        Self {
            node,
            hidden: Some(hidden),
        }
    }

    /// The piece, if it is one of that kind that may be opened.
    fn open(self, kind: Kind) -> Result<Option<Json<'de>>, Stop> {
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

    /// Reads what nothing can stand in, if it is one of these kinds.
    fn plainly<V: Visitor<'de>>(
        self,
        kinds: &[Kind],
        visitor: V,
        read: impl FnOnce(Json<'de>, V) -> Result<V::Value, ReadError>,
    ) -> Read<'de, V> {
        match self.node {
            Node::Piece(json) if kinds.contains(&json.kind()) => Ok(read(json, visitor)?),
            Node::Piece(_) | Node::Rest(_) => self.refuse(&visitor),
        }
    }

    /// It is of a kind that is not read.
    fn refuse<R, V: Visitor<'de>>(self, visitor: &V) -> Result<R, Stop> {
        let kind = match self.node {
            Node::Piece(json) => json.kind(),
            Node::Rest(_) => Kind::Object,
        };
        Err(Stop::invalid_type(
            de::Unexpected::Other(kind.name()),
            visitor,
        ))
    }

    fn seq<V: Visitor<'de>>(self, json: Json<'de>, reader: Reader, visitor: V) -> Read<'de, V> {
        let items = json.elements(&mut crate::Report::first_only(crate::Source::Body));
        visitor.visit_seq(Seq {
            items: items.unwrap_or_default().into_iter().enumerate(),
            reader,
            hidden: self.hidden,
        })
    }

    /// An array that must not have more than `len` elements.
    fn fixed<V: Visitor<'de>>(self, json: Json<'de>, len: usize, visitor: V) -> Read<'de, V> {
        let items = json.elements(&mut crate::Report::first_only(crate::Source::Body));
        let count = items.map_or(0, |items| items.len());
        if count > len {
            let wanted = format!("a tuple of size {len}");
            return Err(Stop::invalid_length(count, &wanted.as_str()));
        }
        self.seq(json, Reader::Fixed, visitor)
    }

    fn entries(json: Json<'de>) -> Result<Vec<Entry<'de>>, Stop> {
        let entries = json.entries(&mut crate::Report::first_only(crate::Source::Body));
        let entries =
            entries.ok_or_else(|| ReadError::wrong("expected an object whose keys are Unicode"))?;
        let entries = entries.into_iter();
        Ok(entries.map(|(key, json)| (key, json, None)).collect())
    }

    fn map<V: Visitor<'de>>(
        self,
        entries: Vec<Entry<'de>>,
        reader: Reader,
        visitor: V,
    ) -> Read<'de, V> {
        visitor.visit_map(Map {
            entries: entries.into_iter(),
            value: None,
            reader,
            hidden: self.hidden,
        })
    }

    /// What is left of an object; a struct takes its own fields, and leaves the others to whom comes next.
    fn rest(rest: &'de Rest<'de>, own: Option<&[&str]>) -> Vec<Entry<'de>> {
        let entries = rest.entries.iter();
        let mine = entries.filter(|(key, ..)| own.is_none_or(|own| own.contains(key)));
        mine.map(|(key, json, used)| (Cow::Borrowed(*key), *json, own.is_some().then_some(*used)))
            .collect()
    }

    fn is_filled(self) -> bool {
        self.hidden.is_some_and(Hidden::is_filled)
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        match self.node {
            Node::Piece(json) if json.text() == "-0" => visitor.visit_u64(0),
            _ => {
                let kinds = [Kind::Null, Kind::Bool, Kind::Number, Kind::String];
                self.plainly(&kinds, visitor, Json::deserialize_any)
            }
        }
    }
}

type Read<'de, V> = Result<<V as Visitor<'de>>::Value, Stop>;

fn with_run(change: impl FnOnce(&mut super::Run)) {
    RUN.with_borrow_mut(|run| {
        if let Some(run) = run {
            change(run);
        }
    });
}

/// Reads one step further in.
fn inside<R>(
    walked: Walked,
    span: Span,
    read: impl FnOnce() -> Result<R, Stop>,
) -> Result<R, Stop> {
    with_run(|run| run.path.push(walked));
    let result = read();
    with_run(|run| {
        if result.is_err() {
            run.locate(span);
        }
        run.path.pop();
    });
    result
}

macro_rules! plainly {
    ($($method:ident($($name:ident: $ty:ty),*) $($kind:ident)|* $(, $visit:ident $else:expr)?;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $ty,)* visitor: V) -> Read<'de, V> {
            $(if self.is_filled() {
                return visitor.$visit($else);
            })?
            self.plainly(&[$(Kind::$kind),*], visitor, |json, visitor| json.$method($($name,)* visitor))
        }
    )*};
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
            match self.node {
                _ if self.is_filled() => visitor.visit_u64(1),
                Node::Piece(json) if json.text() == "-0" => visitor.visit_u64(0),
                _ => self.plainly(&[Kind::Number], visitor, Json::$method),
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

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        if self.is_filled() {
            return visitor.visit_f64(1.0);
        }
        if let Node::Piece(json) = self.node
            && json.kind() == Kind::Number
            && let Err(error) = f32::from_param(json.text())
        {
            return Err(ReadError::wrong(error.to_string()).into());
        }
        self.plainly(&[Kind::Number], visitor, Json::deserialize_f32)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        if self.is_filled() {
            return visitor.visit_unit();
        }
        if let Node::Rest(rest) = self.node {
            return self.map(Self::rest(rest, None), Reader::Buffer, visitor);
        }
        if let Some(json) = self.open(Kind::Array)? {
            return self.seq(json, Reader::Buffer, visitor);
        }
        if let Some(json) = self.open(Kind::Object)? {
            return self.map(Self::entries(json)?, Reader::Buffer, visitor);
        }
        self.number(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        with_run(|run| {
            if let Some(walked) = run.path.last_mut() {
                walked.nullable = true;
            }
        });
        match self.node {
            _ if self.is_filled() => visitor.visit_none(),
            Node::Piece(json) if json.kind() == Kind::Null => visitor.visit_none(),
            Node::Piece(_) | Node::Rest(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Read<'de, V> {
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

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        if self.is_filled() {
            return visitor.visit_seq(Seq {
                items: Vec::new().into_iter().enumerate(),
                reader: Reader::Each,
                hidden: None,
            });
        }
        match self.open(Kind::Array)? {
            Some(json) => self.seq(json, Reader::Each, visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Read<'de, V> {
        match self.open(Kind::Array)? {
            Some(json) => self.fixed(json, len, visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Read<'de, V> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        if self.is_filled() {
            return self.map(Vec::new(), Reader::Each, visitor);
        }
        if let Node::Rest(rest) = self.node {
            return self.map(Self::rest(rest, None), Reader::Each, visitor);
        }
        match self.open(Kind::Object)? {
            Some(json) => self.map(Self::entries(json)?, Reader::Each, visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V> {
        if let Node::Rest(rest) = self.node {
            return self.map(Self::rest(rest, Some(fields)), Reader::Fixed, visitor);
        }
        if let Some(json) = self.open(Kind::Object)? {
            return self.map(Self::entries(json)?, Reader::Fixed, visitor);
        }
        match self.open(Kind::Array)? {
            Some(json) => self.fixed(json, fields.len(), visitor),
            None => self.refuse(&visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V> {
        if let (true, Some(first)) = (self.is_filled(), variants.first()) {
            return visitor.visit_enum(de::value::BorrowedStrDeserializer::new(first));
        }
        let entries = match self.node {
            Node::Rest(rest) => Self::rest(rest, Some(variants))
                .into_iter()
                .take(1)
                .collect(),
            Node::Piece(_) => match self.open(Kind::Object)? {
                Some(json) => Self::entries(json)?,
                None => Vec::new(),
            },
        };
        match <[Entry<'de>; 1]>::try_from(entries) {
            Ok([(key, json, used)]) => visitor.visit_enum(Enum {
                key,
                json,
                used,
                hidden: self.hidden,
            }),
            Err(_) => match self.node {
                Node::Piece(json) if json.kind() == Kind::String => {
                    Ok(json.deserialize_enum(name, variants, visitor)?)
                }
                Node::Piece(json) if json.kind() == Kind::Object => {
                    Err(ReadError::wrong("expected an object with one key").into())
                }
                Node::Piece(_) | Node::Rest(_) => self.refuse(&visitor),
            },
        }
    }
}

struct Seq<'de, 'h> {
    items: std::iter::Enumerate<IntoIter<Json<'de>>>,
    reader: Reader,
    hidden: Option<&'h Hidden>,
}

impl<'de> SeqAccess<'de> for Seq<'de, '_> {
    type Error = Stop;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        for (index, json) in self.items.by_ref() {
            let step = Step::Index(index);
            let walked = Walked::new(step, self.reader == Reader::Each);
            let hidden = self.hidden.and_then(|hidden| hidden.at(&walked.meant()));
            if hidden.is_some_and(Hidden::is_whole) {
                if self.reader == Reader::Fixed {
                    return Err(Stop::custom("an element was refused"));
                }
                continue;
            }
            let inner = Tracer {
                node: Node::Piece(json),
                hidden,
            };
            return inside(walked, json.span(), || seed.deserialize(inner)).map(Some);
        }
        Ok(None)
    }
}

struct Map<'de, 'h> {
    entries: IntoIter<Entry<'de>>,
    value: Option<(Walked, Json<'de>)>,
    reader: Reader,
    hidden: Option<&'h Hidden>,
}

impl Map<'_, '_> {
    fn at(&self, step: &Step) -> Option<&Hidden> {
        self.hidden.and_then(|hidden| hidden.at(step))
    }
}

impl<'de> MapAccess<'de> for Map<'de, '_> {
    type Error = Stop;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stop> {
        while let Some((key, json, used)) = self.entries.next() {
            if let Some(used) = used {
                used.set(true);
            }
            let step = Step::Key(Rc::from(&*key));
            let whole = |step| self.at(step).is_some_and(Hidden::is_whole);
            if whole(&step) || whole(&Step::Each) {
                continue;
            }
            let names_a_field = Cell::new(false);
            let key = Key {
                text: key,
                names_a_field: &names_a_field,
            };
            let walked = Walked::new(step, false);
            let read = || {
                let name = seed.deserialize(key);
                name.inspect_err(|_| with_run(super::Run::refuse_key))
            };
            let name = inside(walked.clone(), json.span(), read)?;
            // A map asks for keys of some type, a struct for the names of its fields.
            let each = self.reader == Reader::Each && !names_a_field.get();
            self.value = Some((Walked { each, ..walked }, json));
            return Ok(Some(name));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        let Some((walked, json)) = self.value.take() else {
            return Err(Stop::custom("a value before its key"));
        };
        let inner = Tracer {
            node: Node::Piece(json),
            hidden: self.hidden.and_then(|hidden| hidden.at(&walked.meant())),
        };
        inside(walked, json.span(), || seed.deserialize(inner))
    }
}

struct Enum<'de, 'h> {
    key: Cow<'de, str>,
    json: Json<'de>,
    used: Option<&'de Cell<bool>>,
    hidden: Option<&'h Hidden>,
}

impl<'de, 'h> EnumAccess<'de> for Enum<'de, 'h> {
    type Error = Stop;
    type Variant = Content<'de, 'h>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Stop> {
        if let Some(used) = self.used {
            used.set(true);
        }
        let walked = Walked::new(Step::Key(Rc::from(&*self.key)), false);
        let name = seed.deserialize(Key {
            text: self.key,
            names_a_field: &Cell::new(false),
        })?;
        let hidden = self.hidden.and_then(|hidden| hidden.at(&walked.step));
        if hidden.is_some_and(Hidden::is_whole) {
            return Err(Stop::custom("the content was refused"));
        }
        let inner = Tracer {
            node: Node::Piece(self.json),
            hidden,
        };
        let span = self.json.span();
        Ok((
            name,
            Content {
                walked,
                span,
                inner,
            },
        ))
    }
}

struct Content<'de, 'h> {
    walked: Walked,
    span: Span,
    inner: Tracer<'de, 'h>,
}

impl<'de> VariantAccess<'de> for Content<'de, '_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        inside(self.walked, self.span, || {
            de::Deserialize::deserialize(self.inner)
        })
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Stop> {
        inside(self.walked, self.span, || seed.deserialize(self.inner))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Read<'de, V> {
        inside(self.walked, self.span, || {
            self.inner.deserialize_tuple(len, visitor)
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V> {
        inside(self.walked, self.span, || {
            self.inner.deserialize_struct("", fields, visitor)
        })
    }
}
