//! A field of a partial update, in a model.

use super::{Input, Inspect, Survey, Take};
use crate::patch::Patch;
use crate::report::Report;
use crate::violation::Source;

impl<T: Inspect> Inspect for Patch<T> {
    const KEEPS_EMPTY: bool = T::KEEPS_EMPTY;
    const IS_LEAF: bool = T::IS_LEAF;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        <Option<T> as Inspect>::inspect(input, report)
            .map(|value| value.map_or(Self::Null, Self::Value))
    }

    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        <Option<T> as Inspect>::parts(input, source, &mut |place, value| {
            take(place, value.map_or(Self::Null, Self::Value));
        });
    }

    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn survey(survey: &mut Survey) {
        T::survey(survey);
    }

    fn check_deep(&self, report: &mut Report) {
        if let Self::Value(value) = self {
            value.check_deep(report);
        }
    }
}
