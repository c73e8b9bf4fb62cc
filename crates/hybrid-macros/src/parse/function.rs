//! A function whose body is not parsed, so that an editor can work with an unfinished line in it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Ident, Signature, Type, Visibility, parse_quote};

use super::param::RawParam;
use crate::diag::Diagnostics;

/// The number of arguments that clippy allows by default.
const CLIPPY_ARGUMENTS_MAX: usize = 7;

/// A function item as written.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs,
            vis,
            sig,
            body,
        } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}

impl Function {
    /// The function's name.
    pub(crate) fn name(&self) -> &Ident {
        &self.sig.ident
    }

    /// Whether it is an `async fn`.
    pub(crate) fn is_async(&self) -> bool {
        self.sig.asyncness.is_some()
    }

    /// The type after `->`.
    pub(crate) fn output(&self) -> Option<&Type> {
        match &self.sig.output {
            syn::ReturnType::Default => None,
            syn::ReturnType::Type(_, ty) => Some(ty),
        }
    }

    /// Removes this crate's attributes from the arguments and returns them with pattern and type. The rest is plain
    /// Rust.
    pub(crate) fn take_params(&mut self, diag: &mut Diagnostics) -> Vec<RawParam> {
        let mut params = Vec::new();
        for input in &mut self.sig.inputs {
            if let FnArg::Typed(arg) = input {
                params.push(RawParam::take(arg, diag));
            }
        }
        params
    }

    /// The `#[cfg(..)]`s, which all generated items must have too.
    pub(crate) fn cfgs(&self) -> Vec<Attribute> {
        self.attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cfg"))
            .cloned()
            .collect()
    }

    /// Allows more arguments than clippy does: a handler has as many as the request needs.
    pub(crate) fn allow_arguments(&mut self) {
        if self.sig.inputs.len() > CLIPPY_ARGUMENTS_MAX {
            self.attrs
                .push(parse_quote!(#[allow(clippy::too_many_arguments)]));
        }
    }

    /// Removes and returns the attributes that match `ours`.
    pub(crate) fn take_attrs(&mut self, ours: impl Fn(&Attribute) -> bool) -> Vec<Attribute> {
        let (taken, kept) = std::mem::take(&mut self.attrs).into_iter().partition(ours);
        self.attrs = kept;
        taken
    }
}

/// The text of doc comments, one entry for each line, without the leading space.
pub(crate) fn docs(attrs: &[Attribute]) -> Vec<String> {
    let lines = attrs
        .iter()
        .filter(|attr| attr.path().is_ident("doc"))
        .filter_map(|attr| {
            let syn::Meta::NameValue(pair) = &attr.meta else {
                return None;
            };
            crate::options::as_str(&pair.value).map(syn::LitStr::value)
        });
    let mut out = Vec::new();
    for text in lines {
        out.extend(
            text.split('\n')
                .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()),
        );
    }
    out
}

/// The attributes that make a route.
const ATTRIBUTES: &[&str] = &[
    "get", "post", "put", "patch", "delete", "head", "options", "route",
];

/// Whether an attribute makes a route: `#[get(..)]` or `#[hybrid::get(..)]`.
pub(crate) fn is_route(attr: &Attribute) -> bool {
    let segments = &attr.path().segments;
    let ours = segments.len() == 1
        || segments
            .first()
            .is_some_and(|first| first.ident == "hybrid");
    ours && segments
        .last()
        .is_some_and(|last| ATTRIBUTES.iter().any(|name| last.ident == name))
}
