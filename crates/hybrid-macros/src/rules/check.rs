//! Checks rules: literals against each other, against the spelled type, and the default against all rules.
//!
//! Each check reports at the wrong literal. The bounds of `Param`'s methods check what only the compiler knows (the
//! rules of a type behind an alias).

use std::cmp::Ordering;

use hybrid_validate::{Num, Rule, literal};
use syn::{LitStr, Type};

use super::contradict::{contradict, twice};
use super::{Bound, Count, NumberLiteral, RuleKind, Rules, WrittenRule};
use crate::diag::Diagnostics;
use crate::types::{self, TypeKind};

impl Rules {
    /// Reports every rule that contradicts another one, the type or the default.
    pub(crate) fn check(&self, ty: &Type, diag: &mut Diagnostics) {
        for rule in &self.list {
            let before = diag.len();
            fits_type(rule, ty, diag);
            if diag.len() == before {
                stands_alone(rule, ty, diag);
            }
        }
        self.pairs(diag);
        self.words(diag);
        self.check_default(ty, diag);
    }

    /// A message without a rule would have no effect.
    fn words(&self, diag: &mut Diagnostics) {
        if let (Some(text), true) = (&self.message, self.list.is_empty()) {
            let message =
                "`message` stands for the text of this value's rules, and it has none: add a rule";
            diag.error(text, message);
        }
    }

    /// Reports pairs such as `ge > le`, which no value can keep.
    fn pairs(&self, diag: &mut Diagnostics) {
        for (index, low) in self.list.iter().enumerate() {
            for (other, high) in self.list.iter().enumerate() {
                if index != other {
                    contradict(low, high, diag);
                }
                if index < other {
                    twice(low, high, diag);
                }
            }
        }
    }
}

/// Reports a rule that does not fit the type.
fn fits_type(rule: &WrittenRule, ty: &Type, diag: &mut Diagnostics) {
    match &rule.what {
        RuleKind::Bound(_, number) => about_numbers(rule, std::slice::from_ref(number), ty, diag),
        RuleKind::OneOfNumbers(numbers) => about_numbers(rule, numbers, ty, diag),
        RuleKind::Custom(_) => {}
        RuleKind::Count(Count::MinItems | Count::MaxItems, _) | RuleKind::UniqueItems => {
            about_items(rule, ty, diag)
        }
        RuleKind::Count(Count::MinLength | Count::MaxLength, _)
        | RuleKind::Regex(_)
        | RuleKind::Format(..)
        | RuleKind::OneOfText(_) => about_text(rule, ty, diag),
    }
}

fn about_numbers(rule: &WrittenRule, numbers: &[NumberLiteral], ty: &Type, diag: &mut Diagnostics) {
    let (key, element) = (&rule.key, types::element(ty));
    let spelled = types::spelled(element);
    match types::kind(element) {
        TypeKind::Int { .. } => {
            for number in numbers {
                whole(rule, number, &spelled, diag);
            }
        }
        TypeKind::Text if matches!(rule.what, RuleKind::OneOfNumbers(_)) => {
            diag.error_at(
                numbers[0].span,
                format_args!("`{spelled}` is text, write strings: `one_of = [\"1\"]`"),
            );
        }
        TypeKind::Text => {
            let message = format!(
                "`{key}` compares numbers, `{spelled}` is text: for its length write `min_length` or `max_length`"
            );
            diag.error(key, message);
        }
        TypeKind::Bool | TypeKind::Char => {
            diag.error(
                key,
                format_args!("`{key}` compares numbers, `{spelled}` is none: remove it"),
            );
        }
        TypeKind::Float | TypeKind::List | TypeKind::Map | TypeKind::Unknown => {}
    }
}

/// A bound for integers must be an integer.
fn whole(rule: &WrittenRule, number: &NumberLiteral, spelled: &str, diag: &mut Diagnostics) {
    if let Num::Float(value) = number.value {
        let key = &rule.key;
        let text = &number.text;
        let whole = value.trunc();
        let message = format!(
            "`{key}` is {text} and `{spelled}` an integer: write a whole number, such as `{whole}`"
        );
        diag.error_at(number.span, message);
    }
}

