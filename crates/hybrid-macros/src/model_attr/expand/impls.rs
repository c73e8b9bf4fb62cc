//! Generates the impls of a model, in a block of their own.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use super::{checks, deserialize, inspect, params, schema};
use crate::model_attr::generics;
use crate::model_attr::item::Kept;
use crate::model_attr::model::{Mode, Model};

/// One static for each field, then one impl for each trait, in a block of their own.
pub(crate) fn model(item: &DeriveInput, model: &Model, kept: &Kept) -> TokenStream {
    let params = params::statics(model);
    let deserialize = model.is_read().then(|| deserialize::expand(item, model));
    let inspect = model.is_read().then(|| inspect::expand(model));
    let checks = checks::expand(model, kept);
    let schema = (!kept.schema).then(|| schema::expand(model));
    around(
        model,
        &quote!(#params #deserialize #inspect #checks #schema),
    )
}

/// Impls that are never called. They replace those of a model with mistakes, so that code that names the model does not
/// fail too.
pub(crate) fn stub(model: &Model, kept: &Kept) -> TokenStream {
    let name = &model.name;
    let generics = model.generics.clone();
    let (impls, types, wheres) = generics.split_for_impl();
    let mut reading = generics.clone();
    reading.params.insert(0, syn::parse_quote!('de));
    let (reading, ..) = reading.split_for_impl();
    let serialize = (model.mode != Mode::Input && !kept.serialize).then(|| {
        quote! {
            impl #impls __h::Serialize for #name #types #wheres {
                fn serialize<__S: __h::serde::Serializer>(&self, _: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
                    ::core::unreachable!()
                }
            }
        }
    });
    let read = model.is_read().then(|| {
        quote! {
            impl #reading __h::Deserialize<'de> for #name #types #wheres {
                fn deserialize<__D: __h::Deserializer<'de>>(_: __D) -> ::core::result::Result<Self, __D::Error> {
                    ::core::unreachable!()
                }
            }
            impl #impls __h::Inspect for #name #types #wheres {
                fn inspect(_: __h::Input<'_>, _: &mut __h::Report) -> ::core::option::Option<Self> {
                    ::core::unreachable!()
                }
            }
        }
    });
    let validate = (!kept.validate).then(|| {
        quote! {
            impl #impls __h::Validate for #name #types #wheres {
                fn validate(&self) -> ::core::result::Result<(), __h::ValidationErrors> {
                    ::core::unreachable!()
                }
            }
        }
    });
    let schema = (!kept.schema).then(|| {
        quote! {
            impl #impls __h::JsonSchema for #name #types #wheres {
                fn schema_name() -> __h::Cow<'static, str> {
                    ::core::unreachable!()
                }
                fn json_schema(_: &mut __h::SchemaGenerator) -> __h::Schema {
                    ::core::unreachable!()
                }
            }
        }
    });
    around(model, &quote!(#serialize #read #validate #schema))
}

/// The block that separates generated names from the user's names.
fn around(model: &Model, inside: &TokenStream) -> TokenStream {
    let root = &model.root;
    quote! {
        #[allow(deprecated)]
        const _: () = {
            use #root::__private as __h;
            #inside
        };
    }
}

/// `impl<..> Trait for Name<..> where .. { .. }`.
pub(super) fn implement(
    generics: &syn::Generics,
    what: &TokenStream,
    model: &Model,
    inside: &TokenStream,
) -> TokenStream {
    let name = &model.name;
    let (impls, _, wheres) = generics.split_for_impl();
    let (_, types, _) = model.generics.split_for_impl();
    quote! {
        impl #impls #what for #name #types #wheres {
            #inside
        }
    }
}

/// The generics of a model with the bounds of its rules.
pub(super) fn plain(model: &Model) -> syn::Generics {
    generics::plain(model)
}
