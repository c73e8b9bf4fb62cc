//! The attributes of hybrid.
//!
//! The facade documents them on its re-exports, where the examples compile. Every entry point here passes `proc_macro2`
//! tokens to a plain function, so each stage (parse, model, check, expand) can be tested without a compiler.
#![warn(clippy::needless_pass_by_value, clippy::self_named_module_files)]

mod case;
mod check;
mod derives;
mod diag;
mod expand;
mod extractor;
mod from_param;
mod middleware;
mod model;
mod model_attr;
mod options;
mod parse;
mod problem;
mod route;
mod routes;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod types;

use proc_macro::TokenStream;

use diag::Diagnostics;

/// A handler for `GET`. See `hybrid::get`.
#[proc_macro_attribute]
pub fn get(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("GET"), attr.into(), item.into()))
}

/// A handler for `POST`. See `hybrid::post`.
#[proc_macro_attribute]
pub fn post(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("POST"), attr.into(), item.into()))
}

/// A handler for `PUT`. See `hybrid::put`.
#[proc_macro_attribute]
pub fn put(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("PUT"), attr.into(), item.into()))
}

/// A handler for `PATCH`. See `hybrid::patch`.
#[proc_macro_attribute]
pub fn patch(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("PATCH"), attr.into(), item.into()))
}

/// A handler for `DELETE`. See `hybrid::delete`.
#[proc_macro_attribute]
pub fn delete(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("DELETE"), attr.into(), item.into()))
}

/// A handler for `HEAD`. See `hybrid::head`.
#[proc_macro_attribute]
pub fn head(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("HEAD"), attr.into(), item.into()))
}

/// A handler for `OPTIONS`. See `hybrid::options`.
#[proc_macro_attribute]
pub fn options(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(Some("OPTIONS"), attr.into(), item.into()))
}

/// A handler for several methods. See `hybrid::route`.
#[proc_macro_attribute]
pub fn route(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(route::route(None, attr.into(), item.into()))
}

/// A list of handlers. See `hybrid::routes`.
#[proc_macro]
pub fn routes(input: TokenStream) -> TokenStream {
    whole(routes::routes(input.into()))
}

/// A function that makes a value for handlers. See `hybrid::extractor`.
#[proc_macro_attribute]
pub fn extractor(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(extractor::extractor(attr.into(), item.into()))
}

/// A function around handlers. See `hybrid::middleware`.
#[proc_macro_attribute]
pub fn middleware(attr: TokenStream, item: TokenStream) -> TokenStream {
    whole(middleware::middleware(attr.into(), item.into()))
}

/// An enum whose variants are words. See `hybrid::FromParam`.
#[proc_macro_derive(FromParam, attributes(param, hybrid))]
pub fn from_param(item: TokenStream) -> TokenStream {
    whole(from_param::derive(item.into()))
}

/// A typed error with status and code. See `hybrid::Problem`.
#[proc_macro_derive(Problem, attributes(problem, hybrid))]
pub fn problem(item: TokenStream) -> TokenStream {
    whole(problem::derive(item.into()))
}

/// Rules, schema and serde for a type. See `hybrid::model`.
#[proc_macro_attribute]
pub fn model(attr: TokenStream, item: TokenStream) -> TokenStream {
    model_attr::model(attr.into(), item.into()).into()
}

/// The expansion of an item, and its mistakes.
fn whole((mut tokens, diag): (proc_macro2::TokenStream, Diagnostics)) -> TokenStream {
    tokens.extend(diag.into_tokens());
    tokens.into()
}