fn about_text(rule: &WrittenRule, ty: &Type, diag: &mut Diagnostics) {
    let (key, element, bare) = (&rule.key, types::element(ty), types::bare(ty));
    let spelled = types::spelled(element);
    let list = types::kind(bare) == TypeKind::List;
    let length = matches!(rule.what, RuleKind::Count(..));
    match types::kind(element) {
        TypeKind::Int { .. } | TypeKind::Float if length && list => {
            let items = if key == "min_length" {
                "min_items"
            } else {
                "max_items"
            };
            let spelled = types::spelled(bare);
            diag.error(
                key,
                format_args!("`{key}` counts characters, `{spelled}` has items: write `{items}`"),
            );
        }
        TypeKind::Int { .. } | TypeKind::Float if length => {
            let bound = if key == "min_length" { "ge" } else { "le" };
            diag.error(
                key,
                format_args!("`{key}` counts characters, `{spelled}` is a number: write `{bound}`"),
            );
        }
        TypeKind::Int { .. } | TypeKind::Float if matches!(rule.what, RuleKind::OneOfText(_)) => {
            diag.error(
                key,
                format_args!("`{spelled}` is a number, write numbers: `one_of = [1, 2]`"),
            );
        }
        TypeKind::Int { .. } | TypeKind::Float => {
            let message = format!(
                "`{key}` is about text, `{spelled}` is a number: write `ge` and `le`, or make it a `String`"
            );
            diag.error(key, message);
        }
        TypeKind::Bool | TypeKind::Char => {
            diag.error(
                key,
                format_args!("`{key}` is about text, `{spelled}` is none: make it a `String`"),
            );
        }
        TypeKind::Text | TypeKind::List | TypeKind::Map | TypeKind::Unknown => {}
    }
}

fn about_items(rule: &WrittenRule, ty: &Type, diag: &mut Diagnostics) {
    let (key, bare) = (&rule.key, types::bare(ty));
    let spelled = types::spelled(bare);
    let message = match types::kind(bare) {
        TypeKind::List | TypeKind::Unknown => return,
        TypeKind::Map if !matches!(rule.what, RuleKind::UniqueItems) => return,
        TypeKind::Text if key == "min_items" || key == "max_items" => {
            let length = if key == "min_items" {
                "min_length"
            } else {
                "max_length"
            };
            format!("`{key}` counts items, `{spelled}` has characters: write `{length}`")
        }
        _ => format!("`{key}` is about lists, `{spelled}` is one value: write `Vec<{spelled}>`"),
    };
    diag.error(key, message);
}

/// Reports mistakes of a rule that do not depend on other rules.
fn stands_alone(rule: &WrittenRule, ty: &Type, diag: &mut Diagnostics) {
    match &rule.what {
        RuleKind::Bound(bound, number) => in_range(*bound, rule, number, ty, diag),
        RuleKind::Regex(source) => regex(source, diag),
        RuleKind::OneOfText(texts) => {
            for (index, text) in texts.iter().enumerate() {
                if texts[..index]
                    .iter()
                    .any(|before| before.value() == text.value())
                {
                    diag.error(
                        text,
                        format_args!("{} is listed twice, keep one", text.token()),
                    );
                }
            }
        }
        RuleKind::OneOfNumbers(numbers) => {
            for (index, number) in numbers.iter().enumerate() {
                if numbers[..index].iter().any(|before| equal(before, number)) {
                    diag.error_at(
                        number.span,
                        format_args!("{} is listed twice, keep one", number.text),
                    );
                }
            }
        }
        RuleKind::Count(..)
        | RuleKind::Format(..)
        | RuleKind::UniqueItems
        | RuleKind::Custom(_) => {}
    }
}

/// Reports a bound that no value of the integer type keeps.
fn in_range(
    bound: Bound,
    rule: &WrittenRule,
    number: &NumberLiteral,
    ty: &Type,
    diag: &mut Diagnostics,
) {
    let element = types::element(ty);
    let TypeKind::Int { signed, bits } = types::kind(element) else {
        return;
    };
    let (min, max) = types::limits(signed, bits);
    let impossible = match bound {
        Bound::Ge => number.value.compare(&max) == Some(Ordering::Greater),
        Bound::Gt => matches!(
            number.value.compare(&max),
            Some(Ordering::Greater | Ordering::Equal)
        ),
        Bound::Le => number.value.compare(&min) == Some(Ordering::Less),
        Bound::Lt => matches!(
            number.value.compare(&min),
            Some(Ordering::Less | Ordering::Equal)
        ),
        Bound::MultipleOf => false,
    };
    if impossible {
        let (key, spelled, text) = (&rule.key, types::spelled(element), &number.text);
        let message = format!("no `{spelled}` keeps `{key} = {text}`, it goes from {min} to {max}");
        diag.error_at(number.span, message);
    }
}

fn regex(source: &LitStr, diag: &mut Diagnostics) {
    if let Err(reason) = literal::regex(&source.value()) {
        diag.error(source, format_args!("the regex does not parse: {reason}"));
    }
}

pub(super) fn as_rule(bound: Bound, value: Num) -> Rule {
    match bound {
        Bound::Ge => Rule::Ge(value),
        Bound::Gt => Rule::Gt(value),
        Bound::Le => Rule::Le(value),
        Bound::Lt => Rule::Lt(value),
        Bound::MultipleOf => Rule::MultipleOf(value),
    }
}

pub(super) fn equal(one: &NumberLiteral, other: &NumberLiteral) -> bool {
    one.value.compare(&other.value) == Some(Ordering::Equal)
}
