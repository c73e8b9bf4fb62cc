//! Generates `schemars::JsonSchema`: the values that a client may send, from the same `Param`s that check them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::impls::implement;
use super::params;
use crate::model_attr::generics;
use crate::model_attr::model::{Body, Field, Form, Model, Shape, ShapeKind, TypeDocs, Variant};
use crate::types;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let schema = documented(&body(model), &model.docs);
    let (name, id) = names(model);
    let inside = quote! {
        fn schema_name() -> __h::Cow<'static, str> {
            #name
        }
        fn schema_id() -> __h::Cow<'static, str> {
            #id
        }
        fn json_schema(__g: &mut __h::SchemaGenerator) -> __h::Schema {
            #schema
        }
    };
    implement(
        &generics::schema(model),
        &quote!(__h::JsonSchema),
        model,
        &inside,
    )
}

/// The name for references, and an id that is unique.
fn names(model: &Model) -> (TokenStream, TokenStream) {
    let wire = &model.wire;
    let name = model.name.to_string();
    let id = quote!(::core::concat!(::core::module_path!(), "::", #name));
    let params: Vec<_> = model
        .generics
        .type_params()
        .map(|param| &param.ident)
        .collect();
    if params.is_empty() {
        return (
            quote!(__h::Cow::Borrowed(#wire)),
            quote!(__h::Cow::Borrowed(#id)),
        );
    }
    (
        quote!(__h::shape::generic_name(#wire, &[#(#params::schema_name()),*])),
        quote!(__h::shape::generic_name(#id, &[#(#params::schema_id()),*])),
    )
}

fn documented(schema: &TokenStream, docs: &TypeDocs) -> TokenStream {
    let TypeDocs { title, text } = docs;
    if title.is_empty() && text.is_empty() {
        return schema.clone();
    }
    quote!(__h::shape::documented(#schema, #title, #text))
}

fn body(model: &Model) -> TokenStream {
    if let Some(ty) = model.made_from() {
        return quote!(__h::shape_of!(#ty, __g));
    }
    match &model.body {
        Body::Struct(shape) => {
            if model.serde.transparent {
                return single(model, shape);
            }
            content(model, shape)
        }
        Body::Enum(form, variants) => forms(model, form, variants),
    }
}

fn content(model: &Model, shape: &Shape) -> TokenStream {
    match shape.kind {
        ShapeKind::Named => object(model, shape, &quote!(__h::shape::Object::new())),
        ShapeKind::Newtype => single(model, shape),
        ShapeKind::Tuple => {
            let read = shape.fields.iter().filter(|field| field.is_read());
            let elements = read.map(|field| whole(model, field));
            quote!(__h::shape::tuple([#(#elements),*]))
        }
        ShapeKind::Unit => quote!(__h::shape::null()),
    }
}

/// The only field that is read, without a name.
fn single(model: &Model, shape: &Shape) -> TokenStream {
    let field = shape.fields.iter().find(|field| field.is_read());
    field.map_or_else(|| quote!(__h::shape::null()), |field| whole(model, field))
}

fn whole(model: &Model, field: &Field) -> TokenStream {
    let (param, shape) = (params::reference(model, field), shape_of(field));
    quote!(__h::shape::whole(#param, #shape))
}

fn shape_of(field: &Field) -> TokenStream {
    let ty = &field.ty;
    if field.serde.with.is_some() {
        // The schema of a value that a user's function reads is unknown.
        return quote!(__h::shape::anything());
    }
    quote_spanned!(ty.span()=> __h::shape_of!(#ty, __g))
}

/// One line for each field after `start`.
fn object(model: &Model, shape: &Shape, start: &TokenStream) -> TokenStream {
    let lines = shape
        .fields
        .iter()
        .filter(|field| field.is_read())
        .map(|field| {
            let (ty, shape) = (&field.ty, shape_of(field));
            if field.serde.flatten {
                return quote!(.flatten(#shape));
            }
            let param = params::reference(model, field);
            if field.has_default() {
                quote!(.defaulted(#param, #shape, __h::shown!(#ty)))
            } else if types::option(ty).is_some() || types::is_patch(ty) {
                quote!(.optional(#param, #shape))
            } else {
                quote!(.required(#param, #shape))
            }
        });
    let closed = model.deny.then(|| quote!(.closed()));
    quote!(#start #(#lines)* #closed.finish())
}

fn forms(model: &Model, form: &Form, variants: &[Variant]) -> TokenStream {
    let read: Vec<&Variant> = variants.iter().filter(|variant| !variant.skip).collect();
    if let Form::External = form
        && read
            .iter()
            .all(|variant| variant.shape.kind == ShapeKind::Unit)
    {
        let words = read.iter().map(|variant| {
            let (wire, text) = (&variant.wire, &variant.docs.text);
            quote!((#wire, #text))
        });
        return quote!(__h::shape::words(&[#(#words),*]));
    }
    let forms = read
        .iter()
        .map(|variant| documented(&one_form(model, form, variant), &variant.docs));
    match form {
        Form::Untagged => quote!(__h::shape::any_of([#(#forms),*])),
        Form::External | Form::Internal(_) | Form::Adjacent(..) => {
            quote!(__h::shape::one_of([#(#forms),*]))
        }
    }
}

fn one_form(model: &Model, form: &Form, variant: &Variant) -> TokenStream {
    let wire = &variant.wire;
    let start = quote!(__h::shape::Object::new());
    let content = content(model, &variant.shape);
    let unit = variant.shape.kind == ShapeKind::Unit;
    match form {
        Form::Untagged => content,
        Form::External if unit => quote!(__h::shape::word(#wire)),
        Form::External => quote!(#start.content(#wire, #content).closed().finish()),
        Form::Internal(tag) => match variant.shape.kind {
            ShapeKind::Named => object(model, &variant.shape, &quote!(#start.tag(#tag, #wire))),
            ShapeKind::Unit => quote!(#start.tag(#tag, #wire).finish()),
            ShapeKind::Newtype | ShapeKind::Tuple => {
                quote!(__h::shape::both(#start.tag(#tag, #wire).finish(), #content))
            }
        },
        Form::Adjacent(tag, _) if unit => quote!(#start.tag(#tag, #wire).finish()),
        Form::Adjacent(tag, key) => {
            quote!(#start.tag(#tag, #wire).content(#key, #content).finish())
        }
    }
}
