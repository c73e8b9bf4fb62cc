//! An object that is open: its entries, and which of them somebody has read.
//!
//! Generated code reads the declared fields one by one, flattened ones from what is left, and then asks for
//! unknown keys. Objects of JSON and keys with texts are alike here.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::error::ReadError;
use super::guesses::Piece;
use super::json::Kind;
use super::probe::Inspector;
use super::text_format::Texts;
use super::{Input, Json, duplicate, expected, missing};
use crate::param::Part;
use crate::text::elements;
use crate::{Param, Report, Segment, Source, Style};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};

/// The entries of an object.
#[derive(Debug)]
pub struct Fields<'a> {
    own: Vec<Entry<'a>>,
    outer: Option<&'a [Entry<'a>]>,
    /// The keys are names of headers.
    are_headers: bool,
    /// The object of JSON that it is, or a part of.
    object: Option<Json<'a>>,
}

/// What the readers of an object of JSON have left of it.
#[derive(Debug)]
pub(super) struct Rest<'a> {
    /// All of it.
    pub(super) object: Json<'a>,
    /// Keys, values, and whether each counts as read.
    pub(super) entries: Vec<(&'a str, Json<'a>, &'a Cell<bool>)>,
}

/// One key with what was sent for it.
#[derive(Debug)]
struct Entry<'a> {
    key: Cow<'a, str>,
    held: Held<'a>,
    /// Whether a declared field has read it.
    used: Cell<bool>,
}

