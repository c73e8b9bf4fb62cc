//! `routes![list, admin::remove]`.
//!
//! The facade's `routes!` passes its own `$crate`, so that it works under any name and through any re-export.
//!
//! A function without an attribute is rustc's error E0747 ("constant provided when a type was expected"), which says
//! that the name is a function. A message of this crate would need an import of the path, `use list as __0`. That
//! import is ambiguous if a crate has the handler's name (`bytes`, `time`).

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::Path;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;

use crate::diag::Diagnostics;

/// Expands to the list of entries, in order.
pub(crate) fn routes(input: TokenStream) -> (TokenStream, Diagnostics) {
    let mut diag = Diagnostics::nameless("routes!");
    let (root, input) = root(input);
    let parser = Punctuated::<Path, syn::Token![,]>::parse_terminated;
    let paths = match parser.parse2(input) {
        Ok(paths) => paths,
        Err(error) => {
            diag.error_at(
                error.span(),
                format_args!(
                    "{error}: write the names of handlers, `routes![list, admin::remove]`"
                ),
            );
            Punctuated::new()
        }
    };
    let entries = paths
        .iter()
        .map(|path| quote::quote_spanned!(path.span()=> #root::__private::entry::<#path>()));
    let list = quote!(#root::__private::Routes::new([#(#entries),*]));
    // The output is one expression, even with mistakes.
    if diag.is_empty() {
        return (list, diag);
    }
    let errors = std::mem::replace(&mut diag, Diagnostics::nameless("routes!")).into_tokens();
    (quote!({ #errors #list }), diag)
}

/// The facade `[$crate]`, then the user's tokens.
fn root(input: TokenStream) -> (TokenStream, TokenStream) {
    let mut tokens = input.into_iter();
    match tokens.next() {
        Some(TokenTree::Group(root)) => (root.stream(), tokens.collect()),
        other => (quote!(::hybrid), other.into_iter().chain(tokens).collect()),
    }
}
