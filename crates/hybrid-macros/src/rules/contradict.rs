//! Pairs of rules that no value can keep together, or of which one has no effect.

use hybrid_validate::literal;
use proc_macro2::Span;

use super::check::as_rule;
use super::{Bound, Count, RuleKind, Size, WrittenRule};
use crate::diag::Diagnostics;

/// Reports `ge` above `le`, or `min_length` above `max_length`.
pub(super) fn contradict(low: &WrittenRule, high: &WrittenRule, diag: &mut Diagnostics) {
    match (&low.what, &high.what) {
        (RuleKind::Bound(a, low_value), RuleKind::Bound(b, high_value)) => {
            let pair = [as_rule(*a, low_value.value), as_rule(*b, high_value.value)];
            if literal::contradiction(&pair).is_some_and(|(first, _)| low.key == first.name()) {
                let equal_is_wrong = *a == Bound::Gt || *b == Bound::Lt;
                let (a, b) = (shown(low, &low_value.text), shown(high, &high_value.text));
                exceeds(&a, &b, equal_is_wrong, low_value.span, diag);
            }
        }
        (
            RuleKind::Count(a, Size::Literal(low_size, span)),
            RuleKind::Count(b, Size::Literal(high_size, _)),
        ) => {
            let pair = matches!(
                (a, b),
                (Count::MinLength, Count::MaxLength) | (Count::MinItems, Count::MaxItems)
            );
            if pair && low_size > high_size {
                exceeds(
                    &shown(low, low_size),
                    &shown(high, high_size),
                    false,
                    *span,
                    diag,
                );
            }
        }
        _ => {}
    }
}

fn shown(rule: &WrittenRule, value: impl std::fmt::Display) -> String {
    format!("`{}` ({value})", rule.key)
}

fn exceeds(low: &str, high: &str, equal_is_wrong: bool, span: Span, diag: &mut Diagnostics) {
    let must = if equal_is_wrong {
        "must be below"
    } else {
        "must not exceed"
    };
    diag.error_at(span, format_args!("{low} {must} {high}"));
}

/// Reports `ge` beside `gt`, or `le` beside `lt`: one of them has no effect.
pub(super) fn twice(first: &WrittenRule, second: &WrittenRule, diag: &mut Diagnostics) {
    let side = |rule: &WrittenRule| match rule.what {
        RuleKind::Bound(Bound::Ge | Bound::Gt, _) => 1,
        RuleKind::Bound(Bound::Le | Bound::Lt, _) => 2,
        _ => 0,
    };
    if side(first) != 0 && side(first) == side(second) {
        let (a, b) = (&first.key, &second.key);
        diag.error(
            b,
            format_args!("`{a}` and `{b}` bound the same side, keep one"),
        );
    }
}
