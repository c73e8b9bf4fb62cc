//! Rules about elements that cannot be checked on the whole list: one element could not be read, or the program's set
//! or map has lost the order sent. Runs only if there is a violation.

use std::borrow::Cow;

use super::declared::{Param, Slot};
use crate::report::Report;
use crate::text::FromTexts;
use crate::violation::{Segment, Violation};

/// One element in a container of its own, with its place in the input, innermost step first.
pub(crate) type Part<T> = (Vec<Segment>, T);

impl<T> Param<T> {
    /// Whether there are rules for each element of a list. A user's check counts only for a `leaf`: a model would be
    /// read again at each level of its nesting.
    pub(crate) fn checks_elements(&self, leaf: bool) -> bool {
        let mut slots = self.slots[..self.used].iter();
        slots.any(|slot| slot.checks_elements() || (leaf && slot.may_judge_elements()))
    }

    /// Reads and checks again what was refused since `before`, element by element. The report is at the place of the
    /// value.
    #[cold]
    pub(crate) fn check_as_sent(
        &self,
        before: usize,
        report: &mut Report,
        read: impl FnOnce(&mut Report) -> Option<T>,
        parts: &[Part<T>],
        rank: impl Fn(&Segment) -> Option<usize>,
    ) -> Option<T> {
        report.rewind(before);
        let whole = read(report);
        let mark = report.len();
        for slot in &self.slots[..self.used] {
            if !slot.checks_elements()
                && let Some(whole) = &whole
            {
                self.judge_whole(slot, whole, parts, report);
            }
            if slot.checks_elements() || slot.may_judge_elements() {
                for part in parts {
                    self.judge_part(slot, part, report);
                }
            }
        }
        if let (Some(text), true) = (self.message, report.len() > mark) {
            report.reword(mark, text);
        }
        if whole.is_none() {
            report.sort_since(before, rank);
        }
        whole
    }

    /// The violations of a user's check on an element are left out here: the part of the element reports them.
    fn judge_whole(&self, slot: &Slot<T>, whole: &T, parts: &[Part<T>], report: &mut Report) {
        if !slot.may_judge_elements() {
            return slot.check_value(whole, self.longest, report);
        }
        let mut alone = Report::new(report.source());
        slot.check_value(whole, self.longest, &mut alone);
        for violation in alone.into_violations() {
            if !is_element(&violation, parts.first()) {
                report.push(violation);
            }
        }
    }

    fn judge_part(&self, slot: &Slot<T>, part: &Part<T>, report: &mut Report) {
        let mut alone = Report::first_only(report.source());
        slot.check_value(&part.1, self.longest, &mut alone);
        for mut violation in alone.into_violations() {
            if slot.may_judge_elements() && !is_element(&violation, Some(part)) {
                continue;
            }
            violation.location.path = part.0.iter().rev().cloned().collect();
            report.push(violation);
        }
    }

    #[cold]
    pub(super) fn check_texts_as_sent(
        &self,
        texts: &[Cow<'_, str>],
        before: usize,
        report: &mut Report,
    ) where
        T: FromTexts,
    {
        if !self.checks_elements(true) {
            return;
        }
        let parts = T::parts(texts, self.style, report.source()).into_iter();
        let parts: Vec<Part<T>> = parts
            .map(|(index, part)| (vec![Segment::Index(index)], part))
            .collect();
        if parts.is_empty() {
            return;
        }
        report.rewind(before);
        report.at_key(self.name, |report| {
            let read = |report: &mut Report| T::from_texts(texts, self.style, report);
            self.check_as_sent(before, report, read, &parts, by_index);
        });
    }
}

impl<T> Slot<T> {
    const fn checks_elements(&self) -> bool {
        matches!(self, Self::Number(..) | Self::Text(..))
    }

    /// A user's check takes the whole value or each element. The places of its violations tell which.
    const fn may_judge_elements(&self) -> bool {
        matches!(self, Self::Custom(_))
    }
}

/// Whether the places of a check's violations are as deep in the whole as in a part.
fn is_element<T>(violation: &Violation, part: Option<&Part<T>>) -> bool {
    part.is_some_and(|(place, _)| place.len() == violation.location.path.len())
}

/// The order of a list.
pub(crate) const fn by_index(step: &Segment) -> Option<usize> {
    match step {
        Segment::Index(index) => Some(*index),
        Segment::Key(_) => None,
    }
}
