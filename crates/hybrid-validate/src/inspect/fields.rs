//! The entries of an opened object, and which of them were read.
//!
//! Generated code reads the declared fields one by one. Flattened fields read the rest. Then unknown keys are reported.
//! JSON objects and keys with texts work alike.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::buffered_texts::Piece;
use super::field_value::read_whole;
use super::json::JsonKind;
use super::probe::Inspector;
use super::spelling::Spelling;
use super::{Input, Json};
use crate::text::elements;
use crate::{Param, Report, Segment, Source, Style};

/// The entries of an object.
#[derive(Debug)]
pub struct Fields<'a> {
    own: Vec<Entry<'a>>,
    outer: Option<&'a [Entry<'a>]>,
    /// The keys are names of headers.
    pub(super) are_headers: bool,
    /// The JSON object that the entries come from.
    object: Option<Json<'a>>,
}

/// The rest of a JSON object: the entries that no field has read.
#[derive(Debug)]
pub(super) struct Rest<'a> {
    /// The whole object.
    pub(super) object: Json<'a>,
    /// Keys, values, and whether each was read.
    pub(super) entries: Vec<(&'a str, Json<'a>, &'a Cell<bool>)>,
}

/// One key with what was sent for it.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: EntryValue<'a>,
    /// Whether a declared field has read it.
    pub(super) used: Cell<bool>,
}

#[derive(Debug)]
pub(super) enum EntryValue<'a> {
    Json(Json<'a>),
    /// All texts of the key, at any position among the pairs.
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Fields<'a> {
    /// The entries of the input, or a violation if it is not an object.
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
                report.expected("an object");
                return None;
            }
            Input::Pairs(pairs) => grouped(pairs),
            Input::Json(json) => {
                let entry = |(key, json)| Entry {
                    key,
                    value: EntryValue::Json(json),
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

    /// The rest, if this is a JSON object.
    pub(super) fn json_rest(&self) -> Option<Rest<'_>> {
        let entries = self.rest().filter_map(|entry| match &entry.value {
            EntryValue::Json(json) => Some((&*entry.key, *json, &entry.used)),
            EntryValue::Texts(_) => None,
        });
        Some(Rest {
            object: self.object?,
            entries: entries.collect(),
        })
    }

    /// Keeps only the entries with these keys.
    pub(super) fn keep(&mut self, keys: &HashSet<String>) {
        self.own.retain(|entry| keys.contains(&*entry.key));
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// How many entries a declared field has read.
    pub(super) fn read_count(&self) -> usize {
        self.entries().len() - self.rest().count()
    }

    /// The entries that no field has read yet.
    pub(super) fn rest(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries().iter().filter(|entry| !entry.used.get())
    }

    /// Reads one declared field under its wire name or an alias, and checks its rules. A field that was not sent gets
    /// its default.
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
                Lookup::None => {
                    // A default is not checked: no client has sent it.
                    if let Some(default) = field.default_value() {
                        return Some(default);
                    }
                    let value = (inspector.absent)();
                    match &value {
                        Some(value) => field.check(value, report),
                        None => report.missing(),
                    }
                    value
                }
                Lookup::One(entry) => entry.read(field, inspector, report),
                Lookup::More => {
                    report.duplicate();
                    None
                }
            }
        })
    }

    /// Reads the fields of a flattened type from the rest.
    pub fn flat<T>(&self, inspector: Inspector<T>, report: &mut Report) -> Option<T> {
        (inspector.inspect)(Input::Rest(self), report)
    }

    /// Finds the entry with that name and marks it as read.
    fn only(&self, key: &str, aliases: &[&str], spelling: Spelling) -> Lookup<'_, 'a> {
        let mut found = Lookup::None;
        for entry in self.rest() {
            if spelling.is_key(key, &entry.key)
                || aliases
                    .iter()
                    .any(|alias| spelling.is_alias(alias, &entry.key))
            {
                entry.used.set(true);
                found = match found {
                    Lookup::None => Lookup::One(entry),
                    Lookup::One(_) | Lookup::More => Lookup::More,
                };
            }
        }
        found
    }

    /// Reports every key that no field has read, once.
    pub fn refuse_unknown(&self, report: &mut Report) {
        let mut seen = HashSet::new();
        for entry in self.rest() {
            if report.is_done() {
                return;
            }
            if seen.insert(&*entry.key) {
                report.at_borrowed_key(&entry.key, |report| {
                    report.violate("unknown_field", "is not a known field");
                });
            }
        }
    }

    /// Reads the text under `key`: the tag of an enum. Anything but one text is reported.
    pub(super) fn tag(&self, key: &'static str, report: &mut Report) -> Option<Cow<'_, str>> {
        report.at_key(key, |report| {
            match self.only(key, &[], Spelling::of(report.source(), false)) {
                Lookup::None => {
                    report.missing();
                    None
                }
                Lookup::More => {
                    report.duplicate();
                    None
                }
                Lookup::One(entry) => entry.text(report),
            }
        })
    }

    /// Reads the value under `key`: the content of an enum.
    pub(super) fn content(
        &self,
        key: &'static str,
        report: &mut Report,
    ) -> Option<Option<Input<'_>>> {
        match self.only(key, &[], Spelling::of(report.source(), false)) {
            Lookup::None => Some(None),
            Lookup::One(entry) => Some(Some(entry.input())),
            Lookup::More => {
                report.at_key(key, Report::duplicate);
                None
            }
        }
    }

    /// The first entry with one of the names. A flattened enum is found this way.
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

    /// Which entries were read.
    pub(super) fn marks(&self) -> Vec<bool> {
        let entries = self.entries().iter();
        entries.map(|entry| entry.used.get()).collect()
    }

    /// Restores the marks: entries that were read since are unread again.
    pub(super) fn reset(&self, marks: &[bool]) {
        let entries = self.entries().iter().zip(marks);
        entries.for_each(|(entry, used)| entry.used.set(*used));
    }

    /// The key of a text, and its index where it has several.
    pub(super) fn place_of(&self, piece: Piece) -> Option<(Segment, Option<usize>)> {
        self.entries().iter().find_map(|entry| {
            let EntryValue::Texts(texts) = &entry.value else {
                return None;
            };
            let index = texts
                .iter()
                .position(|text| (text.as_ptr().addr(), text.len()) == piece)?;
            let key = Segment::from(entry.key.clone().into_owned());
            Some((key, (texts.len() > 1).then_some(index)))
        })
    }

    /// The rest, key by key in the order sent, for maps. It marks no entry as read.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, Input<'_>)> {
        self.rest().map(|entry| (&*entry.key, entry.input()))
    }
}

