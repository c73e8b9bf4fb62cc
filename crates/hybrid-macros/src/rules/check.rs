//! Literals against each other, against the type as it is spelled, and the default against all of them.
//!
//! Each check reports at the literal that is wrong. What only the compiler knows (the rules of a type behind an
//! alias) is asserted by the bounds of `Param`'s methods instead.

use std::cmp::Ordering;

use hybrid_validate::{Num, Rule as Judge, literal};
use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Expr, ExprArray, LitStr, Type};

use super::parse::number;
use super::{Bound, Count, DefaultValue, Number, Rule, Rules, Size, What, search};
use crate::diag::Diagnostics;
use crate::options::as_str;
use crate::types::{self, Kind};

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

    /// A message without a rule would never be said.
    fn words(&self, diag: &mut Diagnostics) {
        if let (Some(text), true) = (&self.message, self.list.is_empty()) {
            let message =
                "`message` stands for the text of this value's rules, and it has none: add a rule";
            diag.error(text, message);
        }
    }

    /// `ge > le` and its like: no value could keep both.
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

    /// A default is not checked when a request comes, so it is checked here.
    fn check_default(&self, ty: &Type, diag: &mut Diagnostics) {
        let Some(DefaultValue::Expr(expr)) = &self.default else {
            return;
        };
        if let Expr::Array(array) = expr {
            self.check_default_list(array, ty, diag);
        } else {
            self.check_default_value(expr, ty, diag);
        }
    }

    /// The number of items, then each of them.
    fn check_default_list(&self, array: &ExprArray, ty: &Type, diag: &mut Diagnostics) {
        for rule in &self.list {
            let count = array.elems.len();
            let kept = match &rule.what {
                What::Count(Count::MinItems, Size::Literal(min, _)) => {
                    Judge::MinItems(*min).admits_count(count)
                }
                What::Count(Count::MaxItems, Size::Literal(max, _)) => {
                    Judge::MaxItems(*max).admits_count(count)
                }
                What::UniqueItems => !repeats(array),
                _ => true,
            };
            if !kept {
                broken(&format!("of {count} items"), rule, array, diag);
            }
        }
        for element in &array.elems {
            self.check_default_value(element, types::element(ty), diag);
        }
    }

    fn check_default_value(&self, expr: &Expr, ty: &Type, diag: &mut Diagnostics) {
        if let Some(text) = as_str(expr) {
            return self.check_text_default(text, ty, diag);
        }
        let Some(default) = number(expr) else { return };
        for rule in &self.list {
            let kept = match &rule.what {
                What::Bound(bound, limit) => {
                    judge(*bound, limit.value).admits_number(&default.value)
                }
                What::OneOfNumbers(known) => known.iter().any(|one| equal(one, &default)),
                _ => true,
            };
            if !kept {
                broken(&default.text, rule, expr, diag);
            }
        }
    }

    fn check_text_default(&self, default: &LitStr, ty: &Type, diag: &mut Diagnostics) {
        if !matches!(types::kind(types::bare(ty)), Kind::Text | Kind::Unknown) {
            return; // The compiler says that a string is no such type.
        }
        let text = default.value();
        for rule in &self.list {
            let kept = match &rule.what {
                What::Count(Count::MinLength, Size::Literal(min, _)) => {
                    Judge::MinLength(*min).admits_text(&text)
                }
                What::Count(Count::MaxLength, Size::Literal(max, _)) => {
                    Judge::MaxLength(*max).admits_text(&text)
                }
                What::Format(format, _) => format.check(&text),
                What::Regex(source) => search::found(&source.value(), &text).unwrap_or(true),
                What::OneOfText(known) => known.iter().any(|one| one.value() == text),
                _ => true,
            };
            if !kept {
                broken(&format!("{text:?}"), rule, default, diag);
            }
        }
    }
}

/// Whether two of the literals are spelled alike.
fn repeats(array: &ExprArray) -> bool {
    let literal = |expr: &&Expr| as_str(expr).is_some() || number(expr).is_some();
    let literals = array.elems.iter().filter(literal);
    let mut spelled: Vec<String> = literals
        .map(|expr| expr.to_token_stream().to_string())
        .collect();
    let count = spelled.len();
    spelled.sort();
    spelled.dedup();
    spelled.len() < count
}

fn broken(default: &str, rule: &Rule, at: impl quote::ToTokens, diag: &mut Diagnostics) {
    let key = &rule.key;
    let shown = match &rule.what {
        What::Bound(_, number) => format!("`{key} = {}`", number.text),
        What::Count(_, Size::Literal(size, _)) => format!("`{key} = {size}`"),
        What::Regex(text) | What::Format(_, text) => format!("`{key} = {}`", text.token()),
        _ => format!("`{key}`"),
    };
    diag.error(
        at,
        format_args!("the default {default} breaks its own rule {shown}, change one of them"),
    );
}

