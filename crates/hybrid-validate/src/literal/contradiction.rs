//! Rules that contradict each other.

use std::cmp::Ordering;

use crate::number::Num;
use crate::rule::Rule;

/// The first two rules that no value can keep together: `ge` above `le`, `min_length` above `max_length` and so on. The
/// lower bound comes first in the pair.
/// ```
/// use hybrid_validate::{Num, Rule, literal};
///
/// let rules = [Rule::Le(Num::Int(1)), Rule::Ge(Num::Int(2))];
/// let (low, high) = literal::contradiction(&rules).expect("no number is both");
/// assert_eq!((low.name(), high.name()), ("ge", "le"));
/// ```
#[must_use]
pub fn contradiction(rules: &[Rule]) -> Option<(&Rule, &Rule)> {
    let pairs = rules
        .iter()
        .flat_map(|low| rules.iter().map(move |high| (low, high)));
    pairs.into_iter().find(|(low, high)| contradict(low, high))
}

fn contradict(low: &Rule, high: &Rule) -> bool {
    let above = |low: &Num, high: &Num, equal_too: bool| match low.compare(high) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => equal_too,
        _ => false,
    };
    match (low, high) {
        (Rule::Ge(low), Rule::Le(high)) => above(low, high, false),
        (Rule::Ge(low), Rule::Lt(high)) | (Rule::Gt(low), Rule::Le(high) | Rule::Lt(high)) => {
            above(low, high, true)
        }
        (Rule::MinLength(low), Rule::MaxLength(high))
        | (Rule::MinItems(low), Rule::MaxItems(high)) => low > high,
        _ => false,
    }
}
