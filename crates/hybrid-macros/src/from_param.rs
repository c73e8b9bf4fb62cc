//! `#[derive(FromParam)]`: an enum of words, one for each variant.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Fields, Ident, LitStr, Path, Variant};

use crate::case::Case;
use crate::derives;
use crate::diag::Diagnostics;
use crate::options::Options;
use crate::parse::function;

/// An enum of words.
struct Words {
    name: Ident,
    root: Path,
    words: Vec<Word>,
}

/// One variant with its words. The first is its name.
struct Word {
    variant: Ident,
    names: Vec<String>,
    docs: String,
}

/// Expands the derive.
pub(crate) fn derive(item: TokenStream) -> (TokenStream, Diagnostics) {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => {
            let mut diag = Diagnostics::nameless("#[derive(FromParam)]");
            diag.syntax(error);
            return (TokenStream::new(), diag);
        }
    };
    let mut diag = Diagnostics::new("type", &input.ident);
    let words = build(&input, &mut diag);
    (
        if diag.is_empty() {
            expand(&words)
        } else {
            stub(&words)
        },
        diag,
    )
}

fn build(input: &DeriveInput, diag: &mut Diagnostics) -> Words {
    let root = derives::root(&input.attrs, diag);
    let mut options = derives::options(&input.attrs, "param", diag);
    let case = options
        .take("rename_all")
        .and_then(|opt| opt.text(diag))
        .or_else(|| {
            let mut unheard = Diagnostics::nameless("serde");
            derives::foreign_options(&input.attrs, "serde")
                .take("rename_all")?
                .text(&mut unheard)
        });
    options.reject_rest(&["rename_all"], diag);
    if let Some(param) = input.generics.params.first() {
        diag.error(param, "words have no type parameters, remove them");
    }
    let mut words = Words {
        name: input.ident.clone(),
        root,
        words: Vec::new(),
    };
    let Data::Enum(data) = &input.data else {
        let message = "`FromParam` is derived for enums whose variants hold nothing: implement the trait for this type, \
                       or take a struct as `Query<T>`";
        diag.error(&input.ident, message);
        return words;
    };
    if data.variants.is_empty() {
        diag.error(
            &input.ident,
            "the enum has no variants, so no text could be one: add them",
        );
    }
    let case = case.and_then(|text| match Case::read(&text) {
        Ok(case) => Some(case),
        Err(error) => {
            diag.syntax(error);
            None
        }
    });
    for variant in &data.variants {
        word(variant, case, &mut words, diag);
    }
    words
}

fn word(variant: &Variant, case: Option<Case>, words: &mut Words, diag: &mut Diagnostics) {
    if !matches!(variant.fields, Fields::Unit) {
        let name = &variant.ident;
        diag.error(
            &variant.fields,
            format_args!("`{name}` holds values and a word holds none: remove them"),
        );
        return;
    }
    let mut own = derives::options(&variant.attrs, "param", diag);
    let mut serde = derives::foreign_options(&variant.attrs, "serde");
    let mut unheard = Diagnostics::nameless("serde");
    let renamed = own.take("rename").map(|opt| opt.text(diag));
    let renamed = renamed.unwrap_or_else(|| serde.take("rename")?.text(&mut unheard));
    let skipped = flag(&mut own, "skip", diag) | flag(&mut serde, "skip", &mut unheard);
    let alias = own.take("alias").and_then(|opt| opt.text(diag));
    let alias = alias.or_else(|| serde.take("alias")?.text(&mut unheard));
    own.reject_rest(&["rename", "alias", "skip"], diag);
    if skipped {
        return;
    }
    let ident = variant.ident.unraw().to_string();
    let cased = case.map(|case| case.variant(&ident));
    let name = renamed
        .as_ref()
        .map(LitStr::value)
        .or(cased)
        .unwrap_or(ident);
    let names: Vec<String> = std::iter::once(name)
        .chain(alias.map(|alias| alias.value()))
        .collect();
    for name in &names {
        if words.words.iter().any(|word| word.names.contains(name)) {
            diag.error(
                &variant.ident,
                format_args!("two variants are \"{name}\", rename one of them"),
            );
        }
    }
    let docs = function::docs(&variant.attrs).join("\n").trim().to_owned();
    words.words.push(Word {
        variant: variant.ident.clone(),
        names,
        docs,
    });
}

fn flag(options: &mut Options, word: &str, diag: &mut Diagnostics) -> bool {
    options.take(word).is_some_and(|opt| opt.flag(diag))
}

fn expand(words: &Words) -> TokenStream {
    let Words { name, root, words } = words;
    let arms = words.iter().map(|Word { variant, names, .. }| {
        quote!(#(#names)|* => ::core::result::Result::Ok(Self::#variant),)
    });
    let own = words.iter().map(|word| &word.names[0]);
    let described = words.iter().map(|Word { names, docs, .. }| {
        let own = &names[0];
        quote!((#own, #docs))
    });
    let inside = quote! {
        const __WORDS: &[&str] = &[#(#own),*];
        #[automatically_derived]
        impl __h::FromParam for #name {
            fn from_param(__text: &str) -> ::core::result::Result<Self, __h::ParamError> {
                match __text {
                    #(#arms)*
                    _ => ::core::result::Result::Err(__h::ParamError::one_of(__WORDS)),
                }
            }
            fn schema() -> __h::Value {
                ::core::convert::From::from(__h::shape::words(&[#(#described),*]))
            }
        }
    };
    derives::block(root, &inside)
}

fn stub(words: &Words) -> TokenStream {
    let Words { name, root, .. } = words;
    let inside = quote! {
        impl __h::FromParam for #name {
            fn from_param(_: &str) -> ::core::result::Result<Self, __h::ParamError> {
                ::core::unreachable!()
            }
        }
    };
    derives::block(root, &inside)
}
