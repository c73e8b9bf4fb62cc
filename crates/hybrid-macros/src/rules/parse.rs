//! Reads words as rules. Checks each value on its own: a number where a number is needed, a known format.

use hybrid_validate::{Format, Num};
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use super::{Bound, Count, DefaultValue, NumberLiteral, RuleKind, Rules, Size, WrittenRule};
use crate::diag::Diagnostics;
use crate::options::{Opt, Options, Value, as_str};
use crate::types::{self, TypeKind};

/// The names that `format` knows.
const FORMATS: &[&str] = &["email", "uri", "uuid", "ipv4", "ipv6", "date", "date-time"];

impl Rules {
    /// Takes the words of all rules, and of the documentation of the value, from the options.
    pub(crate) fn take(options: &mut Options, diag: &mut Diagnostics) -> Self {
        let mut rules = Self::default();
        let named = std::mem::take(&mut options.named);
        for opt in named {
            if !rules.word(&opt, diag) {
                options.named.push(opt);
            }
        }
        rules
    }

    /// Reads one word. `false` if it is unknown.
    fn word(&mut self, opt: &Opt, diag: &mut Diagnostics) -> bool {
        let word = opt.key.to_string();
        match word.as_str() {
            "message" => self.message = opt.text(diag).filter(|text| said(text, opt, diag)),
            "default" => self.default_value(opt, diag),
            "default_with" => self.default_with(opt, diag),
            "alias" => self.alias = opt.text(diag).filter(|text| named(text, opt, diag)),
            "description" => self.description = opt.text(diag).map(|text| text.value()),
            "example" => self.example = opt.expr(diag).and_then(|expr| example(expr, diag)),
            "deprecated" => self.deprecated = opt.flag(diag),
            _ => return self.rule(&word, opt, diag),
        }
        true
    }

    /// Reads one rule.
    fn rule(&mut self, word: &str, opt: &Opt, diag: &mut Diagnostics) -> bool {
        let what = match word {
            "ge" => bound(Bound::Ge, opt, diag),
            "gt" => bound(Bound::Gt, opt, diag),
            "le" => bound(Bound::Le, opt, diag),
            "lt" => bound(Bound::Lt, opt, diag),
            "multiple_of" => bound(Bound::MultipleOf, opt, diag),
            "min_length" => count(Count::MinLength, opt, diag),
            "max_length" => count(Count::MaxLength, opt, diag),
            "min_items" => count(Count::MinItems, opt, diag),
            "max_items" => count(Count::MaxItems, opt, diag),
            "regex" => opt.text(diag).map(RuleKind::Regex),
            "format" => format(opt, diag),
            "unique_items" => opt.flag(diag).then_some(RuleKind::UniqueItems),
            "one_of" => one_of(opt, diag),
            "custom" => opt.path(diag).map(RuleKind::Custom),
            _ => return false,
        };
        if let Some(what) = what {
            self.list.push(WrittenRule {
                key: opt.key.clone(),
                what,
            });
        }
        true
    }

    fn default_value(&mut self, opt: &Opt, diag: &mut Diagnostics) {
        if let Value::Flag = opt.value {
            let message = "`default` takes the value that stands in: `default = 20`, or `default_with = path`";
            return diag.error(&opt.key, message);
        }
        let Some(expr) = opt.expr(diag) else { return };
        if self.default.is_some() {
            return diag.error(
                &opt.key,
                "`default` and `default_with` exclude each other, keep one",
            );
        }
        self.default = Some(DefaultValue::Expr(expr.clone()));
    }

    fn default_with(&mut self, opt: &Opt, diag: &mut Diagnostics) {
        if self.default.is_some() {
            return diag.error(
                &opt.key,
                "`default` and `default_with` exclude each other, keep one",
            );
        }
        self.default = opt.path(diag).map(DefaultValue::With);
    }
}

/// A wire name must not be empty.
fn named(text: &syn::LitStr, opt: &Opt, diag: &mut Diagnostics) -> bool {
    if text.value().is_empty() {
        diag.error(
            text,
            format_args!(
                "`{}` must not be empty, write the name that clients send",
                opt.key
            ),
        );
    }
    !text.value().is_empty()
}

/// A message must not be empty.
fn said(text: &syn::LitStr, opt: &Opt, diag: &mut Diagnostics) -> bool {
    let empty = text.value().trim().is_empty();
    if empty {
        diag.error(
            text,
            format_args!("`{}` must not be empty, say what is expected", opt.key),
        );
    }
    !empty
}

fn bound(bound: Bound, opt: &Opt, diag: &mut Diagnostics) -> Option<RuleKind> {
    let expr = opt.expr(diag)?;
    let Some(number) = number(expr) else {
        let key = &opt.key;
        let message = match expr {
            Expr::Path(_) => format!(
                "`{key}` takes a number itself, since it is checked when the macro runs: `{key} = 1`"
            ),
            _ => format!("`{key}` takes a number: `{key} = 1`, or `{key} = 0.5` for a float"),
        };
        diag.error(expr, message);
        return None;
    };
    let zero = Num::Int(0);
    if bound == Bound::MultipleOf
        && number.value.compare(&zero) != Some(std::cmp::Ordering::Greater)
    {
        diag.error(expr, "`multiple_of` takes a number above 0");
        return None;
    }
    Some(RuleKind::Bound(bound, number))
}

