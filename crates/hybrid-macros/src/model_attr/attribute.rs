//! The attribute itself.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use super::model::Model;
use super::{check, expand, item};
use crate::diag::Diagnostics;
use crate::options::Options;

/// Expands `#[model(attr)] item`.
pub(crate) fn model(attr: TokenStream, item: TokenStream) -> TokenStream {
    let (mut tokens, diag) = parts(attr, item);
    tokens.extend(diag.into_tokens());
    tokens
}

/// The expansion, and the mistakes.
pub(crate) fn parts(attr: TokenStream, item: TokenStream) -> (TokenStream, Diagnostics) {
    let mut parsed: DeriveInput = match syn::parse2(item.clone()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let mut diag = Diagnostics::nameless("#[model]");
            diag.error_at(
                error.span(),
                format_args!("{error}: it belongs on a struct or an enum"),
            );
            return (item, diag);
        }
    };
    let mut diag = Diagnostics::new("model", &parsed.ident);
    let kept = item::take_derives(&mut parsed, &mut diag);
    let options = Options::parse(attr, &mut diag);
    let model = Model::build(options, &parsed, &mut diag);
    check::model(&model, &mut diag);
    if diag.is_empty() {
        let item = item::expand(&parsed, &model, &kept);
        let rest = expand::model(&parsed, &model, &kept);
        (quote!(#item #rest), diag)
    } else {
        let item = item::bare(&parsed, &kept);
        let rest = expand::stub(&model, &kept);
        (quote!(#item #rest), diag)
    }
}
