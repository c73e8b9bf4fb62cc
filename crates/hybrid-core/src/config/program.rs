//! The program's own settings: the table `[app]` of the file and the variables
//! `HYBRID_APP__KEY`, read as a model when the application is built.
//!
//! The layers become one JSON text, which the model reads as it reads a body. What
//! it finds wrong is told with the line or the variable that the value came from.
//! No message repeats a value: settings are often secrets.

use hybrid_validate::{
    Report, Segment, Source, Violation,
    bridge::WireNames,
    inspect::{self, Inspect},
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Warnings, fault::Origin, suggest::nearest, value::decimal};

/// The prefix of the variables: `HYBRID_APP__DATABASE__URL` is `database.url`.
pub(super) const PREFIX: &str = "HYBRID_APP__";

/// What the layers say, before a model reads it.
#[derive(Default)]
pub(crate) struct Program {
    table: Option<Node>,
    variables: Vec<Variable>,
    /// The file has faults of syntax, so that what is missing may be there.
    is_torn: bool,
    /// No file and no environment were read: a test.
    is_test: bool,
}

/// A value with the place that it came from.
#[derive(Clone)]
struct Node {
    place: Origin,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Text(String),
    /// A piece of JSON, as it is.
    Json(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

#[derive(Clone)]
struct Variable {
    name: String,
    text: String,
}

/// What became of the settings.
pub(crate) struct Judged<T> {
    /// There if there are no faults.
    pub(crate) value: Option<T>,
    pub(crate) faults: Vec<Misfit>,
    pub(crate) warnings: Warnings,
}

/// One thing that is wrong; without a place where something is missing.
pub(crate) struct Misfit {
    pub(crate) place: Option<Origin>,
    pub(crate) message: String,
}

impl Program {
    /// Takes over the table `[app]`.
    pub(super) fn set_table(&mut self, table: &Spanned<DeValue<'_>>, at: &dyn Fn(usize) -> Origin) {
        self.table = Some(node(table, at));
    }

    /// Takes over a variable, whose name has the prefix.
    pub(super) fn add_variable(&mut self, name: &str, text: &str) {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.variables.push(Variable { name, text });
    }

    pub(super) fn is_torn(&mut self) {
        self.is_torn = true;
    }

    pub(super) fn in_a_test() -> Self {
        Self {
            is_test: true,
            ..Self::default()
        }
    }

    /// What a program has to be told that reads no settings.
    pub(crate) fn is_not_read(&self) -> (Option<Misfit>, Warnings) {
        let why = "the program reads no settings: call `App::settings::<Settings>()`";
        let fault = self.table.as_ref().map(|table| Misfit {
            place: Some(table.place.clone()),
            message: format!("`[app]` is there, but {why}"),
        });
        let ignored = |variable: &Variable| variable.ignored(why);
        (fault, self.variables.iter().map(ignored).collect())
    }

    /// Reads the settings.
    pub(crate) fn judge<T: DeserializeOwned + Inspect>(&self) -> Judged<T> {
        let mut draft = Draft::new(self, WireNames::of::<T>());
        draft.refuse_unknown();
        if !self.variables.is_empty() {
            let (_, violations) = read::<T>(&draft.json());
            let missing = violations.into_iter().filter(|v| v.code == "missing");
            draft.missing = missing.map(|violation| violation.location.path).collect();
        }
        for variable in &self.variables {
            draft.add(variable, &|json| read::<T>(json).1);
        }
        let (value, violations) = read::<T>(&draft.json());
        if !self.is_torn {
            let misfits = violations.iter().map(|violation| draft.misfit(violation));
            let misfits: Vec<_> = misfits.collect();
            draft.faults.extend(misfits);
        }
        Judged {
            value: value.filter(|_| draft.faults.is_empty() && !self.is_torn),
            faults: draft.faults,
            warnings: draft.warnings,
        }
    }
}

impl<T> Judged<T> {
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Judged<U> {
        Judged {
            value: self.value.map(f),
            faults: self.faults,
            warnings: self.warnings,
        }
    }
}

fn read<T: DeserializeOwned + Inspect>(json: &str) -> (Option<T>, Vec<Violation>) {
    let mut report = Report::new(Source::Body);
    let value = match inspect::read_json::<T>(json.as_bytes(), &mut report) {
        Ok(value) => value,
        Err(not_json) => {
            report.violate("type", not_json.message);
            None
        }
    };
    (value, report.into_violations())
}

/// A value of the file.
fn node(value: &Spanned<DeValue<'_>>, at: &dyn Fn(usize) -> Origin) -> Node {
    let place = at(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => match decimal(number) {
            Some(number) => Value::Json(number),
            None => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Float(number) => match number.as_str().replace('_', "").parse::<f64>() {
            Ok(float) if float.is_finite() => {
                Value::Json(serde_json::Value::from(float).to_string())
            }
            _ => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Boolean(switch) => Value::Json(switch.to_string()),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, at)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, at)),
    };
    Node { place, value }
}

fn entries(table: &DeTable<'_>, at: &dyn Fn(usize) -> Origin) -> Vec<(String, Node)> {
    // The table is not in the order of the file.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key_at = at(key.span().start);
        let mut node = node(value, at);
        node.place = key_at;
        (AsRef::<str>::as_ref(key.get_ref()).to_owned(), node)
    };
    entries.into_iter().map(entry).collect()
}

