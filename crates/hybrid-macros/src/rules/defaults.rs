//! Reports defaults that break the rules of their own value.

use hybrid_validate::Rule;
use quote::ToTokens as _;
use syn::{Expr, ExprArray, LitStr, Type};

use super::check::{as_rule, equal};
use super::parse::number;
use super::{Count, DefaultValue, RuleKind, Rules, Size, WrittenRule, search};
use crate::diag::Diagnostics;
use crate::options::as_str;
use crate::types::{self, TypeKind};

impl Rules {
    /// Requests do not check a default, so it is checked here.
    pub(super) fn check_default(&self, ty: &Type, diag: &mut Diagnostics) {
        let Some(DefaultValue::Expr(expr)) = &self.default else {
            return;
        };
        if let Expr::Array(array) = expr {
            self.check_default_list(array, ty, diag);
        } else {
            self.check_default_value(expr, ty, diag);
        }
    }

    /// Checks the number of items, then each item.
    fn check_default_list(&self, array: &ExprArray, ty: &Type, diag: &mut Diagnostics) {
        for rule in &self.list {
            let count = array.elems.len();
            let kept = match &rule.what {
                RuleKind::Count(Count::MinItems, Size::Literal(min, _)) => {
                    Rule::MinItems(*min).admits_count(count)
                }
                RuleKind::Count(Count::MaxItems, Size::Literal(max, _)) => {
                    Rule::MaxItems(*max).admits_count(count)
                }
                RuleKind::UniqueItems => !repeats(array),
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
                RuleKind::Bound(bound, limit) => {
                    as_rule(*bound, limit.value).admits_number(&default.value)
                }
                RuleKind::OneOfNumbers(known) => known.iter().any(|one| equal(one, &default)),
                _ => true,
            };
            if !kept {
                broken(&default.text, rule, expr, diag);
            }
        }
    }

    fn check_text_default(&self, default: &LitStr, ty: &Type, diag: &mut Diagnostics) {
        if !matches!(
            types::kind(types::bare(ty)),
            TypeKind::Text | TypeKind::Unknown
        ) {
            return; // The compiler says that a string is no such type.
        }
        let text = default.value();
        for rule in &self.list {
            let kept = match &rule.what {
                RuleKind::Count(Count::MinLength, Size::Literal(min, _)) => {
                    Rule::MinLength(*min).admits_text(&text)
                }
                RuleKind::Count(Count::MaxLength, Size::Literal(max, _)) => {
                    Rule::MaxLength(*max).admits_text(&text)
                }
                RuleKind::Format(format, _) => format.check(&text),
                RuleKind::Regex(source) => search::found(&source.value(), &text).unwrap_or(true),
                RuleKind::OneOfText(known) => known.iter().any(|one| one.value() == text),
                _ => true,
            };
            if !kept {
                broken(&format!("{text:?}"), rule, default, diag);
            }
        }
    }
}

/// Whether two literals have the same spelling.
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

fn broken(default: &str, rule: &WrittenRule, at: impl quote::ToTokens, diag: &mut Diagnostics) {
    let key = &rule.key;
    let shown = match &rule.what {
        RuleKind::Bound(_, number) => format!("`{key} = {}`", number.text),
        RuleKind::Count(_, Size::Literal(size, _)) => format!("`{key} = {size}`"),
        RuleKind::Regex(text) | RuleKind::Format(_, text) => format!("`{key} = {}`", text.token()),
        _ => format!("`{key}`"),
    };
    diag.error(
        at,
        format_args!("the default {default} breaks its own rule {shown}, change one of them"),
    );
}
