//! Generates one `Param` for each field: a static, or an associated constant if the type names a parameter of the
//! model.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{GenericParam, Generics, Member};

use crate::model_attr::generics::Mentions;
use crate::model_attr::model::{Field, Model};
use crate::model_attr::serde_attr::DefaultFn;
use crate::rules::{self, Expanded};

/// All `Param`s, with the functions that make the defaults.
pub(crate) fn statics(model: &Model) -> TokenStream {
    let mut out = TokenStream::new();
    let mut constants = TokenStream::new();
    for field in model.fields().filter(|field| field.is_named()) {
        let (place, ty) = (&field.place, &field.ty);
        let Expanded { statics, calls } = field.rules.expand(place, ty);
        out.extend(default_fn(model, field));
        out.extend(statics);
        let wire = &field.wire;
        let default = default_call(model, field);
        let csv = field.csv.then(|| quote!(.csv()));
        let spelled = field.is_spelled.then(|| quote!(.spelled()));
        let value = quote_spanned!(ty.span()=> __h::field(#wire));
        let param = quote!(#place: __h::Param<#ty> = #value #spelled #calls #default #csv;);
        if field.generic {
            constants.extend(quote!(const #param));
        } else {
            out.extend(quote!(static #param));
        }
    }
    if !constants.is_empty() {
        out.extend(holder(model, &constants));
    }
    out
}

/// A type with the model's parameters, for the constants that name them.
fn holder(model: &Model, constants: &TokenStream) -> TokenStream {
    let generics = super::impls::plain(model);
    let (impls, _, wheres) = generics.split_for_impl();
    let (declared, types, _) = model.generics.split_for_impl();
    let whole = model.generics.where_clause.as_ref();
    let name = &model.name;
    quote! {
        struct __Fields #declared (::core::marker::PhantomData<fn() -> #name #types>) #whole;
        impl #impls __Fields #types #wheres {
            #constants
        }
    }
}

/// The path of the field's `Param` in generated code.
pub(crate) fn reference(model: &Model, field: &Field) -> TokenStream {
    let place = &field.place;
    if field.generic {
        let (_, types, _) = model.generics.split_for_impl();
        let types = types.as_turbofish();
        quote!(&__Fields #types::#place)
    } else {
        quote!(&#place)
    }
}

/// `fn __default_limit() -> u32 { 20 }`: serde wants a function with a name.
fn default_fn(model: &Model, field: &Field) -> Option<TokenStream> {
    let (name, expr) = field.default_fn.as_ref()?;
    let ty = &field.ty;
    let value = rules::default_value(expr, ty);
    let mentioned = Mentions::new(&model.generics).of(ty);
    let mut generics = Generics::default();
    generics.params = model
        .generics
        .params
        .iter()
        .filter(|param| match param {
            GenericParam::Lifetime(lifetime) => mentioned.contains(&lifetime.lifetime.to_string()),
            GenericParam::Type(ty) => mentioned.contains(&ty.ident.to_string()),
            GenericParam::Const(constant) => mentioned.contains(&constant.ident.to_string()),
        })
        .cloned()
        .collect();
    let (generics, ..) = generics.split_for_impl();
    Some(quote! {
        fn #name #generics () -> #ty {
            #value
        }
    })
}

/// serde's default, for `Inspect`.
fn default_call(model: &Model, field: &Field) -> Option<TokenStream> {
    if let Some(default) = &field.serde.default {
        return Some(match default {
            DefaultFn::Standard => quote!(.default(::core::default::Default::default)),
            DefaultFn::Path(path) => quote!(.default(#path)),
        });
    }
    let whole = match field
        .from_whole
        .as_ref()
        .filter(|_| !field.rules.has_default())?
    {
        DefaultFn::Standard => {
            let (_, types, _) = model.generics.split_for_impl();
            let name = &model.name;
            quote!(<#name #types as ::core::default::Default>::default())
        }
        DefaultFn::Path(path) => quote!(#path()),
    };
    let member = &field.member;
    Some(quote!(.default(|| #whole.#member)))
}

impl Field {
    /// Whether the field has a `Param`: it is read, and has a key of its own.
    pub(crate) fn is_named(&self) -> bool {
        self.is_read() && !self.serde.flatten
    }

    /// The access to its value from `self`.
    pub(crate) fn position(&self) -> usize {
        match &self.member {
            Member::Unnamed(index) => index.index as usize,
            Member::Named(_) => 0,
        }
    }

    /// The name of the function that makes its default.
    pub(crate) fn default_name(place: &syn::Ident) -> syn::Ident {
        let own = place.to_string().to_lowercase();
        format_ident!("__default_{}", own.strip_prefix("__").unwrap_or(&own))
    }
}
