//! `#[derive(Problem)]`: a typed error. Its variants have a status and a code.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, LitStr, Path};

use crate::diag::Diagnostics;
use crate::options::{Opt, Options};
use crate::{case, derives, settings};

/// The words of `#[problem(..)]`.
const WORDS: &[&str] = &["status", "code", "title", "detail"];

/// A type with its variants.
struct Typed {
    name: Ident,
    generics: Generics,
    root: Path,
    kinds: Vec<ProblemVariant>,
}

/// One variant, and the pattern of its values.
struct ProblemVariant {
    pattern: TokenStream,
    status: u16,
    code: String,
    title: String,
    detail: Option<LitStr>,
}

/// The words of `#[problem(..)]` on a type or a variant.
#[derive(Default)]
struct ProblemWords {
    status: Option<u16>,
    code: Option<String>,
    title: Option<String>,
    detail: Option<LitStr>,
}

/// Expands the derive.
pub(crate) fn derive(item: TokenStream) -> (TokenStream, Diagnostics) {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => {
            let mut diag = Diagnostics::nameless("#[derive(Problem)]");
            diag.syntax(error);
            return (TokenStream::new(), diag);
        }
    };
    let mut diag = Diagnostics::new("problem", &input.ident);
    let typed = build(&input, &mut diag);
    (
        if diag.is_empty() {
            expand(&typed)
        } else {
            stub(&typed)
        },
        diag,
    )
}