/// The settings as far as they are put together, with what is wrong so far.
struct Draft {
    entries: Vec<(String, Node)>,
    /// Where the table stands, where there is one.
    place: Option<Origin>,
    is_test: bool,
    names: WireNames,
    /// What the file lacks: so are keys known whose names serde does not tell, beside
    /// a flattened field.
    missing: Vec<Vec<Segment>>,
    faults: Vec<Misfit>,
    warnings: Warnings,
}

impl Draft {
    fn new(program: &Program, names: WireNames) -> Self {
        let (entries, place) = match &program.table {
            Some(Node {
                place,
                value: Value::Table(entries),
            }) => (entries.clone(), Some(place.clone())),
            _ => (Vec::new(), None),
        };
        Self {
            entries,
            place,
            is_test: program.is_test,
            names,
            missing: Vec::new(),
            faults: Vec::new(),
            warnings: Warnings::new(),
        }
    }

    /// Takes out the keys that the model does not have.
    fn refuse_unknown(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        refuse_unknown(&mut entries, &mut Vec::new(), self.names, &mut self.faults);
        self.entries = entries;
    }

    /// Puts a variable's text where its name says, in the form that the model takes.
    fn add(&mut self, variable: &Variable, faults: &dyn Fn(&str) -> Vec<Violation>) {
        let path = match self.path(variable) {
            Ok(path) => path,
            Err(unknown) => {
                self.warnings.push(variable.ignored(&unknown));
                return;
            }
        };
        let mut best = None;
        for value in variable.readings() {
            self.put(variable, &path, value.clone());
            let faults = faults(&self.json());
            let mut here = faults.iter().filter(|fault| concerns(fault, &path));
            let is_whole = !here.clone().any(|fault| fault.code == "type");
            if here.next().is_none() {
                return;
            }
            // A number that breaks a rule is nearer than a text that is no number.
            let is_json = matches!(value, Value::Json(_));
            if best.is_none() || is_whole || is_json && !matches!(best, Some((true, _))) {
                best = Some((is_whole, value));
            }
        }
        if let Some((_, value)) = best {
            self.put(variable, &path, value);
        }
    }

    /// The keys that the parts of a variable's name stand for.
    fn path(&self, variable: &Variable) -> Result<Vec<Segment>, String> {
        let parts = variable.name[PREFIX.len()..].split("__");
        let mut path = Vec::new();
        let mut here = Some(&self.entries);
        for part in parts {
            let written =
                here.and_then(|entries| entries.iter().find(|(key, _)| is_same(key, part)));
            let key = match self.names.fields(&path) {
                Some(fields) => match fields.iter().find(|field| is_same(field, part)) {
                    Some(field) => (*field).to_owned(),
                    None => return Err(unknown(&path, &part.to_ascii_lowercase(), fields)),
                },
                None => match (written, self.missing_at(&path, part)) {
                    (Some((key, _)), _) => key.clone(),
                    (None, Some(key)) => key,
                    (None, None) => part.to_ascii_lowercase(),
                },
            };
            here = written.and_then(|(_, node)| match &node.value {
                Value::Table(entries) => Some(entries),
                _ => None,
            });
            path.push(Segment::from(key));
        }
        Ok(path)
    }