#[derive(Debug)]
enum Held<'a> {
    Json(Json<'a>),
    /// All texts of the key, wherever they stood among the pairs.
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Fields<'a> {
    /// The entries of the input, or a violation where it is no object.
    pub fn open(input: Input<'a>, report: &mut Report) -> Option<Self> {
        let are_headers = report.source() == Source::Header;
        let own = match input {
            Input::Rest(fields) => {
                return Some(Self {
                    own: Vec::new(),
                    outer: Some(fields.entries()),
                    are_headers,
                    object: fields.object,
                });
            }
            Input::Texts(_) => {
                expected("an object", report);
                return None;
            }
            Input::Pairs(pairs) => grouped(pairs),
            Input::Json(json) => {
                let entry = |(key, json)| Entry {
                    key,
                    held: Held::Json(json),
                    used: Cell::new(false),
                };
                json.entries(report)?.into_iter().map(entry).collect()
            }
        };
        let object = match input {
            Input::Json(json) => Some(json),
            Input::Texts(_) | Input::Pairs(_) | Input::Rest(_) => None,
        };
        Some(Self {
            own,
            outer: None,
            object,
            are_headers,
        })
    }

    fn entries(&self) -> &[Entry<'a>] {
        self.outer.unwrap_or(&self.own)
    }

    /// What is left, if this is an object of JSON.
    pub(super) fn json_rest(&self) -> Option<Rest<'_>> {
        let entries = self.rest().filter_map(|entry| match &entry.held {
            Held::Json(json) => Some((&*entry.key, *json, &entry.used)),
            Held::Texts(_) => None,
        });
        Some(Rest {
            object: self.object?,
            entries: entries.collect(),
        })
    }

    /// Forgets all entries but those.
    pub(super) fn keep(&mut self, keys: &HashSet<String>) {
        self.own.retain(|entry| keys.contains(&*entry.key));
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// How many entries a declared field has read.
    pub(super) fn taken(&self) -> usize {
        self.entries().len() - self.rest().count()
    }

    /// The entries that nobody has read yet.
    fn rest(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries().iter().filter(|entry| !entry.used.get())
    }

    /// Reads one declared field under its wire name or another of its names, and checks its rules. Where it was not
    /// sent, its default stands for it.
    pub fn read<T>(
        &self,
        field: &Param<T>,
        aliases: &[&str],
        inspector: Inspector<T>,
        report: &mut Report,
    ) -> Option<T> {
        let key = field.name();
        report.at_key(key, |report| {
            let spelling = Spelling::of(report.source(), field.is_spelled());
            match self.only(key, aliases, spelling) {
                Found::None => {
                    // A default is not judged: no client has sent it.
                    if let Some(default) = field.default_value() {
                        return Some(default);
                    }
                    let value = (inspector.absent)();
                    match &value {
                        Some(value) => field.check(value, report),
                        None => missing(report),
                    }
                    value
                }
                Found::One(entry) => entry.read(field, inspector, report),
                Found::More => {
                    duplicate(report);
                    None
                }
            }
        })
    }

    /// Reads the fields of a flattened type from what is left.
    pub fn flat<T>(&self, inspector: Inspector<T>, report: &mut Report) -> Option<T> {
        (inspector.inspect)(Input::Rest(self), report)
    }

    /// The entry of that name, which counts as read from now on.
    fn only(&self, key: &str, aliases: &[&str], spelling: Spelling) -> Found<'_, 'a> {
        let same = |name: &str, sent: &str| match spelling {
            Spelling::Exact => name == sent,
            Spelling::Header | Spelling::HeaderAsSpelled => names_header(name, sent),
        };
        let is_key = |sent: &str| match spelling {
            Spelling::HeaderAsSpelled => key.eq_ignore_ascii_case(sent),
            Spelling::Exact | Spelling::Header => same(key, sent),
        };
        let mut found = Found::None;
        for entry in self.rest() {
            if is_key(&entry.key) || aliases.iter().any(|alias| same(alias, &entry.key)) {
                entry.used.set(true);
                found = match found {
                    Found::None => Found::One(entry),
                    Found::One(_) | Found::More => Found::More,
                };
            }
        }
        found
    }

    /// Reports every key that nobody has read, once.
    pub fn refuse_unknown(&self, report: &mut Report) {
        let mut seen = HashSet::new();
        for entry in self.rest() {
            if report.is_decided() {
                return;
            }
            if seen.insert(&*entry.key) {
                report.at_borrowed_key(&entry.key, |report| {
                    report.violate("unknown_field", "is not a known field");
                });
            }
        }
    }

    /// Takes the text under `key`: the tag of an enum. Anything but one text is reported.
    pub(super) fn tag(&self, key: &'static str, report: &mut Report) -> Option<Cow<'_, str>> {
        report.at_key(key, |report| {
            match self.only(key, &[], Spelling::of(report.source(), false)) {
                Found::None => {
                    missing(report);
                    None
                }
                Found::More => {
                    duplicate(report);
                    None
                }
                Found::One(entry) => entry.text(report),
            }
        })
    }

    /// Takes what stands under `key`: the content of an enum.
    pub(super) fn content(
        &self,
        key: &'static str,
        report: &mut Report,
    ) -> Option<Option<Input<'_>>> {
        match self.only(key, &[], Spelling::of(report.source(), false)) {
            Found::None => Some(None),
            Found::One(entry) => Some(Some(entry.input())),
            Found::More => {
                report.at_key(key, duplicate);
                None
            }
        }
    }

    /// The first entry that bears one of the names: how a flattened enum is found.
    pub(super) fn variant(
        &self,
        find: impl Fn(&str) -> Option<usize>,
    ) -> Option<(usize, Input<'_>)> {
        self.rest().find_map(|entry| {
            let index = find(&entry.key)?;
            entry.used.set(true);
            Some((index, entry.input()))
        })
    }

    /// Which entries somebody has read.
    pub(super) fn marks(&self) -> Vec<bool> {
        let entries = self.entries().iter();
        entries.map(|entry| entry.used.get()).collect()
    }

    /// Takes back what was read since.
    pub(super) fn reset(&self, marks: &[bool]) {
        let entries = self.entries().iter().zip(marks);
        entries.for_each(|(entry, used)| entry.used.set(*used));
    }

    /// The key of a text, and its index where it has several.
    pub(super) fn place_of(&self, piece: Piece) -> Option<(Segment, Option<usize>)> {
        self.entries().iter().find_map(|entry| {
            let Held::Texts(texts) = &entry.held else {
                return None;
            };
            let index = texts
                .iter()
                .position(|text| (text.as_ptr().addr(), text.len()) == piece)?;
            let key = Segment::from(entry.key.clone().into_owned());
            Some((key, (texts.len() > 1).then_some(index)))
        })
    }

    /// What is left, key by key in the order sent, for maps. Each counts as read only by its reader.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, Input<'_>)> {
        self.rest().map(|entry| (&*entry.key, entry.input()))
    }
}

