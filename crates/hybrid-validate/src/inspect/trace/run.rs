//! The findings of repeated readings of one value.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::rc::Rc;

use serde::de::{Expected, Unexpected};

use super::passes::{Node, RUN, Stop};
use crate::inspect::error::ReadError;
use crate::inspect::json::{Json, JsonKind};
use crate::inspect::spans::Span;
use crate::inspect::{Input, check};
use crate::{Report, Segment, Source, Violation};

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Key(Rc<str>),
    Index(usize),
    /// Any element of a list, any entry of a map.
    Each,
}

/// One step of the path to the current place.
#[derive(Clone, Debug)]
pub(super) struct Walked {
    /// A key or an index.
    pub(super) step: Step,
    /// Whether all parts beside it have the same type.
    pub(super) each: bool,
    /// Whether `null` is allowed at this place.
    pub(super) nullable: bool,
}

impl Walked {
    pub(super) const fn new(step: Step, each: bool) -> Self {
        Self {
            step,
            each,
            nullable: false,
        }
    }

    pub(super) fn meant(&self) -> Step {
        if self.each {
            Step::Each
        } else {
            self.step.clone()
        }
    }

    fn segment(&self) -> Segment {
        match &self.step {
            Step::Key(key) => Segment::from(key.to_string()),
            Step::Index(index) => Segment::Index(*index),
            Step::Each => Segment::Index(0),
        }
    }
}

/// The parts of the input that the type does not see any more.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    /// A substitute of the requested type takes its place, if there is one.
    filled: bool,
    /// The part is left out.
    whole: bool,
    inner: HashMap<Step, Self>,
}

impl Hidden {
    /// Hides a place. `false` for the whole value, and for a place that is hidden already.
    pub(super) fn hide(&mut self, (place, fill): &(Vec<Step>, bool)) -> bool {
        let mut at = self;
        for step in place {
            at = at.inner.entry(step.clone()).or_default();
        }
        let before = (at.filled, at.whole);
        if *fill && !at.filled {
            at.filled = true;
        } else {
            at.whole = true;
        }
        !place.is_empty() && before != (at.filled, at.whole)
    }

    pub(super) const fn is_filled(&self) -> bool {
        self.filled
    }

