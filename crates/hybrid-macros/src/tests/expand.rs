//! Snapshots of whole expansions: what a reviewer sees when the generated code changes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;
use crate::route::route;

/// The expansion, printed as a file, or the messages where there is one.
fn shown((tokens, diag): (TokenStream, Diagnostics)) -> String {
    assert!(diag.is_empty(), "{:?}", diag.messages());
    let file = syn::parse2(tokens).expect("an expansion is a list of items");
    prettyplease::unparse(&file)
}

#[test]
fn three_parameters() {
    let attr = quote!("/orders/{id}");
    let item = quote! {
        /// Lists orders.
        ///
        /// Newest first.
        async fn orders(
            id: u64,
            #[query(ge = 1, le = 100, default = 20)] limit: u32,
            body: Json<Order>,
        ) -> Result<Json<Vec<Order>>, OrderError> {
            find(id, limit, body).await
        }
    };
    insta::assert_snapshot!(shown(route(Some("GET"), attr, item)));
}
