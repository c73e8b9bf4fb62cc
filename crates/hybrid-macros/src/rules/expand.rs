//! Generates the builder calls of a `Param` from its rules. It cannot fail: it reads only checked rules.

use hybrid_validate::{Format, Num};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Path, Type};

use super::parse::number;
use super::{Bound, Count, DefaultValue, NumberLiteral, RuleKind, Rules, Size};
use crate::options::as_str;
use crate::types::{self, TypeKind};

/// The tokens of one value's rules.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// `static __X_PATTERN: __h::Pattern = ..;`, one for each regex.
    pub(crate) statics: TokenStream,
    /// `.ge(1).le(100)`, after `__h::query("x")`.
    pub(crate) calls: TokenStream,
}

impl Rules {
    /// Generates the calls. `name` (`__LIMIT`) is the prefix of the names of statics and unique in its scope. Paths
    /// start at `__h`.
    pub(crate) fn expand(&self, name: &Ident, ty: &Type) -> Expanded {
        let mut out = Expanded::default();
        for rule in &self.list {
            let key = &rule.key;
            let argument = match &rule.what {
                RuleKind::Bound(bound, number) => {
                    out.calls.extend(bound_call(*bound, number, key.span()));
                    continue;
                }
                RuleKind::Count(count, size) => {
                    out.calls.extend(count_call(*count, size, key.span()));
                    continue;
                }
                RuleKind::Regex(source) => {
                    let pattern = format_ident!("{name}_PATTERN", span = Span::mixed_site());
                    out.statics.extend(
                        quote!(static #pattern: __h::Pattern = __h::Pattern::new(#source);),
                    );
                    quote!((&#pattern))
                }
                RuleKind::Format(format, _) => {
                    let variant = format_variant(*format);
                    quote!((__h::Format::#variant))
                }
                RuleKind::UniqueItems => quote!(()),
                RuleKind::OneOfText(texts) => {
                    out.calls
                        .extend(quote_spanned!(key.span()=> .one_of_text(&[#(#texts),*])));
                    continue;
                }
                RuleKind::Custom(path) => {
                    out.calls.extend(custom_call(path, ty));
                    continue;
                }
                RuleKind::OneOfNumbers(numbers) => {
                    let numbers = numbers.iter().map(num);
                    out.calls
                        .extend(quote_spanned!(key.span()=> .one_of_numbers(&[#(#numbers),*])));
                    continue;
                }
            };
            out.calls.extend(quote!(.#key #argument));
        }
        out.calls.extend(self.message_call());
        out.calls.extend(self.default_call(ty));
        out.calls.extend(self.prose());
        out
    }

    fn message_call(&self) -> Option<TokenStream> {
        let text = self.message.as_ref()?;
        Some(quote!(.message(#text)))
    }

    fn default_call(&self, ty: &Type) -> Option<TokenStream> {
        Some(match self.default.as_ref()? {
            DefaultValue::With(path) => quote!(.default(#path)),
            DefaultValue::Expr(expr) => {
                let value = default_value(expr, ty);
                quote!(.default(|| #value))
            }
        })
    }

    fn prose(&self) -> TokenStream {
        let description = self
            .description
            .iter()
            .map(|text| quote!(.description(#text)));
        let example = self.example.iter().map(|text| quote!(.example(#text)));
        let deprecated = self.deprecated.then(|| quote!(.deprecated()));
        quote!(#(#description)* #(#example)* #deprecated)
    }
}

/// The default as an expression of the type: a literal is converted to `String`, `Cow` or `Option`, other expressions
/// are unchanged.
pub(crate) fn default_value(expr: &Expr, ty: &Type) -> TokenStream {
    let inner = types::option(ty);
    let kind = types::kind(inner.unwrap_or(ty));
    if let (Expr::Array(array), TypeKind::List) = (expr, kind) {
        let element = types::argument(inner.unwrap_or(ty), 0).unwrap_or(ty);
        let elements = array.elems.iter().map(|expr| default_value(expr, element));
        let list = quote!(::core::convert::Into::into([#(#elements),*]));
        return if inner.is_some() {
            quote!(::core::option::Option::Some(#list))
        } else {
            list
        };
    }
    let value = match (as_str(expr), number(expr), kind) {
        (Some(text), _, TypeKind::Text | TypeKind::Unknown) => {
            quote!(::core::convert::Into::into(#text))
        }
        (
            _,
            Some(NumberLiteral {
                value: Num::Int(int),
                span,
                ..
            }),
            TypeKind::Float,
        ) => float(int as f64, span),
        (Some(_), ..) | (_, Some(_), _) => quote!(#expr),
        _ if matches!(expr, Expr::Lit(_)) => quote!(#expr),
        _ => return quote!(#expr),
    };
    if inner.is_some() {
        quote!(::core::option::Option::Some(#value))
    } else {
        value
    }
}

/// `.custom(|value, report| ..)`: the user's check of the value, or of each value in an `Option` or a list.
fn custom_call(path: &Path, ty: &Type) -> TokenStream {
    let site = Span::mixed_site().located_at(path.span());
    let (value, report) = (Ident::new("__value", site), Ident::new("__report", site));
    if types::holds_others(ty) {
        // The argument of the check decides, which only the compiler knows.
        return quote!(.custom(|#value, #report| __h::check_each!(#path, #ty, #value, #report)));
    }
    quote!(.custom(|#value: &#ty, #report| __h::custom(#path(#value), #report)))
}

/// `.ge(1)`, `.ge_uint(..)` or `.ge_float(0.5)`, by the literal.
fn bound_call(bound: Bound, number: &NumberLiteral, span: Span) -> TokenStream {
    let word = match bound {
        Bound::Ge => "ge",
        Bound::Gt => "gt",
        Bound::Le => "le",
        Bound::Lt => "lt",
        Bound::MultipleOf => "multiple_of",
    };
    let method = match number.value {
        Num::Int(_) => word.to_owned(),
        Num::Uint(_) => format!("{word}_uint"),
        Num::Float(_) => format!("{word}_float"),
    };
    let method = Ident::new(&method, span);
    let value = bare_number(number);
    quote!(.#method(#value))
}

fn count_call(count: Count, size: &Size, span: Span) -> TokenStream {
    let word = match count {
        Count::MinLength => "min_length",
        Count::MaxLength => "max_length",
        Count::MinItems => "min_items",
        Count::MaxItems => "max_items",
    };
    let method = Ident::new(word, span);
    let value = match size {
        Size::Literal(size, span) => {
            let mut literal = Literal::usize_unsuffixed(*size);
            literal.set_span(*span);
            quote!(#literal)
        }
        Size::Constant(expr) => quote!(#expr),
    };
    quote!(.#method(#value))
}

/// `__h::Num::Int(1)`.
fn num(number: &NumberLiteral) -> TokenStream {
    let value = bare_number(number);
    match number.value {
        Num::Int(_) => quote!(__h::Num::Int(#value)),
        Num::Uint(_) => quote!(__h::Num::Uint(#value)),
        Num::Float(_) => quote!(__h::Num::Float(#value)),
    }
}

/// The number without its suffix, with its span.
fn bare_number(number: &NumberLiteral) -> TokenStream {
    let (minus, mut literal) = match number.value {
        Num::Int(value) => (value < 0, Literal::u128_unsuffixed(value.unsigned_abs())),
        Num::Uint(value) => (false, Literal::u128_unsuffixed(value)),
        Num::Float(value) => return float(value, number.span),
    };
    literal.set_span(number.span);
    let minus = minus.then(|| quote_spanned!(number.span=> -));
    quote!(#minus #literal)
}

fn float(value: f64, span: Span) -> TokenStream {
    let mut literal = Literal::f64_unsuffixed(value.abs());
    literal.set_span(span);
    let minus = value.is_sign_negative().then(|| quote_spanned!(span=> -));
    quote!(#minus #literal)
}

fn format_variant(format: Format) -> Ident {
    let name = match format {
        Format::Email => "Email",
        Format::Uri => "Uri",
        Format::Uuid => "Uuid",
        Format::Ipv4 => "Ipv4",
        Format::Ipv6 => "Ipv6",
        Format::Date => "Date",
        Format::DateTime => "DateTime",
    };
    Ident::new(name, Span::call_site())
}