/// Whether the rule is about what the type is.
fn fits_type(rule: &Rule, ty: &Type, diag: &mut Diagnostics) {
    match &rule.what {
        What::Bound(_, number) => about_numbers(rule, std::slice::from_ref(number), ty, diag),
        What::OneOfNumbers(numbers) => about_numbers(rule, numbers, ty, diag),
        What::Custom(_) => {}
        What::Count(Count::MinItems | Count::MaxItems, _) | What::UniqueItems => {
            about_items(rule, ty, diag)
        }
        What::Count(Count::MinLength | Count::MaxLength, _)
        | What::Regex(_)
        | What::Format(..)
        | What::OneOfText(_) => about_text(rule, ty, diag),
    }
}

fn about_numbers(rule: &Rule, numbers: &[Number], ty: &Type, diag: &mut Diagnostics) {
    let (key, element) = (&rule.key, types::element(ty));
    let spelled = types::spelled(element);
    match types::kind(element) {
        Kind::Int { .. } => {
            for number in numbers {
                whole(rule, number, &spelled, diag);
            }
        }
        Kind::Text if matches!(rule.what, What::OneOfNumbers(_)) => {
            diag.error_at(
                numbers[0].span,
                format_args!("`{spelled}` is text, write strings: `one_of = [\"1\"]`"),
            );
        }
        Kind::Text => {
            let message = format!(
                "`{key}` compares numbers, `{spelled}` is text: for its length write `min_length` or `max_length`"
            );
            diag.error(key, message);
        }
        Kind::Bool | Kind::Char => {
            diag.error(
                key,
                format_args!("`{key}` compares numbers, `{spelled}` is none: remove it"),
            );
        }
        Kind::Float | Kind::List | Kind::Map | Kind::Unknown => {}
    }
}