    /// The missing key at that path which a part of a variable's name stands for.
    fn missing_at(&self, path: &[Segment], part: &str) -> Option<String> {
        let below = |missing: &Vec<Segment>| match missing.strip_prefix(path)? {
            [Segment::Key(key), ..] if is_same(key, part) => Some(key.to_string()),
            _ => None,
        };
        self.missing.iter().find_map(below)
    }

    fn put(&mut self, variable: &Variable, path: &[Segment], value: Value) {
        let place = Origin::Variable(variable.name.clone());
        let mut entries = &mut self.entries;
        for (index, segment) in path.iter().enumerate() {
            let key = segment.to_string();
            let at = entries.iter().position(|(known, _)| *known == key);
            let at = at.unwrap_or_else(|| {
                let value = Value::Table(Vec::new());
                let place = place.clone();
                entries.push((key, Node { place, value }));
                entries.len() - 1
            });
            let node = &mut entries[at].1;
            if index + 1 == path.len() {
                *node = Node { place, value };
                return;
            }
            if !matches!(node.value, Value::Table(_)) {
                node.value = Value::Table(Vec::new());
            }
            let Value::Table(inner) = &mut node.value else {
                return;
            };
            entries = inner;
        }
    }

    fn json(&self) -> String {
        let mut text = String::new();
        write_table(&self.entries, &mut text);
        text
    }

    /// What a violation says, with the place of the value that it is about.
    fn misfit(&self, violation: &Violation) -> Misfit {
        let path = &violation.location.path;
        let (place, depth) = self.place_of(path);
        let name = dotted(path);
        if violation.code == "missing" && depth < path.len() {
            let how = self.how_to_give(path);
            return Misfit {
                place,
                message: format!("`{name}` is missing: {how}"),
            };
        }
        Misfit {
            place,
            message: format!("`{name}`: {}", violation.message),
        }
    }

    fn how_to_give(&self, path: &[Segment]) -> String {
        if self.is_test {
            return "a test reads no file and no environment, but has `TestClient::replace_state`"
                .to_owned();
        }
        let parts: Vec<_> = path.iter().map(|part| shouted(&part.to_string())).collect();
        format!(
            "give it in `[app]` of the configuration file, or as the variable `{PREFIX}{}`",
            parts.join("__")
        )
    }

    /// The place of the value at a path, or of the nearest one around it, and how
    /// deep that lies.
    fn place_of(&self, path: &[Segment]) -> (Option<Origin>, usize) {
        let mut found = (self.place.clone(), 0);
        let mut here = match path.first() {
            Some(Segment::Key(key)) => entry(&self.entries, key),
            _ => None,
        };
        while let Some(node) = here {
            found = (Some(node.place.clone()), found.1 + 1);
            here = match (&node.value, path.get(found.1)) {
                (Value::Table(entries), Some(Segment::Key(key))) => entry(entries, key),
                (Value::List(items), Some(Segment::Index(index))) => items.get(*index),
                _ => None,
            };
        }
        found
    }
}

impl Variable {
    fn ignored(&self, why: &str) -> String {
        let name = self.name.escape_debug();
        format!("the variable `{name}` is ignored: {why}")
    }

