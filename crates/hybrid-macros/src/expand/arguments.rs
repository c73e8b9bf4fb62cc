//! Generates one static for each single value, and one line for each argument.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Ident, Type};

use crate::model::{Argument, ArgumentKind, ArgumentSource, Signature, TextArgument};
use crate::rules;

/// `static __LIMIT: __h::Param<u32> = __h::query("limit").ge(1);`, for each single value.
pub(crate) fn statics(signature: &Signature) -> TokenStream {
    signature
        .params
        .iter()
        .filter_map(|param| Some(one_static(param, param.text()?)))
        .collect()
}

fn one_static(param: &Argument, text: &TextArgument) -> TokenStream {
    let TextArgument {
        source,
        wire,
        rules,
        place,
        ..
    } = text;
    let ty = &param.ty;
    // With the span of the type, since a rule that does not fit is an error of the type.
    let source = Ident::new(source.word(), ty.span());
    let named = quote_spanned!(ty.span()=> __h::#source(#wire));
    let rules::Expanded { statics, calls } = rules.expand(place, ty);
    let csv = text.csv.then(|| quote!(.csv()));
    quote! {
        #statics
        static #place: __h::Param<#ty> = #named #calls #csv;
    }
}

/// The arguments as a tuple: `(__h::text(&__LIMIT), __h::arg!(User),)`.
pub(crate) fn tuple(signature: &Signature) -> TokenStream {
    let lines = signature.params.iter().map(line);
    quote!((#(#lines,)*))
}

fn line(param: &Argument) -> TokenStream {
    let ty = &param.ty;
    match &param.read {
        ArgumentKind::Text(text) => {
            let mut place = text.place.clone();
            place.set_span(ty.span());
            let read = match text.source {
                ArgumentSource::Form => Ident::new("form_field", ty.span()),
                ArgumentSource::Path
                | ArgumentSource::Query
                | ArgumentSource::Header
                | ArgumentSource::Cookie => Ident::new("text", ty.span()),
            };
            quote_spanned!(ty.span()=> __h::#read(&#place))
        }
        ArgumentKind::RawBody => quote_spanned!(ty.span()=> __h::raw_body::<#ty>()),
        ArgumentKind::Extractor => quote_spanned!(ty.span()=> __h::arg!(#ty)),
    }
}

/// `|(__id, __limit)| orders(__id, __limit)`.
pub(crate) fn call(signature: &Signature) -> TokenStream {
    let name = &signature.name;
    let (pattern, bindings) = pattern(signature);
    quote_spanned!(name.span()=> |#pattern| #name(#(#bindings),*))
}

/// The tuple pattern that destructures the values, and its bindings.
pub(crate) fn pattern(signature: &Signature) -> (TokenStream, Vec<&Ident>) {
    let bindings: Vec<&Ident> = signature
        .params
        .iter()
        .map(|param| &param.binding)
        .collect();
    let pattern = match bindings.as_slice() {
        [one] => quote!((#one,)),
        several => quote!((#(#several),*)),
    };
    (pattern, bindings)
}

/// The error of a return type that is spelled `Result<_, E>`.
pub(crate) fn error_type(signature: &Signature) -> Option<&Type> {
    let output = signature.output.as_ref()?;
    if crate::types::is(output, "Result") {
        crate::types::argument(output, 1)
    } else {
        None
    }
}
