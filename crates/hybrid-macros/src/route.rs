//! `#[get("/x")]` and its like: parse → model → check → expand.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;
use crate::parse::function::Function;
use crate::{check, expand, model};

/// The attributes that make a route.
pub(crate) const ATTRIBUTES: &[&str] = &[
    "get", "post", "put", "patch", "delete", "head", "options", "route",
];

/// Expands the attribute on one handler. `method` is `None` for `#[route]`, which names its methods itself.
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
    check::route(&route, &mut diag);
    let rest = if diag.is_empty() {
        expand::route::route(&route)
    } else {
        expand::route::stub(&function, &route.signature.root)
    };
    (quote!(#function #rest), diag)
}

fn unreadable(
    method: Option<&'static str>,
    item: TokenStream,
    error: syn::Error,
) -> (TokenStream, Diagnostics) {
    let word = method.map_or_else(|| "route".to_owned(), str::to_lowercase);
    let mut diag = Diagnostics::nameless(&format!("#[{word}]"));
    diag.syntax(error);
    (item, diag)
}