    /// What its text may mean, the plainest first: a text, JSON, a switch, a list.
    fn readings(&self) -> Vec<Value> {
        let text = self.text.trim();
        let place = || Origin::Variable(self.name.clone());
        let switch = match text.to_ascii_lowercase().as_str() {
            "1" | "yes" | "on" | "true" => Some("true"),
            "0" | "no" | "off" | "false" => Some("false"),
            _ => None,
        };
        let parts: Vec<_> = text.split(',').map(str::trim).collect();
        let list = |items: Vec<Value>| {
            let node = |value| Node {
                place: place(),
                value,
            };
            Value::List(items.into_iter().map(node).collect())
        };
        let texts = parts.iter().map(|part| Value::Text((*part).to_owned()));
        let pieces: Option<Vec<_>> = parts.iter().map(|part| json(part)).collect();
        [
            Some(Value::Text(self.text.clone())),
            json(text),
            switch.map(|switch| Value::Json(switch.to_owned())),
            Some(list(texts.collect())),
            pieces.map(list),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The text, if it is JSON and no string.
fn json(text: &str) -> Option<Value> {
    let is_json = !text.starts_with('"') && serde_json::from_str::<&RawValue>(text).is_ok();
    is_json.then(|| Value::Json(text.to_owned()))
}

/// Whether a violation is about the value at that path, or one around or inside it.
fn concerns(violation: &Violation, path: &[Segment]) -> bool {
    let found = &violation.location.path;
    found.iter().zip(path).all(|(one, other)| one == other)
        && (found.len() >= path.len() || violation.code == "type")
}

fn refuse_unknown(
    entries: &mut Vec<(String, Node)>,
    path: &mut Vec<Segment>,
    names: WireNames,
    faults: &mut Vec<Misfit>,
) {
    let fields = names.fields(path);
    entries.retain_mut(|(key, node)| {
        if let Some(fields) = fields
            && !fields.contains(&key.as_str())
        {
            faults.push(Misfit {
                place: Some(node.place.clone()),
                message: unknown(path, key, fields),
            });
            return false;
        }
        path.push(Segment::from(key.clone()));
        refuse_unknown_in(node, path, names, faults);
        path.pop();
        true
    });
}

fn refuse_unknown_in(
    node: &mut Node,
    path: &mut Vec<Segment>,
    names: WireNames,
    faults: &mut Vec<Misfit>,
) {
    match &mut node.value {
        Value::Text(_) | Value::Json(_) => {}
        Value::Table(entries) => refuse_unknown(entries, path, names, faults),
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(Segment::Index(index));
                refuse_unknown_in(item, path, names, faults);
                path.pop();
            }
        }
    }
}

fn unknown(path: &[Segment], key: &str, fields: &[&str]) -> String {
    let name = |key: &str| {
        let mut whole = path.to_vec();
        whole.push(Segment::from(key.to_owned()));
        dotted(&whole)
    };
    let message = format!("there is no key `{}`", name(key).escape_debug());
    match nearest(key, fields.iter().copied()) {
        Some(meant) => format!("{message}, did you mean `{}`?", name(meant)),
        None => message,
    }
}

fn entry<'a>(entries: &'a [(String, Node)], key: &str) -> Option<&'a Node> {
    let found = entries.iter().find(|(known, _)| known == key);
    found.map(|(_, node)| node)
}

/// `app.database.url`.
fn dotted(path: &[Segment]) -> String {
    path.iter().fold("app".to_owned(), |dotted, segment| {
        format!("{dotted}.{segment}")
    })
}

/// Whether a key and a part of a variable's name are one, whatever the spelling:
/// `poolSize`, `pool-size` and `POOL_SIZE` are.
fn is_same(key: &str, part: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars()
            .filter(|letter| !matches!(letter, '_' | '-'))
            .flat_map(char::to_lowercase)
    }
    letters(key).eq(letters(part))
}

/// A key as a part of a variable's name.
fn shouted(key: &str) -> String {
    let mut shouted = String::new();
    let mut was_small = false;
    for letter in key.chars() {
        if was_small && letter.is_uppercase() {
            shouted.push('_');
        }
        was_small = letter.is_lowercase();
        shouted.extend(
            letter
                .to_uppercase()
                .map(|l| if l == '-' { '_' } else { l }),
        );
    }
    shouted
}

fn write(node: &Node, to: &mut String) {
    match &node.value {
        Value::Text(text) => to.push_str(&serde_json::Value::from(text.as_str()).to_string()),
        Value::Json(json) => to.push_str(json),
        Value::Table(entries) => write_table(entries, to),
        Value::List(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write(item, to);
            }
            to.push(']');
        }
    }
}

fn write_table(entries: &[(String, Node)], to: &mut String) {
    to.push('{');
    for (index, (key, node)) in entries.iter().enumerate() {
        if index > 0 {
            to.push(',');
        }
        to.push_str(&serde_json::Value::from(key.as_str()).to_string());
        to.push(':');
        write(node, to);
    }
    to.push('}');
}
