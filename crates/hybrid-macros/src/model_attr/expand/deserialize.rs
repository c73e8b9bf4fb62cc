//! serde's way in: a mirror of the type, derived by serde, that makes the type itself; then the rules.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Ident, LitStr, Visibility, parse_quote};

use super::implement;
use crate::model_attr::generics;
use crate::model_attr::item::{self, is};
use crate::model_attr::model::{Body, Field, Form, Kind, Model};
use crate::types;

/// The mirror and the impl.
pub(crate) fn expand(item: &DeriveInput, model: &Model) -> TokenStream {
    let mirror = mirror(item, model);
    let formals = model.fields().filter_map(formal_fn);
    let (_, types, _) = model.generics.split_for_impl();
    let types = types.as_turbofish();
    let generic = model.generics.type_params().next().is_some();
    let value = match (asked(model), generic) {
        (Asked::Plain, false) => quote!(__h::model(__from, __Mirror #types::deserialize)),
        (Asked::Struct, false) => quote!(__h::strict_model(__from, __Mirror #types::deserialize)),
        (Asked::Tagged, false) => quote!(__h::tagged_model(__from, __Mirror #types::deserialize)),
        // What stands in it need not be able to list its faults.
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

/// What serde asks the deserializer for.
#[derive(Clone, Copy)]
enum Asked {
    /// A struct, or an enum with structs, for which serde would take arrays.
    Struct,
    /// Anything, to find the tag in it.
    Tagged,
    Plain,
}

fn asked(model: &Model) -> Asked {
    if model.made_from().is_some() || model.serde.transparent {
        return Asked::Plain;
    }
    match &model.body {
        Body::Struct(shape) if shape.kind == Kind::Named => Asked::Struct,
        Body::Struct(_) | Body::Enum(Form::Untagged, _) => Asked::Plain,
        Body::Enum(Form::Internal(_), _) => Asked::Tagged,
        Body::Enum(_, variants) => {
            let plain = variants
                .iter()
                .all(|variant| variant.shape.kind == Kind::Unit);
            if plain { Asked::Plain } else { Asked::Struct }
        }
    }
}

/// The value of a type with parameters.
fn generic_value(model: &Model, asked: Asked, types: &syn::Turbofish<'_>) -> TokenStream {
    let from = match asked {
        Asked::Struct => quote!(__h::Strict(__from)),
        Asked::Tagged => quote!(__h::StrictTagged(__from)),
        Asked::Plain => quote!(__from),
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
            // Of a field with a function of its own, serde knows no `None` for what was not sent.
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

/// The bounds of our impl, so that serde does not work out others.
fn bound(model: &Model) -> Option<TokenStream> {
    // Where the whole type has a default, serde would ask it of the mirror.
    if model.generics.type_params().next().is_none() && model.serde.default.is_none() {
        return None;
    }
    let generics = generics::deserialize(model);
    let predicates = generics.where_clause.map(|clause| clause.predicates);
    let text = quote!(#predicates).to_string();
    Some(quote!(#[serde(bound(deserialize = #text))]))
}

/// The function that reads a date or a time, which has one form here and several in its own crate.
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

/// A variant without fields beside its tag, in an enum that refuses unknown keys. serde looks at no key of such a
/// variant, but at those of a variant with no fields in braces, which is the same variant.
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
