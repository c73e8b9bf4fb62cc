//! The list of violations found so far, and the place where the checking stands.
//!
//! A good value costs nothing here: no place is written down until something is wrong. A violation starts with
//! an empty path, and each [`Report::at_key`] or [`Report::at_index`] that it leaves on the way out adds its own
//! step. So a list of a million good items builds no location at all.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::rule::Rule;
use crate::violation::{Location, Segment, Source, Violation};

/// Collects violations and knows where it stands.
#[derive(Debug)]
pub struct Report {
    source: Source,
    first_only: bool,
    limit: usize,
    left_out: usize,
    /// Whether something was nested too deeply to be read.
    too_deep: bool,
    /// Paths are innermost first until [`Report::into_violations`] turns them round.
    found: Vec<Violation>,
}

impl Report {
    /// How many violations a report keeps unless [`Report::limited`] says otherwise. A body of 2 MiB can break
    /// some rule a million times over; an answer with all of them would be a hundred times its size.
    pub const LIMIT: usize = 10_000;

    /// An empty report that collects everything, standing at the root of `source`.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self {
            source,
            first_only: false,
            limit: Self::LIMIT,
            left_out: 0,
            too_deep: false,
            found: Vec::new(),
        }
    }

    /// An empty report that keeps the first violation only, for checks whose caller wants a verdict.
    #[must_use]
    pub const fn first_only(source: Source) -> Self {
        Self {
            source,
            first_only: true,
            limit: 1,
            left_out: 0,
            too_deep: false,
            found: Vec::new(),
        }
    }

    /// The same report, keeping at most `limit` violations and counting the others.
    #[must_use]
    pub const fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether one violation is all that is wanted.
    #[must_use]
    pub const fn stops_early(&self) -> bool {
        self.first_only
    }

    /// Whether nothing more would be kept. What is found from now on is only counted.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Whether looking further is in vain: one violation is wanted, and it is there.
    pub(crate) const fn is_decided(&self) -> bool {
        self.first_only && self.is_settled()
    }

    /// The part of the request in which new violations stand.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Moves to the root of another part of the request.
    pub const fn set_source(&mut self, source: Source) {
        self.source = source;
    }

    /// Runs `look` one step further in. The step is made only where something was wrong.
    #[inline]
    pub fn at<R>(
        &mut self,
        step: impl FnOnce() -> Segment,
        look: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mark = self.found.len();
        let result = look(self);
        if self.found.len() > mark {
            self.step_out(mark, step());
        }
        result
    }

    /// Runs `look` one key further in.
    #[inline]
    pub fn at_key<R>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        look: impl FnOnce(&mut Self) -> R,
    ) -> R {
        self.at(|| Segment::Key(key.into()), look)
    }

    /// Runs `look` one key further in, copying the key only where something was wrong.
    #[inline]
    pub fn at_borrowed_key<R>(&mut self, key: &str, look: impl FnOnce(&mut Self) -> R) -> R {
        self.at(|| Segment::from(key.to_owned()), look)
    }

    /// Runs `look` one index further in.
    #[inline]
    pub fn at_index<R>(&mut self, index: usize, look: impl FnOnce(&mut Self) -> R) -> R {
        self.at(|| Segment::Index(index), look)
    }

    /// Reports a violation at the present place.
    #[cold]
    pub fn violate(&mut self, code: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        if self.leaves_out() {
            return;
        }
        self.add(code.into(), message.into(), None);
    }

    /// Reports a violation with parameters at the present place.
    #[cold]
    pub fn violate_with(
        &mut self,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        params: Map<String, Value>,
    ) {
        if self.leaves_out() {
            return;
        }
        self.add(code.into(), message.into(), Some(params));
    }

    /// Reports that the value at the present place breaks `rule`: its name, its sentence, its parameters.
    #[cold]
    pub fn break_rule(&mut self, rule: &Rule) {
        if self.leaves_out() {
            return;
        }
        self.add(
            Cow::Borrowed(rule.name()),
            rule.to_string(),
            Some(rule.params()),
        );
    }

    /// Adds a violation made elsewhere. Its path counts from the present place; its source stays its own.
    pub fn push(&mut self, mut violation: Violation) {
        if self.leaves_out() {
            return;
        }
        violation.location.path.reverse();
        self.found.push(violation);
    }

    /// Whether nothing was wrong so far.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many violations are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// How many violations were found, kept or not. What lies between two calls went well if the number stayed.
    #[must_use]
    pub const fn found(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// How many violations were found and not kept because the limit was reached.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// The violations, sorted by source; within a source, in the order in which they were found.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        let mut found = self.found;
        for violation in &mut found {
            violation.location.path.reverse();
        }
        found.sort_by_key(|violation| violation.location.source);
        found
    }

    /// Counts one more violation that is not kept, where the report is full.
    pub(crate) const fn leaves_out(&mut self) -> bool {
        if self.is_settled() {
            self.left_out += 1;
        }
        self.is_settled()
    }

    /// An empty report about the same source, with room for what this one still keeps.
    pub(crate) const fn aside(&self) -> Self {
        let mut aside = Self::new(self.source);
        aside.limit = self.room();
        aside.first_only = self.first_only;
        aside
    }

    /// Takes over what another report has found from the present place on, in the order in which it was found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.left_out += other.left_out;
        self.too_deep |= other.too_deep;
        for mut violation in other.found {
            if !self.leaves_out() {
                violation.location.source = self.source;
                self.found.push(violation);
            }
        }
    }

    /// The same for what stands further in, behind the steps `outer`, innermost first.
    pub(crate) fn absorb_at(&mut self, mut other: Self, outer: &[Segment]) {
        for violation in &mut other.found {
            violation.location.path.extend_from_slice(outer);
        }
        self.absorb(other);
    }

    /// How many more violations are kept.
    pub(crate) const fn room(&self) -> usize {
        self.limit.saturating_sub(self.found.len())
    }

    /// Notes that something is nested too deeply to be read.
    #[cold]
    pub(crate) fn refuse_depth(&mut self) {
        self.too_deep = true;
        self.violate("type", "is nested too deeply");
    }

    /// Whether something was nested too deeply to be read.
    pub(crate) const fn is_too_deep(&self) -> bool {
        self.too_deep
    }

    /// Forgets what was found behind the first `found`.
    #[cold]
    pub(crate) fn rewind(&mut self, found: usize) {
        self.found.truncate(found);
        self.left_out = found - self.found.len();
    }

    /// Sorts what was found behind the first `found` by the step next to the present place.
    #[cold]
    pub(crate) fn sort_since(&mut self, found: usize, rank: impl Fn(&Segment) -> Option<usize>) {
        let since = found.min(self.found.len());
        self.found[since..].sort_by_key(|violation| violation.location.path.last().and_then(&rank));
    }

    /// Puts `text` in place of the sentences of what was found since `mark`, a number of kept violations.
    #[cold]
    pub(crate) fn reword(&mut self, mark: usize, text: &str) {
        for violation in self.found.iter_mut().skip(mark) {
            text.clone_into(&mut violation.message);
        }
    }

    #[cold]
    fn step_out(&mut self, mark: usize, segment: Segment) {
        if let Some((last, others)) = self.found[mark..].split_last_mut() {
            for violation in others {
                violation.location.path.push(segment.clone());
            }
            last.location.path.push(segment);
        }
    }

    fn add(
        &mut self,
        code: Cow<'static, str>,
        message: String,
        params: Option<Map<String, Value>>,
    ) {
        let location = Location::new(self.source);
        self.found.push(Violation {
            location,
            code,
            message,
            params,
        });
    }
}