    pub(super) fn at(&self, step: &Step) -> Option<&Self> {
        self.inner.get(step)
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// The hidden state of a place, if anything in it is hidden.
    fn find(&self, place: &[Step]) -> Option<&Self> {
        let found = place.iter().try_fold(self, |at, step| at.inner.get(step));
        found.filter(|found| found.filled || found.whole || !found.inner.is_empty())
    }
}

/// The function of a model that inspects a piece.
pub(super) type Look = fn(Input<'_>, &mut Report);

/// The reason why a reading has ended.
#[derive(Debug)]
enum Fault {
    /// The type itself refuses. Its place is added later, on the way out.
    Own {
        error: ReadError,
        at: Option<(Vec<Walked>, Span)>,
    },
    /// A model refuses, and nothing more in it is to be read.
    Model {
        path: Vec<Walked>,
        at: usize,
        found: Report,
    },
}

/// All readings of one value.
#[derive(Debug)]
pub(super) struct Run {
    /// The path to the current place.
    pub(super) path: Vec<Walked>,
    /// The piece of the model that has requested it.
    pub(super) asked: Option<(Span, u16)>,
    /// The root piece, and its depth.
    pub(super) root: (Span, u16),
    pub(super) too_deep: bool,
    fault: Option<Fault>,
    /// Reports by the first byte of the fault.
    found: Vec<(usize, Report)>,
    /// The pieces that a model has inspected.
    met: HashSet<usize>,
    /// The models in lists and maps: the path, whether `null` is allowed at each step, and the function that inspects.
    models: HashMap<Vec<Step>, (Vec<bool>, Look)>,
    /// The number of violations that may still be kept.
    room: usize,
}

impl Run {
    pub(super) fn new(node: Node<'_>, report: &Report) -> Self {
        check::forget();
        let root = match node {
            Node::Piece(json) => json,
            Node::Rest(rest) => rest.object,
        };
        Self {
            path: Vec::new(),
            asked: None,
            root: (root.span(), root.depth()),
            too_deep: false,
            fault: None,
            found: Vec::new(),
            met: HashSet::new(),
            models: HashMap::new(),
            room: report.room(),
        }
    }

    /// A report that keeps at most the remaining number of violations.
    pub(super) fn report(&self) -> Report {
        Report::new(Source::Body).limited(self.room)
    }

    fn keep(&mut self, at: usize, found: Report) {
        self.room = self.room.saturating_sub(found.len());
        self.found.push((at, found));
    }

    /// Stores the violations of a model at the current piece. `true` if the reading may continue, since the piece has
    /// made a value.
    pub(super) fn note(&mut self, at: Span, look: Look, found: Report, built: bool) -> bool {
        if self.path.iter().any(|walked| walked.each) {
            let steps = self.path.iter().map(Walked::meant).collect();
            let path = &self.path;
            self.models
                .entry(steps)
                .or_insert_with(|| (path.iter().map(|walked| walked.nullable).collect(), look));
        }
        if self.met.insert(at.0) && found.found() > 0 {
            let found = self.placed(found, &self.path);
            self.keep(at.0, found);
        }
        if !built {
            let path = self.path.clone();
            let found = self.report();
            self.fault = Some(Fault::Model {
                path,
                at: at.0,
                found,
            });
        }
        built
    }

    /// Stores the violations of a model in a buffered piece. They count only if the reading ends with them: an untagged
    /// enum may try another variant.
    pub(super) fn note_buffered(&mut self, inner: Vec<Walked>, at: usize, found: Report) {
        let mut path = self.path.clone();
        path.extend(inner);
        let found = self.placed(found, &path);
        self.fault = Some(Fault::Model { path, at, found });
    }

    fn placed(&self, found: Report, path: &[Walked]) -> Report {
        let mut placed = self.report();
        let outer: Vec<Segment> = path.iter().rev().map(Walked::segment).collect();
        placed.absorb_at(found, &outer);
        placed
    }

    /// Adds the place to a fault without one. Called on the way out, innermost first.
    pub(super) fn locate(&mut self, span: Span) {
        if let Some(Fault::Own { at, .. }) = &mut self.fault
            && at.is_none()
        {
            *at = Some((self.path.clone(), span));
        }
    }

    /// The current fault is that of a key.
    pub(super) fn refuse_key(&mut self) {
        self.fault = match self.fault.take() {
            Some(Fault::Own { error, at }) => Some(Fault::Own {
                error: error.of_key_here(),
                at,
            }),
            other => other,
        };
    }

    /// Takes the fault that has ended a reading. Returns the place to hide from the next reading, and whether a
    /// substitute may take that place. `None` if no further reading is needed.
    pub(super) fn settle(&mut self, hidden: &Hidden) -> Option<(Vec<Step>, bool)> {
        self.path.clear();
        let place = |path: &[Walked]| path.iter().map(Walked::meant).collect::<Vec<_>>();
        let hide = match self.fault.take()? {
            Fault::Model { path, at, found } => {
                self.keep(at, found);
                (place(&path), false)
            }
            Fault::Own { error, at } => {
                let (path, span) = at.unwrap_or_else(|| (Vec::new(), self.root.0));
                let place = place(&path);
                let known = hidden.find(&place);
                // A missing field is reported at the end of its object.
                let missing = error.is_missing();
                self.too_deep |= error.is_too_deep();
                if let Some(found) = self.own(error, &path, known) {
                    self.keep(if missing { span.1 } else { span.0 }, found);
                }
                (place, known.is_none() && !missing)
            }
        };
        (!self.too_deep).then_some(hide)
    }

    /// The violations of the type itself, unless they come from a hidden part.
    fn own(&self, error: ReadError, path: &[Walked], hidden: Option<&Hidden>) -> Option<Report> {
        let depth = path.len();
        let steps = path.iter().rev().map(Walked::segment);
        let violations = steps.fold(error, ReadError::inside).into_violations();
        if let Some(hidden) = hidden {
            let named = |violation: &Violation| match violation.location.path.get(depth) {
                Some(Segment::Key(key)) => !hidden
                    .at(&Step::Key(Rc::from(&**key)))
                    .is_some_and(Hidden::is_whole),
                _ => false,
            };
            if !violations.iter().all(named) {
                return None;
            }
        }
        let mut found = self.report();
        for violation in violations {
            found.push(violation);
        }
        Some(found)
    }

    /// Inspects the elements that no reading has reached, and reports all violations in the order of the text. `true`
    /// if there is no violation.
    pub(super) fn finish(mut self, node: Node<'_>, report: &mut Report) -> bool {
        for (steps, (nullable, look)) in std::mem::take(&mut self.models) {
            let mut walk = Vec::new();
            match node {
                Node::Piece(json) => self.look_at(json, &steps, &nullable, &mut walk, look),
                Node::Rest(rest) => {
                    let entries = rest.entries.iter().map(|(key, json, _)| (*key, *json));
                    self.look_at_entries(entries, &steps, &nullable, &mut walk, look);
                }
            }
        }
        if self.too_deep {
            report.refuse_depth();
        }
        self.found.sort_by_key(|(at, _)| *at);
        let good = self.found.iter().all(|(_, found)| found.found() == 0) && !self.too_deep;
        for (_, found) in self.found {
            report.absorb(found);
        }
        good
    }

    fn look_at(
        &mut self,
        json: Json<'_>,
        steps: &[Step],
        nullable: &[bool],
        walk: &mut Vec<Segment>,
        look: Look,
    ) {
        let aside = &mut Report::first_only(Source::Body);
        if steps.is_empty() {
            if self.met.insert(json.span().0) {
                let mut found = self.report();
                look(Input::Json(json), &mut found);
                let mut placed = self.report();
                let outer: Vec<Segment> = walk.iter().rev().cloned().collect();
                placed.absorb_at(found, &outer);
                self.keep(json.span().0, placed);
            }
            return;
        }
        match json.kind() {
            JsonKind::Array => {
                for (index, json) in json.elements(aside).into_iter().flatten().enumerate() {
                    let wanted = match &steps[0] {
                        Step::Each => true,
                        Step::Index(wanted) => *wanted == index,
                        Step::Key(_) => false,
                    };
                    if wanted && !(nullable[0] && json.kind() == JsonKind::Null) {
                        walk.push(Segment::Index(index));
                        self.look_at(json, &steps[1..], &nullable[1..], walk, look);
                        walk.pop();
                    }
                }
            }
            JsonKind::Object => {
                let entries = json.entries(aside).unwrap_or_default();
                let entries = entries.iter().map(|(key, json)| (&**key, *json));
                self.look_at_entries(entries, steps, nullable, walk, look);
            }
            JsonKind::String | JsonKind::Number | JsonKind::Bool | JsonKind::Null => {}
        }
    }

    fn look_at_entries<'e>(
        &mut self,
        entries: impl Iterator<Item = (&'e str, Json<'e>)>,
        steps: &[Step],
        nullable: &[bool],
        walk: &mut Vec<Segment>,
        look: Look,
    ) {
        let (Some(step), Some(may_be_null)) = (steps.first(), nullable.first()) else {
            return;
        };
        for (key, json) in entries {
            let wanted = match step {
                Step::Each => true,
                Step::Key(wanted) => **wanted == *key,
                Step::Index(_) => false,
            };
            if wanted && !(*may_be_null && json.kind() == JsonKind::Null) {
                walk.push(Segment::from(key.to_owned()));
                self.look_at(json, &steps[1..], &nullable[1..], walk, look);
                walk.pop();
            }
        }
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stop {}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        RUN.with_borrow_mut(|run| {
            if let Some(run) = run {
                run.fault = Some(Fault::Own { error, at: None });
            }
        });
        Self
    }
}

impl serde::de::Error for Stop {
    fn custom<T: Display>(message: T) -> Self {
        ReadError::custom(message).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::invalid_type(found, expected).into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        ReadError::invalid_value(found, expected).into()
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        ReadError::invalid_length(length, expected).into()
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        ReadError::unknown_variant(found, expected).into()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        ReadError::unknown_field(field, expected).into()
    }

    fn missing_field(field: &'static str) -> Self {
        ReadError::missing_field(field).into()
    }

    fn duplicate_field(field: &'static str) -> Self {
        ReadError::duplicate_field(field).into()
    }
}