enum Lookup<'f, 'a> {
    None,
    One(&'f Entry<'a>),
    More,
}

impl<'a> Entry<'a> {
    fn input(&self) -> Input<'_> {
        match &self.value {
            EntryValue::Json(json) => Input::Json(*json),
            EntryValue::Texts(texts) => Input::Texts(texts),
        }
    }

    fn read<T>(&self, field: &Param<T>, inspector: Inspector<T>, report: &mut Report) -> Option<T> {
        match &self.value {
            EntryValue::Texts(texts) if field.style() == Style::Csv => {
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
        match &self.value {
            EntryValue::Texts(texts) => match &texts[..] {
                [only] => Some(Cow::Borrowed(only)),
                _ => {
                    report.duplicate();
                    None
                }
            },
            EntryValue::Json(json) => {
                let text = json.string();
                if text.is_none() {
                    report.expected(JsonKind::String.name());
                }
                text
            }
        }
    }
}

/// Groups the texts by key, at the position of the first text.
fn grouped<'a>(pairs: &'a [(Cow<'a, str>, Cow<'a, str>)]) -> Vec<Entry<'a>> {
    let mut index = HashMap::new();
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for (key, text) in pairs {
        let at = *index.entry(&**key).or_insert_with(|| {
            entries.push(Entry {
                key: Cow::Borrowed(key),
                value: EntryValue::Texts(Vec::new()),
                used: Cell::new(false),
            });
            entries.len() - 1
        });
        if let EntryValue::Texts(texts) = &mut entries[at].value {
            texts.push(Cow::Borrowed(text));
        }
    }
    entries
}
