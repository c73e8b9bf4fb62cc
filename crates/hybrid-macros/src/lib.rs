//! The attributes of hybrid.
//!
//! Their documentation stands on the re-exports of the facade, where its examples compile. Every entry point here is one
//! line that hands `proc_macro2` tokens to a plain function, so that each stage (parse, model, check, expand) is tested
//! without a compiler around it.

mod diag;
mod model_attr;
mod options;
mod types;

use proc_macro::TokenStream;

/// See `hybrid::model`.
#[proc_macro_attribute]
pub fn model(attr: TokenStream, item: TokenStream) -> TokenStream {
    model_attr::model(attr.into(), item.into()).into()
}