/// Reads a value that has no name of its own, such as what a newtype holds, and checks its rules.
pub fn read_whole<T>(
    field: &Param<T>,
    inspector: Inspector<T>,
    input: Input<'_>,
    report: &mut Report,
) -> Option<T> {
    let before = report.found();
    let value = (inspector.inspect)(input, report);
    if let Some(value) = &value {
        field.check(value, report);
    }
    if report.found() > before && field.judges_elements(inspector.is_leaf) {
        return as_sent(field, inspector, input, before, report);
    }
    value
}

/// Once more what was refused since `before`: the rules of each element at its place in what was sent.
#[cold]
fn as_sent<T>(
    field: &Param<T>,
    inspector: Inspector<T>,
    input: Input<'_>,
    before: usize,
    report: &mut Report,
) -> Option<T> {
    let mut parts: Vec<Part<T>> = Vec::new();
    (inspector.parts)(input, report.source(), &mut |place, part| {
        parts.push((place, part));
    });
    let keys = input.keys();
    let rank = |step: &Segment| match step {
        Segment::Index(index) => Some(*index),
        Segment::Key(key) => keys.get(&**key).copied(),
    };
    let read = |report: &mut Report| (inspector.inspect)(input, report);
    field.judge_as_sent(before, report, read, &parts, rank)
}

impl Input<'_> {
    /// The keys of an object, each with its place in the order sent.
    fn keys(self) -> HashMap<String, usize> {
        let Input::Json(json) = self else {
            return HashMap::new();
        };
        if json.kind() != Kind::Object {
            return HashMap::new();
        }
        let entries = json.entries(&mut Report::first_only(Source::Body));
        let keys = entries.into_iter().flatten().map(|(key, _)| key);
        keys.enumerate()
            .map(|(index, key)| (key.into_owned(), index))
            .collect()
    }
}

enum Found<'f, 'a> {
    None,
    One(&'f Entry<'a>),
    More,
}

impl<'a> Entry<'a> {
    fn input(&self) -> Input<'_> {
        match &self.held {
            Held::Json(json) => Input::Json(*json),
            Held::Texts(texts) => Input::Texts(texts),
        }
    }

    fn read<T>(&self, field: &Param<T>, inspector: Inspector<T>, report: &mut Report) -> Option<T> {
        match &self.held {
            Held::Texts(texts) if field.style() == Style::Csv => {
                let source = report.source();
                let parts: Vec<Cow<'_, str>> = texts
                    .iter()
                    .flat_map(|text| elements(text, source))
                    .map(Cow::Borrowed)
                    .collect();
                read_whole(field, inspector, Input::Texts(&parts), report)
            }
            _ => read_whole(field, inspector, self.input(), report),
        }
    }

    fn text(&self, report: &mut Report) -> Option<Cow<'_, str>> {
        match &self.held {
            Held::Texts(texts) => match &texts[..] {
                [only] => Some(Cow::Borrowed(only)),
                _ => {
                    duplicate(report);
                    None
                }
            },
            Held::Json(json) => {
                let text = json.string();
                if text.is_none() {
                    expected(Kind::String.name(), report);
                }
                text
            }
        }
    }
}

/// How the name of a field is looked for.
#[derive(Clone, Copy)]
enum Spelling {
    Exact,
    /// In any case, with hyphens for underscores.
    Header,
    /// In any case: the author has written the name of the header.
    HeaderAsSpelled,
}

impl Spelling {
    fn of(source: Source, is_spelled: bool) -> Self {
        match source {
            Source::Header if is_spelled => Self::HeaderAsSpelled,
            Source::Header => Self::Header,
            _ => Self::Exact,
        }
    }
}

/// Whether a field's name means that header: in any case, and with hyphens where the field has underscores. A header
/// that was sent with an underscore is none that a field means: what stands in front of a server (a proxy that
/// takes `X-User-Id` off, say) does not know it as the same (RFC 9110, section 17.10).
fn names_header(field: &str, sent: &str) -> bool {
    let same = |(field, sent): (u8, u8)| match field {
        b'_' => sent == b'-',
        _ => field.eq_ignore_ascii_case(&sent),
    };
    field.len() == sent.len() && field.bytes().zip(sent.bytes()).all(same)
}