fn build(input: &DeriveInput, diag: &mut Diagnostics) -> Typed {
    let root = derives::root(&input.attrs, diag);
    let mut kinds = Vec::new();
    let all = said(&input.attrs, diag);
    match &input.data {
        Data::Struct(_) => {
            let name = &input.ident;
            kinds.extend(kind(
                quote!(Self { .. }),
                name,
                all,
                ProblemWords::default(),
                diag,
            ));
        }
        Data::Enum(data) => {
            if data.variants.is_empty() {
                diag.error(
                    &input.ident,
                    "the enum has no variants, so it is no error that could happen: add them",
                );
            }
            refuse_one_code_for_all(&all, data.variants.len(), input, diag);
            for variant in &data.variants {
                let name = &variant.ident;
                let pattern = match variant.fields {
                    Fields::Unit => quote!(Self::#name),
                    Fields::Named(_) | Fields::Unnamed(_) => quote!(Self::#name { .. }),
                };
                let own = said(&variant.attrs, diag);
                let all = ProblemWords {
                    status: all.status,
                    title: all.title.clone(),
                    ..ProblemWords::default()
                };
                kinds.extend(kind(pattern, name, own, all, diag));
            }
        }
        Data::Union(data) => diag.error(data.union_token, "an error is an `enum` or a `struct`"),
    }
    twice(&kinds, input, diag);
    Typed {
        name: input.ident.clone(),
        generics: input.generics.clone(),
        root,
        kinds,
    }
}

fn said(attrs: &[Attribute], diag: &mut Diagnostics) -> ProblemWords {
    let mut options = derives::options(attrs, "problem", diag);
    let said = ProblemWords {
        status: options.take("status").and_then(|opt| status(&opt, diag)),
        code: text(&mut options, "code", diag)
            .filter(|code| code_is_sound(code, diag))
            .map(|code| code.value()),
        title: text(&mut options, "title", diag).map(|title| title.value()),
        detail: text(&mut options, "detail", diag).filter(|detail| detail_is_fixed(detail, diag)),
    };
    options.reject_rest(WORDS, diag);
    said
}

fn text(options: &mut Options, word: &str, diag: &mut Diagnostics) -> Option<LitStr> {
    options.take(word)?.text(diag)
}

fn status(opt: &Opt, diag: &mut Diagnostics) -> Option<u16> {
    let expr = opt.expr(diag)?;
    let status = settings::integer(expr).and_then(|number| u16::try_from(number).ok());
    let status = status.filter(|status| (400..600).contains(status));
    if status.is_none() {
        diag.error(
            expr,
            "the status of an error is a number from 400 to 599: `status = 404`",
        );
    }
    status
}

fn code_is_sound(code: &LitStr, diag: &mut Diagnostics) -> bool {
    let text = code.value();
    let sound = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !sound {
        diag.error(
            code,
            "a code is one word for machines, letters, digits and `_`: `code = \"no_user\"`",
        );
    }
    sound
}

/// A detail is a fixed text. `Display` can contain values.
fn detail_is_fixed(detail: &LitStr, diag: &mut Diagnostics) -> bool {
    let fixed = !detail.value().contains('{');
    if !fixed {
        diag.error(detail, "`detail` is a fixed text: for one with values in it implement `Display`, which is used without `detail`");
    }
    fixed
}

fn refuse_one_code_for_all(
    all: &ProblemWords,
    variants: usize,
    input: &DeriveInput,
    diag: &mut Diagnostics,
) {
    if variants > 1 && (all.code.is_some() || all.detail.is_some()) {
        diag.error(
            &input.ident,
            "`code` and `detail` tell variants apart: write them on the variants",
        );
    }
}

/// Builds a variant from its attribute, that of the type, and its name.
fn kind(
    pattern: TokenStream,
    name: &Ident,
    own: ProblemWords,
    all: ProblemWords,
    diag: &mut Diagnostics,
) -> Option<ProblemVariant> {
    let text = name.unraw().to_string();
    let Some(status) = own.status.or(all.status) else {
        if diag.is_empty() {
            diag.error(
                name,
                format_args!("`{text}` has no status: write `#[problem(status = 404)]`"),
            );
        }
        return None;
    };
    Some(ProblemVariant {
        pattern,
        status,
        code: own.code.unwrap_or_else(|| case::code(&text)),
        title: own
            .title
            .or(all.title)
            .unwrap_or_else(|| case::sentence(&text)),
        detail: own.detail,
    })
}

/// Clients distinguish variants by their codes, so each code is unique.
fn twice(kinds: &[ProblemVariant], input: &DeriveInput, diag: &mut Diagnostics) {
    for (index, kind) in kinds.iter().enumerate() {
        if kinds[..index]
            .iter()
            .any(|before| before.code == kind.code && before.status != kind.status)
        {
            let code = &kind.code;
            diag.error(
                &input.ident,
                format_args!("the code \"{code}\" has two statuses, give each its own code"),
            );
        }
    }
}

fn expand(typed: &Typed) -> TokenStream {
    let Typed {
        name,
        generics,
        root,
        kinds,
    } = typed;
    let (params, arguments, bounds) = generics.split_for_impl();
    let list = kinds.iter().map(
        |ProblemVariant {
             status,
             code,
             title,
             ..
         }| {
            let status = Literal::u16_unsuffixed(*status);
            quote!(__h::Kind::new(#status, #code, #title))
        },
    );
    let arms = kinds.iter().enumerate().map(
        |(
            index,
            ProblemVariant {
                pattern, detail, ..
            },
        )| {
            let index = Literal::usize_unsuffixed(index);
            let detail = match detail {
                Some(detail) => quote!(.with_detail(#detail)),
                None => quote!(.maybe_detail(__h::detail!(self))),
            };
            quote!(#pattern => __h::Problem::of(&Self::KINDS[#index]) #detail,)
        },
    );
    // The linker's table holds concrete types, not generic ones.
    let submit = generics
        .params
        .is_empty()
        .then(|| quote!(__h::submit_error!(#name);));
    let inside = quote! {
        #[automatically_derived]
        impl #params __h::ProblemKind for #name #arguments #bounds {
            const KINDS: &'static [__h::Kind] = &[#(#list),*];
            fn problem(&self) -> __h::Problem {
                match self {
                    #(#arms)*
                }
            }
        }
        #[automatically_derived]
        impl #params __h::IntoResponse for #name #arguments #bounds {
            fn into_response(self) -> __h::Response {
                __h::answer!(Self, self)
            }
        }
        #submit
    };
    derives::block(root, &inside)
}

fn stub(typed: &Typed) -> TokenStream {
    let Typed {
        name,
        generics,
        root,
        ..
    } = typed;
    let (params, arguments, bounds) = generics.split_for_impl();
    let inside = quote! {
        impl #params __h::ProblemKind for #name #arguments #bounds {
            const KINDS: &'static [__h::Kind] = &[];
            fn problem(&self) -> __h::Problem {
                ::core::unreachable!()
            }
        }
        impl #params __h::IntoResponse for #name #arguments #bounds {
            fn into_response(self) -> __h::Response {
                ::core::unreachable!()
            }
        }
    };
    derives::block(root, &inside)
}
