//! Shared by the derives: the path of the facade, and the attributes of a type or variant.

use proc_macro2::TokenStream;
use syn::{Attribute, Path, parse_quote};

use crate::diag::Diagnostics;
use crate::options::Options;

/// The words of every `#[name(..)]` among the attributes.
pub(crate) fn options(attrs: &[Attribute], name: &str, diag: &mut Diagnostics) -> Options {
    let mut options = Options::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        match &attr.meta {
            syn::Meta::List(list) => options.extend(list.tokens.clone(), diag),
            syn::Meta::Path(_) => {}
            syn::Meta::NameValue(pair) => diag.error(pair, format_args!("write `#[{name}(..)]`")),
        }
    }
    for value in std::mem::take(&mut options.positional) {
        diag.error(
            value,
            format_args!("a value needs its word in front: `#[{name}(word = ..)]`"),
        );
    }
    options
}

/// The words of every `#[name(..)]` that belongs to another crate's derive. That crate reports the mistakes there.
pub(crate) fn foreign_options(attrs: &[Attribute], name: &str) -> Options {
    let mut unheard = Diagnostics::nameless(name);
    let mut options = Options::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        if let syn::Meta::List(list) = &attr.meta {
            options.extend(list.tokens.clone(), &mut unheard);
        }
    }
    options
}

/// `#[hybrid(crate = path)]`, or `::hybrid`.
pub(crate) fn root(attrs: &[Attribute], diag: &mut Diagnostics) -> Path {
    let mut options = options(attrs, "hybrid", diag);
    let root = options.take("crate").and_then(|opt| opt.path(diag));
    options.reject_rest(&["crate"], diag);
    root.unwrap_or_else(|| parse_quote!(::hybrid))
}

/// The block that separates generated names from the user's names.
pub(crate) fn block(root: &Path, inside: &TokenStream) -> TokenStream {
    quote::quote! {
        const _: () = {
            use #root::__private as __h;
            #inside
        };
    }
}
