//! The words inside an attribute's parentheses, as written: `"x", ge = 1, deprecated, methods = [GET]`.
//!
//! The first stage of every attribute. It checks syntax and duplicates only. Later stages take the words that they
//! know, and the remaining words are reported as unknown.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Ident, LitStr, Path, Token};

use crate::diag::Diagnostics;

/// The words of one attribute.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Values without a word, in order.
    pub(crate) positional: Vec<Expr>,
    /// `word`, `word = value` and `word(..)`, in order. Each word occurs once.
    pub(crate) named: Vec<Opt>,
}

/// One word with its value.
#[derive(Debug, Clone)]
pub(crate) struct Opt {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// The value of a word.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// No value: a flag.
    Flag,
    /// `= expression`.
    Expr(Expr),
    /// `(tokens)`.
    Group(TokenStream),
}

impl Options {
    /// Reads the tokens. A part with a syntax error is reported and skipped up to the next comma.
    pub(crate) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        options.extend(tokens, diag);
        options
    }

    /// Adds the tokens of another attribute of the same kind.
    pub(crate) fn extend(&mut self, tokens: TokenStream, diag: &mut Diagnostics) {
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = self.one(input, diag) {
                    diag.syntax(error);
                    skip_to_comma(input)?;
                }
                if !input.is_empty()
                    && let Err(error) = input.parse::<Token![,]>()
                {
                    diag.syntax(error);
                    skip_to_comma(input)?;
                    input.parse::<Option<Token![,]>>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            diag.syntax(error);
        }
    }

    fn one(&mut self, input: ParseStream<'_>, diag: &mut Diagnostics) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) || input.peek2(Token![::]) {
            self.positional.push(input.parse()?);
            return Ok(());
        }
        let key = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() {
            Value::Expr(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let inside;
            syn::parenthesized!(inside in input);
            Value::Group(inside.parse()?)
        } else {
            Value::Flag
        };
        if self.named.iter().any(|opt| opt.key == key) {
            diag.error(&key, format_args!("`{key}` is given twice, keep one"));
        } else {
            self.named.push(Opt { key, value });
        }
        Ok(())
    }

    /// Takes the word, if it occurs.
    pub(crate) fn take(&mut self, word: &str) -> Option<Opt> {
        let at = self.named.iter().position(|opt| opt.key == word)?;
        Some(self.named.remove(at))
    }

    /// Takes the first word, if it has no value and is unknown: it may be a constant.
    pub(crate) fn take_first_flag(&mut self, known: &[&str]) -> Option<Ident> {
        let first = self.named.first()?;
        let alone =
            matches!(first.value, Value::Flag) && known.iter().all(|word| first.key != word);
        alone.then(|| self.named.remove(0).key)
    }

    /// Reports every word that was not taken.
    pub(crate) fn reject_rest(&self, known: &[&str], diag: &mut Diagnostics) {
        for opt in &self.named {
            diag.unknown(&opt.key, "option", known);
        }
    }
}

impl Opt {
    /// The value as a string literal. Other values are reported.
    pub(crate) fn text(&self, diag: &mut Diagnostics) -> Option<LitStr> {
        if let Value::Expr(expr) = &self.value
            && let Some(text) = as_str(expr)
        {
            return Some(text.clone());
        }
        let key = &self.key;
        diag.error_at(
            self.value_span(),
            format_args!("`{key}` takes a string: `{key} = \"..\"`"),
        );
        None
    }

    /// The value as a path, `module::function`. Other values are reported.
    pub(crate) fn path(&self, diag: &mut Diagnostics) -> Option<Path> {
        if let Value::Expr(Expr::Path(expr)) = &self.value
            && expr.qself.is_none()
        {
            return Some(expr.path.clone());
        }
        let key = &self.key;
        diag.error_at(
            self.value_span(),
            format_args!("`{key}` takes a path without quotes: `{key} = my_module::name`"),
        );
        None
    }

    /// The value as a single word. Other values are reported with the possible words.
    pub(crate) fn word(&self, known: &[&str], diag: &mut Diagnostics) -> Option<Ident> {
        if let Value::Expr(Expr::Path(expr)) = &self.value
            && let Some(word) = expr.path.get_ident()
        {
            return Some(word.clone());
        }
        let key = &self.key;
        let words = known.join(" | ");
        diag.error_at(
            self.value_span(),
            format_args!("`{key}` takes one word without quotes: `{key} = {words}`"),
        );
        None
    }

    /// A flag: `deprecated`, or `deprecated = true | false`.
    pub(crate) fn flag(&self, diag: &mut Diagnostics) -> bool {
        if let Value::Flag = self.value {
            return true;
        }
        if let Value::Expr(Expr::Lit(expr)) = &self.value
            && let syn::Lit::Bool(flag) = &expr.lit
        {
            return flag.value;
        }
        let key = &self.key;
        diag.error_at(
            self.value_span(),
            format_args!("`{key}` takes no value: `{key}`"),
        );
        false
    }

    /// The expression after `=`. A missing one is reported.
    pub(crate) fn expr(&self, diag: &mut Diagnostics) -> Option<&Expr> {
        if let Value::Expr(expr) = &self.value {
            return Some(expr);
        }
        let key = &self.key;
        diag.error(key, format_args!("`{key}` takes a value: `{key} = ..`"));
        None
    }

    /// The span of the value, or of the word if it has none.
    pub(crate) fn value_span(&self) -> Span {
        use syn::spanned::Spanned as _;
        match &self.value {
            Value::Flag => self.key.span(),
            Value::Expr(expr) => expr.span(),
            Value::Group(tokens) => tokens.span(),
        }
    }
}

/// The string literal, if the expression is one.
pub(crate) fn as_str(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text),
        Expr::Group(group) => as_str(&group.expr),
        Expr::Paren(paren) => as_str(&paren.expr),
        _ => None,
    }
}

/// Drops tokens up to the next comma, which stays.
fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::Options;
    use crate::diag::Diagnostics;

    #[test]
    fn positional_words_flags_and_groups_are_told_apart() {
        let mut diag = Diagnostics::new("handler", "x");
        let options = Options::parse(quote!("/x", ge = 1, deprecated, one(a, b)), &mut diag);
        assert!(diag.is_empty(), "{:?}", diag.messages());
        assert_eq!((options.positional.len(), options.named.len()), (1, 3));
    }

    #[test]
    fn a_second_mention_is_an_error_and_dropped() {
        let mut diag = Diagnostics::new("handler", "x");
        let options = Options::parse(quote!(ge = 1, ge = 2), &mut diag);
        assert_eq!(
            diag.messages(),
            ["handler `x`: `ge` is given twice, keep one"]
        );
        assert_eq!(options.named.len(), 1);
    }

    #[test]
    fn parsing_goes_on_after_a_syntax_error() {
        let mut diag = Diagnostics::new("handler", "x");
        let options = Options::parse(quote!(ge = , le = 2 3, lt = 4), &mut diag);
        assert_eq!(diag.len(), 2);
        assert!(options.named.iter().any(|opt| opt.key == "lt"));
    }
}
