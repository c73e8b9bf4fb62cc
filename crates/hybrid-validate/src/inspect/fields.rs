//! An object that is open: its entries, and which of them somebody has read.
//!
//! Generated code reads the declared fields one by one, flattened ones from what is left, and then asks for
//! unknown keys. Objects of JSON and keys with texts are alike here.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use super::json::Kind;
use super::probe::Inspector;
use super::text_format::{TextError, Texts};
use super::{Input, Json, duplicate, expected, missing};
use crate::param::Part;
use crate::{Param, Report, Segment, Source, Style};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

/// The entries of an object.
#[derive(Debug)]
pub struct Fields<'a> {
    own: Vec<Entry<'a>>,
    outer: Option<&'a [Entry<'a>]>,
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
        let own = match input {
            Input::Rest(fields) => {
                return Some(Self {
                    own: Vec::new(),
                    outer: Some(fields.entries()),
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
            match self.only(key, aliases, report.source()) {
                Found::None => {
                    let value = field.default_value().or_else(inspector.absent);
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

    /// The entry of that name, which counts as read from now on. Headers are matched in any case.
    fn only(&self, key: &str, aliases: &[&str], source: Source) -> Found<'_, 'a> {
        let same = |name: &str, sent: &str| match source {
            Source::Header => name.eq_ignore_ascii_case(sent),
            _ => name == sent,
        };
        let mut found = Found::None;
        for entry in self.rest() {
            if same(key, &entry.key) || aliases.iter().any(|alias| same(alias, &entry.key)) {
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
        report.at_key(key, |report| match self.only(key, &[], report.source()) {
            Found::None => {
                missing(report);
                None
            }
            Found::More => {
                duplicate(report);
                None
            }
            Found::One(entry) => entry.text(report),
        })
    }

    /// Takes what stands under `key`: the content of an enum.
    pub(super) fn content(
        &self,
        key: &'static str,
        report: &mut Report,
    ) -> Option<Option<Input<'_>>> {
        match self.only(key, &[], report.source()) {
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
    if report.found() > before && field.judges_elements() {
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
                let trim = report.source() == Source::Header;
                let parts: Vec<Cow<'_, str>> = texts
                    .iter()
                    .filter(|text| !text.is_empty())
                    .flat_map(|text| text.split(','))
                    .map(|part| {
                        if trim {
                            part.trim_matches([' ', '\t'])
                        } else {
                            part
                        }
                    })
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
    type Error = TextError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let entries: Vec<_> = self.rest().collect();
        visitor.visit_map(Walk {
            entries: entries.into_iter(),
            value: None,
            fields: None,
        })
    }

    /// A struct takes its own fields, and leaves the others to whom comes next.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        let entries: Vec<_> = self.rest().collect();
        visitor.visit_map(Walk {
            entries: entries.into_iter(),
            value: None,
            fields: Some(fields),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        let entries: Vec<_> = self.rest().collect();
        let walk = Walk {
            entries: entries.into_iter(),
            value: None,
            fields: None,
        };
        visitor.visit_enum(de::value::MapAccessDeserializer::new(walk))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Walk<'de> {
    entries: std::vec::IntoIter<&'de Entry<'de>>,
    value: Option<&'de Entry<'de>>,
    fields: Option<&'static [&'static str]>,
}

impl<'de> MapAccess<'de> for Walk<'de> {
    type Error = TextError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TextError> {
        let fields = self.fields;
        let mine = |entry: &&Entry<'_>| fields.is_none_or(|names| names.contains(&&*entry.key));
        let Some(entry) = self.entries.find(mine) else {
            return Ok(None);
        };
        if fields.is_some() {
            entry.used.set(true);
        }
        self.value = Some(entry);
        seed.deserialize(de::value::BorrowedStrDeserializer::new(&entry.key))
            .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, TextError> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value before its key"));
        };
        let step = || Segment::Key(Cow::Owned(entry.key.clone().into_owned()));
        match &entry.held {
            Held::Json(json) => json
                .raw()
                .and_then(|raw| seed.deserialize(raw))
                .map_err(|error| TextError::at(step(), &error)),
            Held::Texts(texts) => seed
                .deserialize(Texts(texts))
                .map_err(|error| error.inside(step())),
        }
    }
}
