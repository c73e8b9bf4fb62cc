//! Rules about elements, where the list as a whole cannot bear them: one element could not be read, or the program's
//! set or map has lost the order in which the elements were sent. Runs only where something is wrong.

use std::borrow::Cow;

use super::{Param, Slot};
use crate::report::Report;
use crate::text::FromTexts;
use crate::violation::Segment;

/// One element in a container of its own, with its place in what was sent, innermost step first.
pub(crate) type Part<T> = (Vec<Segment>, T);

impl<T> Param<T> {
    /// Whether there are rules that hold for each element of a list.
    pub(crate) fn judges_elements(&self) -> bool {
        self.slots[..self.used].iter().any(Slot::judges_elements)
    }

    /// Reads and checks once more what was refused since `before`, element by element. The report stands at the
    /// value.
    #[cold]
    pub(crate) fn judge_as_sent(
        &self,
        before: usize,
        report: &mut Report,
        read: impl FnOnce(&mut Report) -> Option<T>,
        parts: &[Part<T>],
        rank: impl Fn(&Segment) -> Option<usize>,
    ) -> Option<T> {
        report.rewind(before);
        let whole = read(report);
        for slot in &self.slots[..self.used] {
            if slot.judges_elements() {
                for part in parts {
                    self.judge_part(slot, part, report);
                }
            } else if let Some(whole) = &whole {
                slot.judge(whole, self.longest, report);
            }
        }
        if whole.is_none() {
            report.sort_since(before, rank);
        }
        whole
    }

    fn judge_part(&self, slot: &Slot<T>, (place, part): &Part<T>, report: &mut Report) {
        let mut alone = Report::first_only(report.source());
        slot.judge(part, self.longest, &mut alone);
        for mut violation in alone.into_violations() {
            violation.location.path = place.iter().rev().cloned().collect();
            report.push(violation);
        }
    }

    #[cold]
    pub(super) fn judge_texts_as_sent(
        &self,
        texts: &[Cow<'_, str>],
        before: usize,
        report: &mut Report,
    ) where
        T: FromTexts,
    {
        if !self.judges_elements() {
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
            self.judge_as_sent(before, report, read, &parts, by_index);
        });
    }
}

impl<T> Slot<T> {
    const fn judges_elements(&self) -> bool {
        matches!(self, Self::Number(..) | Self::Text(..))
    }
}

/// The order of a list.
pub(crate) const fn by_index(step: &Segment) -> Option<usize> {
    match step {
        Segment::Index(index) => Some(*index),
        Segment::Key(_) => None,
    }
}