/// Brings the texts of one key together, at the place of the first.
fn grouped<'a>(pairs: &'a [(Cow<'a, str>, Cow<'a, str>)]) -> Vec<Entry<'a>> {
    let mut index = HashMap::new();
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for (key, text) in pairs {
        let at = *index.entry(&**key).or_insert_with(|| {
            entries.push(Entry {
                key: Cow::Borrowed(key),
                held: Held::Texts(Vec::new()),
                used: Cell::new(false),
            });
            entries.len() - 1
        });
        if let Held::Texts(texts) = &mut entries[at].held {
            texts.push(Cow::Borrowed(text));
        }
    }
    entries
}

/// A text, borrowed where nothing in it is escaped.
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

// === What is left, as a serde format ===

impl<'de> Deserializer<'de> for &'de Fields<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_map(self.walk(None))
    }

    /// A struct takes its own fields, and leaves the others to whom comes next.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_map(self.walk(Some(fields)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(de::value::MapAccessDeserializer::new(self.walk(None)))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> Fields<'de> {
    /// What is left, one entry after the other; with the names of a struct's fields, those that it knows.
    fn walk(&'de self, fields: Option<&'static [&'static str]>) -> Walk<'de> {
        let entries: Vec<_> = self.rest().collect();
        Walk {
            entries: entries.into_iter(),
            value: None,
            again: None,
            fields,
            are_headers: self.are_headers,
        }
    }
}

struct Walk<'de> {
    entries: std::vec::IntoIter<&'de Entry<'de>>,
    value: Option<&'de Entry<'de>>,
    /// An entry that comes once more, under the name that a field of a struct has.
    again: Option<&'de Entry<'de>>,
    fields: Option<&'static [&'static str]>,
    are_headers: bool,
}

impl<'de> Walk<'de> {
    /// The name under which a struct knows that entry.
    fn known_as(&self, entry: &'de Entry<'de>) -> Option<&'de str> {
        let Some(fields) = self.fields else {
            return Some(&entry.key);
        };
        let same = |name: &&&'static str| match self.are_headers {
            true => names_header(name, &entry.key),
            false => **name == entry.key,
        };
        fields.iter().find(same).copied()
    }
}

impl<'de> MapAccess<'de> for Walk<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        if let Some(entry) = self.again.take() {
            self.value = Some(entry);
            let name = entry.key.replace('-', "_");
            return seed.deserialize(name.into_deserializer()).map(Some);
        }
        let (entry, name) = loop {
            let Some(entry) = self.entries.next() else {
                return Ok(None);
            };
            if let Some(name) = self.known_as(entry) {
                break (entry, name);
            }
        };
        if self.fields.is_some() {
            entry.used.set(true);
        }
        self.value = Some(entry);
        let asked = Cell::new(false);
        let hides_underscores = self.are_headers && self.fields.is_none();
        let read = seed.deserialize(Name {
            name,
            hides_underscores,
            asked: &asked,
        })?;
        let is_hyphened = name.contains('-') && !name.contains('_');
        if asked.get() && hides_underscores && is_hyphened {
            self.again = Some(entry);
        }
        Ok(Some(read))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some(entry) = self.value.take() else {
            return Err(ReadError::wrong("expected a key before its value"));
        };
        let step = || Segment::Key(Cow::Owned(entry.key.clone().into_owned()));
        match &entry.held {
            Held::Json(json) => seed.deserialize(*json),
            Held::Texts(texts) => seed.deserialize(Texts(texts)),
        }
        .map_err(|error| error.inside(step()))
    }
}

/// The name of an entry, which notes whether it is asked for as that of a field. A struct with flattened fields reads
/// a map, as maps do; how it asks is all that tells them apart, and it knows a header by its field's name alone.
struct Name<'a, 'de> {
    name: &'de str,
    /// A name with an underscore, as it was sent, must not be taken for a field's.
    hides_underscores: bool,
    asked: &'a Cell<bool>,
}

impl<'de> Deserializer<'de> for Name<'_, 'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        de::value::BorrowedStrDeserializer::new(self.name).deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.asked.set(true);
        if self.hides_underscores && self.name.contains('_') {
            // To a header capitals make no difference, to a field they do.
            return visitor.visit_string(self.name.to_ascii_uppercase());
        }
        visitor.visit_borrowed_str(self.name)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        de::value::BorrowedStrDeserializer::new(self.name).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct ignored_any
    }
}
