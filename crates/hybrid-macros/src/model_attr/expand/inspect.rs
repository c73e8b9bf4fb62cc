//! Generates `Inspect`, which finds every fault: one line for each field, and calls of named runtime functions.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::checks::may_hold_rules;
use super::impls::implement;
use super::params;
use crate::model_attr::generics;
use crate::model_attr::model::{Body, Field, Form, Model, Shape, ShapeKind, Variant};
use crate::types;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let body = body(model);
    let keeps = keeps_empty(model);
    let absent = absent(model);
    let survey = survey(model);
    let inside = quote! {
        #keeps
        fn inspect(__input: __h::Input<'_>, __report: &mut __h::Report) -> ::core::option::Option<Self> {
            #body
        }
        #absent
        #survey
        fn check_deep(&self, __report: &mut __h::Report) {
            __h::check_deep(self, __report);
        }
    };
    implement(
        &generics::inspect(model),
        &quote!(__h::Inspect),
        model,
        &inside,
    )
}

fn body(model: &Model) -> TokenStream {
    if let Some(ty) = &model.serde.from {
        return quote! {
            __h::made_from(__input, __report, __h::inspector!(#ty), <Self as ::core::convert::From<#ty>>::from)
        };
    }
    if let Some(ty) = &model.serde.try_from {
        return quote! {
            __h::tried_from(
                __input, __report, __h::inspector!(#ty), <Self as ::core::convert::TryFrom<#ty>>::try_from,
            )
        };
    }
    match &model.body {
        Body::Struct(shape) => {
            let read = read(model, shape, &quote!(Self));
            quote! {
                let __mark = __report.found();
                #read
                ::core::option::Option::Some(__h::across(__value, __mark, __report))
            }
        }
        Body::Enum(Form::Untagged, variants) => {
            let forms = read_variants(variants).map(|(_, variant)| form(model, variant));
            quote!(__h::untagged(__input, __report, &[#(#forms),*]))
        }
        Body::Enum(form, variants) => {
            let names = names(variants);
            let value = tagged(model, form, variants);
            quote! {
                #names
                let __mark = __report.found();
                #value
                ::core::option::Option::Some(__h::across(__value?, __mark, __report))
            }
        }
    }
}

/// Statements that end with `let __value = Name { .. };`.
fn read(model: &Model, shape: &Shape, constructor: &TokenStream) -> TokenStream {
    if model.serde.transparent {
        return whole(model, shape, constructor);
    }
    match shape.kind {
        ShapeKind::Named => named(model, shape, constructor),
        ShapeKind::Newtype => whole(model, shape, constructor),
        ShapeKind::Tuple => tuple(model, shape, constructor),
        ShapeKind::Unit => quote! {
            <() as __h::Inspect>::inspect(__input, __report)?;
            let __value = #constructor;
        },
    }
}

fn named(model: &Model, shape: &Shape, constructor: &TokenStream) -> TokenStream {
    let lines = shape
        .fields
        .iter()
        .filter(|field| field.is_read())
        .map(|field| {
            let binding = &field.binding;
            let inspector = inspector(field);
            if field.serde.flatten {
                return quote!(let #binding = __fields.flat(#inspector, __report););
            }
            let (param, aliases) = (params::reference(model, field), &field.serde.aliases);
            quote!(let #binding = __fields.read(#param, &[#(#aliases),*], #inspector, __report);)
        });
    let unknown = model
        .deny
        .then(|| quote!(__fields.refuse_unknown(__report);));
    let values = values(shape);
    quote! {
        let __fields = __h::Fields::open(__input, __report)?;
        #(#lines)*
        #unknown
        let __value = #constructor #values;
    }
}

fn whole(model: &Model, shape: &Shape, constructor: &TokenStream) -> TokenStream {
    let lines = shape
        .fields
        .iter()
        .filter(|field| field.is_read())
        .map(|field| {
            let (binding, param) = (&field.binding, params::reference(model, field));
            let inspector = inspector(field);
            quote!(let #binding = __h::read_whole(#param, #inspector, __input, __report);)
        });
    let values = values(shape);
    quote! {
        #(#lines)*
        let __value = #constructor #values;
    }
}

fn tuple(model: &Model, shape: &Shape, constructor: &TokenStream) -> TokenStream {
    let read: Vec<&Field> = shape
        .fields
        .iter()
        .filter(|field| field.is_read())
        .collect();
    let count = Literal::usize_unsuffixed(read.len());
    let lines = read.iter().enumerate().map(|(index, field)| {
        let index = Literal::usize_unsuffixed(index);
        let (binding, param) = (&field.binding, params::reference(model, field));
        let inspector = inspector(field);
        quote!(let #binding = __elements.read(#index, #param, #inspector, __report);)
    });
    let values = values(shape);
    quote! {
        let __elements = __h::Elements::exactly(#count, __input, __report)?;
        #(#lines)*
        let __value = #constructor #values;
    }
}

/// `{ id: __id?, .. }` or `(__0?, ..)`.
fn values(shape: &Shape) -> TokenStream {
    let value = |field: &Field| {
        let binding = &field.binding;
        match (&field.serde.skip, field.default_path()) {
            (false, _) => quote!(#binding?),
            (true, Some(path)) => quote!(#path()),
            (true, None) => quote!(::core::default::Default::default()),
        }
    };
    let list = shape.fields.iter().map(|field| {
        let (member, value) = (&field.member, value(field));
        if shape.kind == ShapeKind::Named {
            quote!(#member: #value)
        } else {
            value
        }
    });
    match shape.kind {
        ShapeKind::Named => quote!({ #(#list),* }),
        ShapeKind::Newtype | ShapeKind::Tuple => quote!((#(#list),*)),
        ShapeKind::Unit => TokenStream::new(),
    }
}

/// The inspector of the field's type: by its traits, or by the user's function.
fn inspector(field: &Field) -> TokenStream {
    let ty = &field.ty;
    match &field.serde.with {
        Some(path) => quote! {
            __h::Inspector::new(|__input, __report| __h::inspect_with(__input, __report, #path, #path))
        },
        None => quote_spanned!(ty.span()=> __h::inspector!(#ty)),
    }
}

/// An empty text is a value of a text type.
fn keeps_empty(model: &Model) -> Option<TokenStream> {
    let Body::Struct(shape) = &model.body else {
        return None;
    };
    let single = shape.kind == ShapeKind::Newtype || model.serde.transparent;
    let text = shape
        .fields
        .iter()
        .any(|field| types::kind(&field.ty) == types::TypeKind::Text);
    (single && text).then(|| {
        quote!(
            const KEEPS_EMPTY: bool = true;
        )
    })
}

/// A missing transparent type is like its missing field.
fn absent(model: &Model) -> Option<TokenStream> {
    let Body::Struct(shape) = &model.body else {
        return None;
    };
    let field = shape.fields.iter().find(|field| field.is_read())?;
    if !model.serde.transparent || field.serde.with.is_some() {
        return None;
    }
    let (binding, ty, values) = (&field.binding, &field.ty, values(shape));
    Some(quote! {
        fn absent() -> ::core::option::Option<Self> {
            let #binding = (__h::inspector!(#ty).absent)();
            ::core::option::Option::Some(Self #values)
        }
    })
}

/// The rules that are checked when the program starts: only those that the macro could not check.
fn survey(model: &Model) -> Option<TokenStream> {
    let lines: TokenStream = model
        .fields()
        .filter(|field| field.is_read())
        .flat_map(|field| {
            let (ty, param) = (&field.ty, params::reference(model, field));
            let own = field
                .has_open_questions()
                .then(|| quote!(__survey.field(#param);));
            let inside = may_hold_rules(field).then(|| quote!(__h::survey!(#ty, __survey);));
            [own, inside]
        })
        .flatten()
        .collect();
    let made = model
        .made_from()
        .map(|ty| quote!(__h::survey!(#ty, __survey);));
    let name = model.name.to_string();
    (!lines.is_empty() || made.is_some()).then(|| {
        quote! {
            fn survey(__survey: &mut __h::Survey) {
                __survey.model::<Self>(#name, ::core::file!(), ::core::line!(), |__survey| { #made #lines });
            }
        }
    })
}

// === Enums ===

fn read_variants(variants: &[Variant]) -> impl Iterator<Item = (Literal, &Variant)> {
    let read = variants.iter().filter(|variant| !variant.skip);
    read.enumerate()
        .map(|(index, variant)| (Literal::usize_unsuffixed(index), variant))
}

fn names(variants: &[Variant]) -> TokenStream {
    let names = read_variants(variants).map(|(_, variant)| &variant.wire);
    let aliases: Vec<TokenStream> = read_variants(variants)
        .flat_map(|(index, variant)| {
            variant
                .aliases
                .iter()
                .map(move |alias| quote!((#alias, #index)))
        })
        .collect();
    let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
    quote!(static __NAMES: __h::Names = __h::Names::new(&[#(#names),*]) #aliases;)
}

/// A function that reads one variant's content.
fn form(model: &Model, variant: &Variant) -> TokenStream {
    let name = &variant.name;
    let read = read(model, &variant.shape, &quote!(Self::#name));
    quote! {
        |__input, __report| {
            #read
            ::core::option::Option::Some(__value)
        }
    }
}

/// Statements that end with `let __value: Option<Self> = ..;`.
fn tagged(model: &Model, form: &Form, variants: &[Variant]) -> TokenStream {
    let arms = read_variants(variants).map(|(index, variant)| {
        let value = content(model, form, variant);
        quote!(#index => #value,)
    });
    let arms = quote!(#(#arms)* _ => ::core::option::Option::None,);
    match form {
        Form::External | Form::Untagged => quote! {
            let (__variant, __content) = __h::external(__input, &__NAMES, __report)?;
            let __value = match __variant { #arms };
        },
        Form::Internal(tag) => quote! {
            let __fields = __h::Fields::open(__input, __report)?;
            let __value = match __h::tagged(&__fields, #tag, &__NAMES, __report)? { #arms };
        },
        Form::Adjacent(tag, _) => {
            let unknown = model
                .deny
                .then(|| quote!(__fields.refuse_unknown(__report);));
            quote! {
                let __fields = __h::Fields::open(__input, __report)?;
                let __value = match __h::tagged(&__fields, #tag, &__NAMES, __report)? { #arms };
                #unknown
            }
        }
    }
}

/// The input of a variant's content, by the form of the enum.
fn content(model: &Model, form: &Form, variant: &Variant) -> TokenStream {
    let (name, wire) = (&variant.name, &variant.wire);
    let unit = variant.shape.kind == ShapeKind::Unit;
    let read = self::form(model, variant);
    match form {
        Form::External | Form::Untagged if unit => {
            quote!(__h::unit(#wire, __content, __report).map(|()| Self::#name))
        }
        Form::External | Form::Untagged => {
            quote!(__h::within(#wire, __content, __report, #read))
        }
        Form::Internal(_) if unit => {
            let unknown = model
                .deny
                .then(|| quote!(__fields.refuse_unknown(__report);));
            quote!({ #unknown ::core::option::Option::Some(Self::#name) })
        }
        Form::Internal(_) => quote!(__h::alongside(&__fields, __report, #read)),
        Form::Adjacent(_, content) if unit => {
            quote!(__h::nothing_beside(&__fields, #content, __report).map(|()| Self::#name))
        }
        Form::Adjacent(_, content) => {
            quote!(__h::beside(&__fields, #content, __report, #read))
        }
    }
}