/// Integers are compared as integers, so a bound of theirs is one.
fn whole(rule: &Rule, number: &Number, spelled: &str, diag: &mut Diagnostics) {
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

fn about_text(rule: &Rule, ty: &Type, diag: &mut Diagnostics) {
    let (key, element, bare) = (&rule.key, types::element(ty), types::bare(ty));
    let spelled = types::spelled(element);
    let list = types::kind(bare) == Kind::List;
    let length = matches!(rule.what, What::Count(..));
    match types::kind(element) {
        Kind::Int { .. } | Kind::Float if length && list => {
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
        Kind::Int { .. } | Kind::Float if length => {
            let bound = if key == "min_length" { "ge" } else { "le" };
            diag.error(
                key,
                format_args!("`{key}` counts characters, `{spelled}` is a number: write `{bound}`"),
            );
        }
        Kind::Int { .. } | Kind::Float if matches!(rule.what, What::OneOfText(_)) => {
            diag.error(
                key,
                format_args!("`{spelled}` is a number, write numbers: `one_of = [1, 2]`"),
            );
        }
        Kind::Int { .. } | Kind::Float => {
            let message = format!(
                "`{key}` is about text, `{spelled}` is a number: write `ge` and `le`, or make it a `String`"
            );
            diag.error(key, message);
        }
        Kind::Bool | Kind::Char => {
            diag.error(
                key,
                format_args!("`{key}` is about text, `{spelled}` is none: make it a `String`"),
            );
        }
        Kind::Text | Kind::List | Kind::Map | Kind::Unknown => {}
    }
}

fn about_items(rule: &Rule, ty: &Type, diag: &mut Diagnostics) {
    let (key, bare) = (&rule.key, types::bare(ty));
    let spelled = types::spelled(bare);
    let message = match types::kind(bare) {
        Kind::List | Kind::Unknown => return,
        Kind::Map if !matches!(rule.what, What::UniqueItems) => return,
        Kind::Text if key == "min_items" || key == "max_items" => {
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

/// What is wrong with a rule whatever else is said.
fn stands_alone(rule: &Rule, ty: &Type, diag: &mut Diagnostics) {
    match &rule.what {
        What::Bound(bound, number) => in_range(*bound, rule, number, ty, diag),
        What::Regex(source) => regex(source, diag),
        What::OneOfText(texts) => {
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
        What::OneOfNumbers(numbers) => {
            for (index, number) in numbers.iter().enumerate() {
                if numbers[..index].iter().any(|before| equal(before, number)) {
                    diag.error_at(
                        number.span,
                        format_args!("{} is listed twice, keep one", number.text),
                    );
                }
            }
        }
        What::Count(..) | What::Format(..) | What::UniqueItems | What::Custom(_) => {}
    }
}

/// A bound that no value of the integer type keeps.
fn in_range(bound: Bound, rule: &Rule, number: &Number, ty: &Type, diag: &mut Diagnostics) {
    let element = types::element(ty);
    let Kind::Int { signed, bits } = types::kind(element) else {
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

/// `ge` above `le`, `min_length` above `max_length`.
fn contradict(low: &Rule, high: &Rule, diag: &mut Diagnostics) {
    match (&low.what, &high.what) {
        (What::Bound(a, low_value), What::Bound(b, high_value)) => {
            let pair = [judge(*a, low_value.value), judge(*b, high_value.value)];
            if literal::contradiction(&pair).is_some_and(|(first, _)| low.key == first.name()) {
                let equal_is_wrong = *a == Bound::Gt || *b == Bound::Lt;
                let (a, b) = (shown(low, &low_value.text), shown(high, &high_value.text));
                exceeds(&a, &b, equal_is_wrong, low_value.span, diag);
            }
        }
        (
            What::Count(a, Size::Literal(low_size, span)),
            What::Count(b, Size::Literal(high_size, _)),
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

fn shown(rule: &Rule, value: impl std::fmt::Display) -> String {
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

/// `ge` beside `gt`, `le` beside `lt`: one of them says nothing.
fn twice(first: &Rule, second: &Rule, diag: &mut Diagnostics) {
    let side = |rule: &Rule| match rule.what {
        What::Bound(Bound::Ge | Bound::Gt, _) => 1,
        What::Bound(Bound::Le | Bound::Lt, _) => 2,
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

fn judge(bound: Bound, value: Num) -> Judge {
    match bound {
        Bound::Ge => Judge::Ge(value),
        Bound::Gt => Judge::Gt(value),
        Bound::Le => Judge::Le(value),
        Bound::Lt => Judge::Lt(value),
        Bound::MultipleOf => Judge::MultipleOf(value),
    }
}

fn equal(one: &Number, other: &Number) -> bool {
    one.value.compare(&other.value) == Some(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;
    use syn::Type;

    use super::super::Rules;
    use crate::diag::Diagnostics;
    use crate::options::Options;

    fn check(ty: TokenStream, words: TokenStream, expected: &[&str]) {
        let mut diag = Diagnostics::new("f", "x");
        let shown = words.to_string();
        let mut options = Options::parse(words, &mut diag);
        let ty: Type = syn::parse2(ty).expect("a type");
        Rules::take(&mut options, &mut diag).check(&ty, &mut diag);
        options.reject_rest(super::super::WORDS, &mut diag);
        let got: Vec<String> = diag
            .messages()
            .iter()
            .map(|text| text.replace("f `x`: ", ""))
            .collect();
        assert_eq!(got, expected, "{shown}");
    }

    #[test]
    fn sound_rules_say_nothing() {
        check(
            quote!(u32),
            quote!(ge = 1, le = 100, default = 20, description = "x"),
            &[],
        );
        check(
            quote!(Option<f64>),
            quote!(gt = 0, lt = 1.5, default = 1),
            &[],
        );
        check(
            quote!(Vec<String>),
            quote!(min_items = 1, max_length = 5, unique_items),
            &[],
        );
        check(quote!(Id), quote!(ge = 1, regex = "x"), &[]);
        check(
            quote!(i128),
            quote!(ge = -170141183460469231731687303715884105728),
            &[],
        );
        check(
            quote!(u128),
            quote!(le = 340282366920938463463374607431768211455),
            &[],
        );
        check(
            quote!(String),
            quote!(regex = "^(a|b)$", default = "a", one_of = ["a", "b"]),
            &[],
        );
        check(quote!(u8), quote!(ge = 0xff, one_of = [255, 1_0]), &[]);
        check(quote!(u64), quote!(ge = u32::MAX, le = std::u64::MAX), &[]);
        check(
            quote!(Vec<u8>),
            quote!(max_items = 2, le = 9, default = [1, 9]),
            &[],
        );
    }

    #[test]
    fn contradictions_are_at_the_lower_bound() {
        check(
            quote!(u32),
            quote!(ge = 10, le = 5),
            &["`ge` (10) must not exceed `le` (5)"],
        );
        check(
            quote!(u32),
            quote!(lt = 5, gt = 5),
            &["`gt` (5) must be below `lt` (5)"],
        );
        check(
            quote!(String),
            quote!(min_length = 3, max_length = 2),
            &["`min_length` (3) must not exceed `max_length` (2)"],
        );
        check(
            quote!(u32),
            quote!(ge = 1, gt = 2),
            &["`ge` and `gt` bound the same side, keep one"],
        );
    }

    #[test]
    fn rules_fit_their_type() {
        check(
            quote!(u32),
            quote!(regex = "x"),
            &[
                "`regex` is about text, `u32` is a number: write `ge` and `le`, or make it a `String`",
            ],
        );
        check(
            quote!(String),
            quote!(ge = 1),
            &[
                "`ge` compares numbers, `String` is text: for its length write `min_length` or `max_length`",
            ],
        );
        check(
            quote!(u32),
            quote!(min_items = 1),
            &["`min_items` is about lists, `u32` is one value: write `Vec<u32>`"],
        );
        check(
            quote!(Vec<u32>),
            quote!(min_length = 1),
            &["`min_length` counts characters, `Vec<u32>` has items: write `min_items`"],
        );
        check(
            quote!(u32),
            quote!(ge = 0.5),
            &["`ge` is 0.5 and `u32` an integer: write a whole number, such as `0`"],
        );
        check(
            quote!(u8),
            quote!(ge = 256),
            &["no `u8` keeps `ge = 256`, it goes from 0 to 255"],
        );
        check(
            quote!(u8),
            quote!(lt = 0),
            &["no `u8` keeps `lt = 0`, it goes from 0 to 255"],
        );
    }

    #[test]
    fn defaults_keep_their_own_rules() {
        check(
            quote!(u32),
            quote!(ge = 1, default = 0),
            &["the default 0 breaks its own rule `ge = 1`, change one of them"],
        );
        check(
            quote!(f64),
            quote!(multiple_of = 0.1, default = 0.25),
            &["the default 0.25 breaks its own rule `multiple_of = 0.1`, change one of them"],
        );
        check(
            quote!(String),
            quote!(default = "c", one_of = ["a", "b"]),
            &["the default \"c\" breaks its own rule `one_of`, change one of them"],
        );
        check(
            quote!(Option<String>),
            quote!(default = "c", regex = "^a$"),
            &["the default \"c\" breaks its own rule `regex = \"^a$\"`, change one of them"],
        );
        check(
            quote!(String),
            quote!(default = "ää", max_length = 1),
            &["the default \"ää\" breaks its own rule `max_length = 1`, change one of them"],
        );
    }

    #[test]
    fn lists_that_stand_in_are_judged_item_by_item() {
        check(
            quote!(Vec<u8>),
            quote!(max_items = 1, le = 9, default = [1, 10]),
            &[
                "the default of 2 items breaks its own rule `max_items = 1`, change one of them",
                "the default 10 breaks its own rule `le = 9`, change one of them",
            ],
        );
        check(
            quote!(Vec<String>),
            quote!(unique_items, default = ["a", "b", "a"]),
            &["the default of 3 items breaks its own rule `unique_items`, change one of them"],
        );
    }

    #[test]
    fn a_message_belongs_to_a_rule() {
        check(quote!(u32), quote!(ge = 1, message = "x"), &[]);
        check(quote!(u32), quote!(custom = even, message = "x"), &[]);
        check(
            quote!(u32),
            quote!(message = "x"),
            &["`message` stands for the text of this value's rules, and it has none: add a rule"],
        );
        check(
            quote!(u32),
            quote!(ge = 1, message = " "),
            &["`message` must not be empty, say what is expected"],
        );
    }

    #[test]
    fn words_and_values_are_judged() {
        check(
            quote!(u32),
            quote!(gee = 1),
            &["unknown option `gee`, did you mean `ge`?"],
        );
        check(
            quote!(String),
            quote!(regex = "("),
            &["the regex does not parse: unclosed group"],
        );
        check(
            quote!(String),
            quote!(format = "mail"),
            &["unknown format \"mail\", did you mean \"email\"?"],
        );
        check(
            quote!(u32),
            quote!(ge = "1"),
            &["`ge` takes a number: `ge = 1`, or `ge = 0.5` for a float"],
        );
        check(
            quote!(u32),
            quote!(multiple_of = 0),
            &["`multiple_of` takes a number above 0"],
        );
        check(
            quote!(String),
            quote!(one_of = []),
            &["`one_of` is empty, so that no value could be right: name at least one"],
        );
        check(
            quote!(u32),
            quote!(default = 1, default_with = x),
            &["`default` and `default_with` exclude each other, keep one"],
        );
    }
}
