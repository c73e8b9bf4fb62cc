//! Generates `Deserialize`: serde derives it on a copy of the type that builds the type itself. Then the rules are
//! checked.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Ident, LitStr, Visibility, parse_quote};

use super::impls::implement;
use crate::model_attr::generics;
use crate::model_attr::item::{self, is};
use crate::model_attr::model::{Body, Field, Form, Model, ShapeKind};
use crate::types;

/// The copy of the type, and the impl.
pub(crate) fn expand(item: &DeriveInput, model: &Model) -> TokenStream {
    let mirror = mirror(item, model);
    let formals = model.fields().filter_map(formal_fn);
    let (_, types, _) = model.generics.split_for_impl();
    let types = types.as_turbofish();
    let generic = model.generics.type_params().next().is_some();
    let value = match (asked(model), generic) {
        (SerdeCall::Plain, false) => quote!(__h::model(__from, __Mirror #types::deserialize)),
        (SerdeCall::Struct, false) => {
            quote!(__h::strict_model(__from, __Mirror #types::deserialize))
        }
        (SerdeCall::Tagged, false) => {
            quote!(__h::tagged_model(__from, __Mirror #types::deserialize))
        }
        // A value inside a generic type need not be able to list its faults.
        (asked, true) => generic_value(model, asked, &types),
    };
    let inside = quote! {
        fn deserialize<__D: __h::Deserializer<'de>>(__from: __D) -> ::core::result::Result<Self, __D::Error> {
            #value
        }
    };
    let inside = implement(
        &generics::deserialize(model),
        &quote!(__h::Deserialize<'de>),
        model,
        &inside,
    );
    quote!(#(#formals)* #mirror #inside)
}

/// The method that serde calls on the deserializer.
#[derive(Clone, Copy)]
enum SerdeCall {
    /// A struct, or an enum with struct variants. serde would also accept arrays for them.
    Struct,
    /// `deserialize_any`, to find the tag.
    Tagged,
    Plain,
}

fn asked(model: &Model) -> SerdeCall {
    if model.made_from().is_some() || model.serde.transparent {
        return SerdeCall::Plain;
    }
    match &model.body {
        Body::Struct(shape) if shape.kind == ShapeKind::Named => SerdeCall::Struct,
        Body::Struct(_) | Body::Enum(Form::Untagged, _) => SerdeCall::Plain,
        Body::Enum(Form::Internal(_), _) => SerdeCall::Tagged,
        Body::Enum(_, variants) => {
            let plain = variants
                .iter()
                .all(|variant| variant.shape.kind == ShapeKind::Unit);
            if plain {
                SerdeCall::Plain
            } else {
                SerdeCall::Struct
            }
        }
    }
}

/// The value of a type with parameters.
fn generic_value(model: &Model, asked: SerdeCall, types: &syn::Turbofish<'_>) -> TokenStream {
    let from = match asked {
        SerdeCall::Struct => quote!(__h::Strict(__from)),
        SerdeCall::Tagged => quote!(__h::StrictTagged(__from)),
        SerdeCall::Plain => quote!(__from),
    };
    let value = quote!(__Mirror #types::deserialize(#from));
    if model.has_rules() {
        quote!(__h::checked(#value?))
    } else {
        value
    }
}

fn mirror(item: &DeriveInput, model: &Model) -> TokenStream {
    let mut mirror = item.clone();
    mirror.ident = parse_quote!(__Mirror);
    mirror.vis = Visibility::Inherited;
    mirror.attrs = serde_only(&item.attrs);
    if let Data::Enum(data) = &mut mirror.data {
        for variant in &mut data.variants {
            variant.attrs = serde_only(&variant.attrs);
            variant.discriminant = None;
            if closed_unit(model, variant) {
                variant.fields = syn::Fields::Named(parse_quote!({}));
            }
        }
    }
    let mut fields = model.fields();
    item::each_field(&mut mirror, |raw| {
        raw.attrs = serde_only(&raw.attrs);
        raw.vis = Visibility::Inherited;
        let Some(field) = fields.next() else { return };
        raw.ty = field.ty.clone();
        if field.serde.flatten && field.serde.with.is_none() && types::option(&field.ty).is_some() {
            raw.attrs
                .push(parse_quote!(#[serde(deserialize_with = "__h::flat_option")]));
        }
        if let Some(name) = &field.rules.alias {
            raw.attrs.push(parse_quote!(#[serde(rename = #name)]));
        }
        if let Some(name) = formal(field) {
            let name = LitStr::new(&name.to_string(), field.span);
            raw.attrs
                .push(parse_quote!(#[serde(deserialize_with = #name)]));
            // serde does not treat a missing field with its own function as `None`.
            if types::option(&field.ty).is_some() && !field.has_default() {
                raw.attrs.push(parse_quote!(#[serde(default)]));
            }
        }
        if field.is_patch() {
            raw.attrs.push(parse_quote!(#[serde(default)]));
        }
        if let Some(path) = field
            .default_path()
            .filter(|_| field.serde.default.is_none())
        {
            let path = LitStr::new(&quote!(#path).to_string(), field.span);
            raw.attrs.push(parse_quote!(#[serde(default = #path)]));
        }
    });
    let remote = LitStr::new(&model.name.to_string(), model.name.span());
    let serde = item::serde_path(&model.root);
    let deny = (model.deny && !model.serde.deny_unknown_fields)
        .then(|| quote!(#[serde(deny_unknown_fields)]));
    let bound = bound(model);
    quote! {
        #[derive(__h::serde::Deserialize)]
        #[serde(remote = #remote, crate = #serde)]
        #deny
        #bound
        #mirror
    }
}

/// The bounds of the impl, so that serde does not infer others.
fn bound(model: &Model) -> Option<TokenStream> {
    // If the whole type has a default, serde would require it of the copy.
    if model.generics.type_params().next().is_none() && model.serde.default.is_none() {
        return None;
    }
    let generics = generics::deserialize(model);
    let predicates = generics.where_clause.map(|clause| clause.predicates);
    let text = quote!(#predicates).to_string();
    Some(quote!(#[serde(bound(deserialize = #text))]))
}

/// The function that reads a date or a time, in its one documented form.
fn formal_fn(field: &Field) -> Option<TokenStream> {
    let (name, ty) = (formal(field)?, &field.ty);
    Some(quote! {
        fn #name<'de, __D: __h::Deserializer<'de>>(__from: __D) -> ::core::result::Result<#ty, __D::Error> {
            __h::formal!(#ty, __from)
        }
    })
}

fn formal(field: &Field) -> Option<Ident> {
    let reads = field.is_named() && field.serde.with.is_none() && !field.generic;
    (reads && types::is_date(&field.ty)).then(|| {
        let own = field.place.to_string().to_lowercase();
        format_ident!("__formal{own}")
    })
}

/// A unit variant of an internally tagged enum that refuses unknown keys. serde ignores all keys of such a variant. It
/// checks the keys of a variant with empty braces, so that form is generated.
fn closed_unit(model: &Model, variant: &syn::Variant) -> bool {
    let internal = matches!(model.body, Body::Enum(Form::Internal(_), _));
    internal && model.deny && matches!(variant.fields, syn::Fields::Unit)
}

fn serde_only(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| is(attr, "serde"))
        .cloned()
        .collect()
}
