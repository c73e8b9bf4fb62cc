//! Generates `Check`, `Inside` and `validator::Validate`: the rules of an existing value.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::impls::{implement, plain};
use super::params;
use crate::model_attr::generics;
use crate::model_attr::item::Kept;
use crate::model_attr::model::{Body, Field, Form, Mode, Model, Shape, ShapeKind, Variant};
use crate::types;

pub(crate) fn expand(model: &Model, kept: &Kept) -> TokenStream {
    let check = check(model);
    let inside = inside(model);
    let generics = generics(model);
    let validate = (!kept.validate).then(|| {
        let inside = quote! {
            fn validate(&self) -> ::core::result::Result<(), __h::ValidationErrors> {
                __h::validate(self)
            }
        };
        implement(&generics, &quote!(__h::Validate), model, &inside)
    });
    quote!(#check #inside #validate)
}

/// Checks of inner values need the same bounds on type parameters as reading. An output is never read.
fn generics(model: &Model) -> syn::Generics {
    if model.mode == Mode::Output {
        plain(model)
    } else {
        generics::inspect(model)
    }
}

fn check(model: &Model) -> TokenStream {
    let rules = each(model, Field::is_checked, |field, value, kind| {
        let singles = field.holds_singles().then(|| finite(field, &value, kind));
        let rules = field.has_rules().then(|| {
            let param = params::reference(model, field);
            let index = Literal::usize_unsuffixed(field.position());
            match kind {
                ShapeKind::Named => quote!(__h::check_field(#param, #value, __report);),
                ShapeKind::Tuple => quote!(__h::check_element(#index, #param, #value, __report);),
                ShapeKind::Newtype | ShapeKind::Unit => quote!((#param).check(#value, __report);),
            }
        });
        quote!(#singles #rules)
    });
    let rules = rules.map(|rules| {
        quote! {
            fn check(&self, __report: &mut __h::Report) {
                #rules
            }
        }
    });
    let across = model.validate.as_ref().map(|path| {
        quote! {
            fn check_across(&self, __report: &mut __h::Report) {
                __h::refuse!(#path(self), __report);
            }
        }
    });
    implement(
        &plain(model),
        &quote!(__h::Check),
        model,
        &quote!(#rules #across),
    )
}

/// Checks that all `f32`s are finite.
fn finite(field: &Field, value: &TokenStream, kind: ShapeKind) -> TokenStream {
    let (wire, index) = (&field.wire, Literal::usize_unsuffixed(field.position()));
    match kind {
        ShapeKind::Named if !field.serde.flatten => {
            quote!(__h::finite_field(#wire, #value, __report);)
        }
        ShapeKind::Tuple => quote!(__h::finite_element(#index, #value, __report);),
        ShapeKind::Named | ShapeKind::Newtype | ShapeKind::Unit => {
            quote!(__h::finite(#value, __report);)
        }
    }
}

fn inside(model: &Model) -> TokenStream {
    let deep = each(model, may_hold_rules, |field, value, kind| {
        let (ty, wire) = (&field.ty, &field.wire);
        let index = Literal::usize_unsuffixed(field.position());
        let check = quote!(__h::deep_check!(#ty)(#value, __report));
        match kind {
            ShapeKind::Named if !field.serde.flatten => {
                quote!(__report.at_key(#wire, |__report| #check);)
            }
            ShapeKind::Tuple => quote!(__report.at_index(#index, |__report| #check);),
            ShapeKind::Named | ShapeKind::Newtype | ShapeKind::Unit => quote!(#check;),
        }
    });
    let report = if deep.is_some() {
        quote!(__report)
    } else {
        quote!(_)
    };
    let inside = quote! {
        fn check_inside(&self, #report: &mut __h::Report) {
            #deep
        }
    };
    implement(&generics(model), &quote!(__h::Inside), model, &inside)
}

/// Whether a type with this spelling may have rules of its own: a number or a text has none.
pub(super) fn may_hold_rules(field: &Field) -> bool {
    let element = types::element(&field.ty);
    let leaf = matches!(
        types::kind(element),
        types::TypeKind::Int { .. }
            | types::TypeKind::Float
            | types::TypeKind::Bool
            | types::TypeKind::Char
            | types::TypeKind::Text
    );
    !leaf && !types::is(element, "PhantomData")
}

/// One statement for each matching field, at its place. `None` if no field matches.
fn each(
    model: &Model,
    meant: impl Fn(&Field) -> bool,
    statement: impl Fn(&Field, TokenStream, ShapeKind) -> TokenStream,
) -> Option<TokenStream> {
    let lines = |shape: &Shape, bound: bool| -> TokenStream {
        let kind = if model.serde.transparent {
            ShapeKind::Newtype
        } else {
            shape.kind
        };
        let meant = shape.fields.iter().filter(|field| meant(field));
        meant
            .map(|field| {
                let (member, binding) = (&field.member, &field.binding);
                let value = if bound {
                    quote!(#binding)
                } else {
                    quote!(&self.#member)
                };
                statement(field, value, kind)
            })
            .collect()
    };
    let all = match &model.body {
        Body::Struct(shape) => lines(shape, false),
        Body::Enum(form, variants) => {
            let arms: TokenStream = variants
                .iter()
                .filter(|variant| variant.shape.fields.iter().any(&meant))
                .map(|variant| {
                    let pattern = pattern(variant, &meant);
                    let place = at(form, variant, &lines(&variant.shape, true));
                    quote!(#pattern => { #place })
                })
                .collect();
            let all_meant = variants
                .iter()
                .all(|variant| variant.shape.fields.iter().any(&meant));
            let rest = (!all_meant).then(|| quote!(_ => {}));
            if arms.is_empty() {
                arms
            } else {
                quote!(match self { #arms #rest })
            }
        }
    };
    (!all.is_empty()).then_some(all)
}

fn pattern(variant: &Variant, meant: &impl Fn(&Field) -> bool) -> TokenStream {
    let name = &variant.name;
    let bound = variant
        .shape
        .fields
        .iter()
        .filter(|field| meant(field))
        .map(|field| {
            let (member, binding) = (&field.member, &field.binding);
            quote!(#member: #binding)
        });
    quote!(Self::#name { #(#bound,)* .. })
}

/// The place of a variant's content on the wire.
fn at(form: &Form, variant: &Variant, lines: &TokenStream) -> TokenStream {
    let key = match form {
        Form::External => &variant.wire,
        Form::Adjacent(_, content) => &content.value(),
        Form::Internal(_) | Form::Untagged => return lines.clone(),
    };
    quote!(__report.at_key(#key, |__report| { #lines });)
}
