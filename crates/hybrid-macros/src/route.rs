//! The route attributes, such as `#[get("/x")]`: parse → model → check → expand.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;
use crate::parse::function::{Function, is_route};
use crate::{check, expand, model};

/// Expands the attribute on one handler. `method` is `None` for `#[route]`, which has `methods = [..]`.
pub(crate) fn route(
    method: Option<&'static str>,
    attr: TokenStream,
    item: TokenStream,
) -> (TokenStream, Diagnostics) {
    let mut function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => return unreadable(method, item, error),
    };
    let mut diag = Diagnostics::new("handler", function.name());
    let route = model::Route::build(method, attr, &mut function, &mut diag);
    check::route(&route, &function, &mut diag);
    let second = function.take_attrs(is_route);
    let rest = if diag.is_empty() {
        expand::route::route(&route)
    } else if function.sig.receiver().is_some() {
        TokenStream::new() // In an `impl`, where a struct may not stand.
    } else {
        expand::route::stub(&function, &route.signature.root)
    };
    debug_assert!(
        second.is_empty() || !diag.is_empty(),
        "a second route is reported"
    );
    function.allow_arguments();
    (quote!(#function #rest), diag)
}

/// The item is not a function. It is returned unchanged, and rustc reports more.
fn unreadable(
    method: Option<&'static str>,
    item: TokenStream,
    error: syn::Error,
) -> (TokenStream, Diagnostics) {
    let word = method.map_or_else(|| "route".to_owned(), str::to_lowercase);
    let mut diag = Diagnostics::nameless(&format!("#[{word}]"));
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(other) => diag.error(
            first_token(&other),
            "stands on a function: `async fn` or `fn`",
        ),
        Err(_) => diag.syntax(error),
    }
    (item, diag)
}

fn first_token(item: &syn::Item) -> TokenStream {
    use quote::ToTokens as _;
    item.to_token_stream().into_iter().take(1).collect()
}