fn count(count: Count, opt: &Opt, diag: &mut Diagnostics) -> Option<RuleKind> {
    let expr = opt.expr(diag)?;
    let size = match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        }) => int
            .base10_parse()
            .ok()
            .map(|size| Size::Literal(size, int.span())),
        Expr::Path(_) => Some(Size::Constant(expr.clone())),
        _ => None,
    };
    if size.is_none() {
        let key = &opt.key;
        diag.error(
            expr,
            format_args!("`{key}` takes a whole number from 0 up: `{key} = 1`"),
        );
    }
    size.map(|size| RuleKind::Count(count, size))
}

fn format(opt: &Opt, diag: &mut Diagnostics) -> Option<RuleKind> {
    let text = opt.text(diag)?;
    let name = text.value();
    let known = Format::from_name(&name);
    if known.is_none() {
        let hint = match crate::diag::nearest(&name, FORMATS) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("it is one of {}", crate::diag::list(FORMATS)),
        };
        diag.error(&text, format_args!("unknown format \"{name}\", {hint}"));
    }
    known.map(|format| RuleKind::Format(format, text))
}

fn one_of(opt: &Opt, diag: &mut Diagnostics) -> Option<RuleKind> {
    let expr = opt.expr(diag)?;
    let Expr::Array(array) = expr else {
        diag.error(
            expr,
            "`one_of` takes a list of literals: `one_of = [\"asc\", \"desc\"]`",
        );
        return None;
    };
    if array.elems.is_empty() {
        diag.error(
            expr,
            "`one_of` is empty, so that no value could be right: name at least one",
        );
        return None;
    }
    let texts: Vec<_> = array.elems.iter().filter_map(as_str).cloned().collect();
    let numbers: Vec<_> = array.elems.iter().filter_map(number).collect();
    if texts.len() == array.elems.len() {
        return Some(RuleKind::OneOfText(texts));
    }
    if numbers.len() == array.elems.len() {
        return Some(RuleKind::OneOfNumbers(numbers));
    }
    diag.error(
        expr,
        "`one_of` takes literals of one kind: all strings, or all numbers",
    );
    None
}

/// A literal as text for the API description.
fn example(expr: &Expr, diag: &mut Diagnostics) -> Option<String> {
    let text = literal_text(expr);
    if text.is_none() {
        diag.error(expr, "`example` takes a literal: `example = \"abc\"`");
    }
    text
}

/// The text of a string literal, or the digits of a number literal.
fn literal_text(expr: &Expr) -> Option<String> {
    if let Some(text) = as_str(expr) {
        return Some(text.value());
    }
    if let Some(number) = number(expr) {
        return Some(number.text);
    }
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Bool(flag),
            ..
        }) => Some(flag.value.to_string()),
        Expr::Lit(ExprLit {
            lit: Lit::Char(one),
            ..
        }) => Some(one.value().to_string()),
        _ => None,
    }
}

/// The number literal with its sign, if the expression is one.
pub(super) fn number(expr: &Expr) -> Option<NumberLiteral> {
    let (minus, literal) = match expr {
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => ("-", &**expr),
        Expr::Group(group) => return number(&group.expr),
        Expr::Paren(paren) => return number(&paren.expr),
        other => ("", other),
    };
    if let (Expr::Path(path), "") = (literal, minus) {
        return limit(&path.path);
    }
    let Expr::Lit(ExprLit { lit, .. }) = literal else {
        return None;
    };
    let value = match lit {
        Lit::Int(int) if matches!(int.suffix(), "f32" | "f64") => {
            float(minus, int.base10_digits())?
        }
        Lit::Int(int) => integer(minus, int.base10_digits())?,
        Lit::Float(real) => float(minus, real.base10_digits())?,
        _ => return None,
    };
    let text = format!("{minus}{}", lit.to_token_stream());
    Some(NumberLiteral {
        value,
        span: expr.span(),
        text,
    })
}

/// Constants such as `u32::MAX`, whose values are known.
fn limit(path: &syn::Path) -> Option<NumberLiteral> {
    let mut segments = path.segments.iter().rev();
    let (which, of) = (&segments.next()?.ident, segments.next()?);
    let ty = syn::Type::Path(syn::TypePath {
        attrs: Vec::new(),
        qself: None,
        path: of.ident.clone().into(),
    });
    let TypeKind::Int { signed, bits } = types::kind(&ty) else {
        return None;
    };
    let (min, max) = types::limits(signed, bits);
    let value = match which.to_string().as_str() {
        "MIN" => min,
        "MAX" => max,
        _ => return None,
    };
    let text = format!("{}::{which}", of.ident);
    Some(NumberLiteral {
        value,
        span: path.span(),
        text,
    })
}

fn integer(minus: &str, digits: &str) -> Option<Num> {
    let text = format!("{minus}{digits}");
    text.parse()
        .map(Num::Int)
        .or_else(|_| text.parse().map(Num::Uint))
        .ok()
}

fn float(minus: &str, digits: &str) -> Option<Num> {
    let value: f64 = format!("{minus}{digits}").parse().ok()?;
    value.is_finite().then_some(Num::Float(value))
}
