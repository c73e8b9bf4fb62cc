//! `routes![list, admin::remove]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;

use crate::diag::Diagnostics;

/// Expands to the list of entries, in order.
pub(crate) fn routes(input: TokenStream) -> (TokenStream, Diagnostics) {
    let mut diag = Diagnostics::nameless("routes!");
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
        .map(|path| quote::quote_spanned!(path.span()=> ::hybrid::__private::entry::<#path>()));
    let list = quote!(::hybrid::__private::Routes::new([#(#entries),*]));
    // One expression, whatever is wrong.
    if diag.is_empty() {
        return (list, diag);
    }
    let errors = std::mem::replace(&mut diag, Diagnostics::nameless("routes!")).into_tokens();
    (quote!({ #errors #list }), diag)
}
