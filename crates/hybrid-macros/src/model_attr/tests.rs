//! Whole expansions of models, and the messages of models with mistakes.

use proc_macro2::TokenStream;
use quote::quote;

use super::parts;

/// The expansion, printed as a file.
fn shown(attr: TokenStream, item: TokenStream) -> String {
    let (tokens, diag) = parts(attr, item);
    assert!(diag.is_empty(), "{:?}", diag.messages());
    let file = syn::parse2(tokens).expect("an expansion is a list of items");
    prettyplease::unparse(&file)
}

/// The messages. Asserts that the output is still a list of items.
fn messages(attr: TokenStream, item: TokenStream) -> Vec<String> {
    let (tokens, diag) = parts(attr, item);
    syn::parse2::<syn::File>(tokens).expect("the item is written out again");
    diag.messages()
}

#[test]
fn a_struct() {
    let item = quote! {
        /// One item.
        #[derive(Debug, Clone)]
        pub struct DataItem {
            /// Item ID.
            #[field(ge = 1)]
            pub id: i64,
            #[field(ge = 0.0)]
            value: f64,
            #[field(max_length = 100)]
            name: Option<String>,
        }
    };
    insta::assert_snapshot!(shown(TokenStream::new(), item));
}

#[test]
fn dates_are_read_in_one_form() {
    let item = quote! {
        struct Stay {
            from: chrono::NaiveDate,
            until: Option<NaiveDate>,
        }
    };
    insta::assert_snapshot!(shown(quote!(input), item));
}

#[test]
fn defaults_and_patterns() {
    let item = quote! {
        struct ProcessData {
            #[field(min_items = 1, max_items = 1000)]
            data: Vec<DataItem>,
            #[field(default = "standard", regex = r"^(standard|advanced|premium)$")]
            processing_type: String,
        }
    };
    insta::assert_snapshot!(shown(
        quote!(deny_unknown, validate = ProcessData::check),
        item
    ));
}

#[test]
fn a_generic_struct() {
    let item = quote! {
        struct Page<T> {
            #[field(max_items = 100)]
            items: Vec<T>,
            next: Option<u64>,
        }
    };
    insta::assert_snapshot!(shown(quote!(input), item));
}

#[test]
fn a_newtype() {
    let item = quote! {
        struct Age(#[field(le = 150)] u8);
    };
    insta::assert_snapshot!(shown(TokenStream::new(), item));
}

#[test]
fn words() {
    let item = quote! {
        #[derive(Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum Level {
            VeryLow,
            High,
        }
    };
    insta::assert_snapshot!(shown(TokenStream::new(), item));
}

#[test]
fn a_tagged_enum() {
    let item = quote! {
        #[serde(tag = "kind")]
        enum Shape {
            Point,
            Circle {
                #[field(gt = 0)]
                radius: f64,
            },
            Other(Polygon),
        }
    };
    insta::assert_snapshot!(shown(TokenStream::new(), item));
}

#[test]
fn an_output() {
    let item = quote! {
        struct Receipt {
            id: u64,
            #[field(alias = "totalCents", ge = 0)]
            total_cents: i64,
        }
    };
    insta::assert_snapshot!(shown(quote!(output), item));
}

#[test]
fn mistakes_are_reported_all_at_once() {
    let item = quote! {
        #[serde(bound = "T: Copy")]
        struct Broken {
            #[field(ge = 5, le = 1)]
            a: u8,
            #[field(regx = "x")]
            b: &'static str,
            #[serde(borrow)]
            c: String,
            #[serde(rename = "a")]
            d: u8,
            #[cfg(unix)]
            e: u8,
        }
    };
    insta::assert_snapshot!(messages(quote!(inptu), item).join("\n"));
}
