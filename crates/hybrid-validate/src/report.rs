//! The list of violations found so far, and the current place.
//!
//! A valid value has no overhead: the place is built only for a violation. A violation starts with an empty path. Each
//! [`Report::at_key`] and [`Report::at_index`] around it adds its own step when it returns. So a list of a million
//! valid items builds no location.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::rule::Rule;
use crate::violation::{Location, Segment, Source, Violation};

/// Collects violations and their places.
/// ```
/// use hybrid_validate::{Report, Source};
///
/// let mut report = Report::new(Source::Body);
/// report.at_key("lines", |report| {
///     report.at_index(2, |report| report.violate("custom", "must not be empty"));
/// });
/// assert_eq!(report.into_violations()[0].to_string(), "body.lines.2: must not be empty");
/// ```
#[derive(Debug)]
pub struct Report {
    source: Source,
    first_only: bool,
    limit: usize,
    left_out: usize,
    /// Whether something was nested too deeply to be read.
    too_deep: bool,
    /// Paths are innermost first. [`Report::into_violations`] reverses them.
    found: Vec<Violation>,
}

impl Report {
    /// The number of violations that a report keeps, unless [`Report::limited`] changes it. A body of 2 MiB can break a
    /// rule a million times, and a response with all of them would be about a hundred times its size.
    pub const LIMIT: usize = 10_000;

    /// An empty report that collects all violations, at the root of `source`.
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

    /// An empty report that keeps only the first violation, for callers that need only a verdict.
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

    /// The same report, which keeps at most `limit` violations and counts the others.
    #[must_use]
    pub const fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether the caller needs only one violation.
    #[must_use]
    pub const fn is_first_only(&self) -> bool {
        self.first_only
    }

    /// Whether the report is full. Further violations are only counted.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Whether the check may stop: one violation is enough, and it is there.
    pub(crate) const fn is_done(&self) -> bool {
        self.first_only && self.is_full()
    }

    /// The part of the request to which new violations belong.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Moves to the root of another part of the request.
    pub const fn set_source(&mut self, source: Source) {
        self.source = source;
    }

    /// Runs `look` one step below the current place. The step is built only for a violation.
    #[inline]
    pub fn at<R>(
        &mut self,
        step: impl FnOnce() -> Segment,
        look: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mark = self.found.len();
        let result = look(self);
        if self.found.len() > mark {
            self.prepend_step(mark, step());
        }
        result
    }

    /// Runs `look` at a key below the current place.
    #[inline]
    pub fn at_key<R>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        look: impl FnOnce(&mut Self) -> R,
    ) -> R {
        self.at(|| Segment::Key(key.into()), look)
    }

    /// Runs `look` at a key below the current place. The key is copied only for a violation.
    #[inline]
    pub fn at_borrowed_key<R>(&mut self, key: &str, look: impl FnOnce(&mut Self) -> R) -> R {
        self.at(|| Segment::from(key.to_owned()), look)
    }

    /// Runs `look` at an index below the current place.
    #[inline]
    pub fn at_index<R>(&mut self, index: usize, look: impl FnOnce(&mut Self) -> R) -> R {
        self.at(|| Segment::Index(index), look)
    }

    /// Reports a violation at the current place.
    #[cold]
    pub fn violate(&mut self, code: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        if self.counts_only() {
            return;
        }
        self.add(code.into(), message.into(), None);
    }

    /// Reports a violation with parameters at the current place.
    #[cold]
    pub fn violate_with(
        &mut self,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        params: Map<String, Value>,
    ) {
        if self.counts_only() {
            return;
        }
        self.add(code.into(), message.into(), Some(params));
    }

    /// Reports that nothing was sent where a value is needed.
    #[cold]
    pub(crate) fn missing(&mut self) {
        self.violate("missing", "is required");
    }

    /// Reports that one value was sent more than once.
    #[cold]
    pub(crate) fn duplicate(&mut self) {
        self.violate("duplicate", "appears more than once");
    }

    /// Reports that a value of another type was expected.
    #[cold]
    pub(crate) fn expected(&mut self, what: &str) {
        if self.counts_only() {
            return;
        }
        self.violate("type", format!("expected {what}"));
    }

    /// Reports that the value at the current place breaks `rule`: its name, its sentence, its parameters.
    #[cold]
    pub fn break_rule(&mut self, rule: &Rule) {
        if self.counts_only() {
            return;
        }
        self.add(
            Cow::Borrowed(rule.name()),
            rule.to_string(),
            Some(rule.params()),
        );
    }

    /// Adds a violation made elsewhere. Its path is relative to the current place. Its source is kept.
    pub fn push(&mut self, mut violation: Violation) {
        if self.counts_only() {
            return;
        }
        violation.location.path.reverse();
        self.found.push(violation);
    }

    /// Whether no violation was found so far.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The number of kept violations.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// The number of violations found, kept or not. The code between two calls found none if the number is the same.
    #[must_use]
    pub const fn found(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// The number of violations found and not kept, since the limit was reached.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// The violations, sorted by source. Those of one source stay in the order found.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        let mut found = self.found;
        for violation in &mut found {
            violation.location.path.reverse();
        }
        found.sort_by_key(|violation| violation.location.source);
        found
    }

    /// Counts a violation that is not kept, if the report is full.
    pub(crate) const fn counts_only(&mut self) -> bool {
        if self.is_full() {
            self.left_out += 1;
        }
        self.is_full()
    }

    /// An empty report for the same source, with room for the number of violations that this report may still keep.
    pub(crate) const fn sub_report(&self) -> Self {
        let mut aside = Self::new(self.source);
        aside.limit = self.room();
        aside.first_only = self.first_only;
        aside
    }

    /// Adds the violations of another report at the current place, in the order found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.left_out += other.left_out;
        self.too_deep |= other.too_deep;
        for mut violation in other.found {
            if !self.counts_only() {
                violation.location.source = self.source;
                self.found.push(violation);
            }
        }
    }

    /// The same for violations below the steps `outer`, innermost first.
    pub(crate) fn absorb_at(&mut self, mut other: Self, outer: &[Segment]) {
        for violation in &mut other.found {
            violation.location.path.extend_from_slice(outer);
        }
        self.absorb(other);
    }

    /// The number of violations that may still be kept.
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

    /// Removes all violations after the first `found`.
    #[cold]
    pub(crate) fn rewind(&mut self, found: usize) {
        self.found.truncate(found);
        self.left_out = found - self.found.len();
    }

    /// Sorts the violations after the first `found` by the step next to the current place.
    #[cold]
    pub(crate) fn sort_since(&mut self, found: usize, rank: impl Fn(&Segment) -> Option<usize>) {
        let since = found.min(self.found.len());
        self.found[since..].sort_by_key(|violation| violation.location.path.last().and_then(&rank));
    }

    /// Replaces the sentences of the violations since `mark`, a number of kept violations, by `text`.
    #[cold]
    pub(crate) fn reword(&mut self, mark: usize, text: &str) {
        for violation in self.found.iter_mut().skip(mark) {
            text.clone_into(&mut violation.message);
        }
    }

    #[cold]
    fn prepend_step(&mut self, mark: usize, segment: Segment) {
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
