//! The user's type in the output: unchanged, except for the attributes of this crate and the derives that it replaces.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, LitStr, Member, Path, Token};

use super::model::{Mode, Model};
use crate::diag::Diagnostics;
use crate::types;

/// The derives below `#[model]` that stay, so that their impls are not generated.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) serialize: bool,
    pub(crate) schema: bool,
    pub(crate) validate: bool,
}

/// Removes `Deserialize` from the derives, since it is generated, and notes the other derives.
pub(crate) fn take_derives(item: &mut DeriveInput, diag: &mut Diagnostics) -> Kept {
    let mut kept = Kept::default();
    let mut attrs = Vec::new();
    for attr in std::mem::take(&mut item.attrs) {
        if !attr.path().is_ident("derive") {
            attrs.push(attr);
            continue;
        }
        let parser = Punctuated::<Path, Token![,]>::parse_terminated;
        let paths = match attr.parse_args_with(parser) {
            Ok(paths) => paths,
            Err(error) => {
                diag.syntax(error);
                continue;
            }
        };
        let stays: Vec<Path> = paths
            .into_iter()
            .filter(|path| stays(path, &mut kept))
            .collect();
        if !stays.is_empty() {
            attrs.push(syn::parse_quote!(#[derive(#(#stays),*)]));
        }
    }
    item.attrs = attrs;
    kept
}

fn stays(path: &Path, kept: &mut Kept) -> bool {
    match path
        .segments
        .last()
        .map(|segment| segment.ident.to_string())
        .as_deref()
    {
        Some("Deserialize") => return false,
        Some("Serialize") => kept.serialize = true,
        Some("JsonSchema") => kept.schema = true,
        Some("Validate") => kept.validate = true,
        _ => {}
    }
    true
}

/// The type, with serde's `Serialize` if it is needed.
pub(crate) fn expand(item: &DeriveInput, model: &Model, kept: &Kept) -> TokenStream {
    let mut item = item.clone();
    let derives = model.mode != Mode::Input && !kept.serialize;
    let serde_stays = derives || kept.serialize || kept.schema;
    each_attrs(&mut item, |attrs| {
        attrs.retain(|attr| !is(attr, "field") && (serde_stays || !is(attr, "serde")));
    });
    if derives || kept.serialize {
        rename_aliased(&mut item, model);
        leave_out_absent(&mut item, model);
    }
    let derive = derives.then(|| {
        let root = &model.root;
        let path = serde_path(root);
        quote! {
            #[derive(#root::__private::Serialize)]
            #[serde(crate = #path)]
        }
    });
    quote!(#derive #item)
}

/// The type without attributes that need a derive, if nothing is generated.
pub(crate) fn bare(item: &DeriveInput, kept: &Kept) -> TokenStream {
    let mut item = item.clone();
    let serde_stays = kept.serialize || kept.schema;
    each_attrs(&mut item, |attrs| {
        attrs.retain(|attr| !is(attr, "field") && (serde_stays || !is(attr, "serde")));
    });
    item.into_token_stream()
}

/// `alias` is also serde's wire name.
fn rename_aliased(item: &mut DeriveInput, model: &Model) {
    let mut aliased = model.fields().map(|field| field.rules.alias.clone());
    each_field(item, |field| {
        if let Some(Some(name)) = aliased.next() {
            field
                .attrs
                .push(syn::parse_quote!(#[serde(rename = #name)]));
        }
    });
}

/// A value that was not sent is not written.
fn leave_out_absent(item: &mut DeriveInput, model: &Model) {
    let path = text(&quote!(::__private::Patch::is_absent), &model.root);
    let mut absent = model.fields().map(|field| {
        let named = matches!(field.member, Member::Named(_));
        named && types::is_patch(&field.ty) && !field.serde.written && !field.serde.flatten
    });
    each_field(item, |field| {
        if absent.next() == Some(true) {
            field
                .attrs
                .push(syn::parse_quote!(#[serde(skip_serializing_if = #path)]));
        }
    });
}

/// The path of serde: `::hybrid::__private::serde`.
pub(crate) fn serde_path(root: &Path) -> LitStr {
    text(&quote!(::__private::serde), root)
}

/// A path that starts at the facade, as a string literal for serde.
fn text(tail: &TokenStream, root: &Path) -> LitStr {
    let text = quote!(#root #tail).to_string().replace(' ', "");
    LitStr::new(&text, proc_macro2::Span::call_site())
}

pub(crate) fn is(attr: &Attribute, name: &str) -> bool {
    attr.path().is_ident(name)
}

/// Every field, those of variants included, in order.
pub(crate) fn each_field(item: &mut DeriveInput, mut look: impl FnMut(&mut syn::Field)) {
    match &mut item.data {
        Data::Struct(data) => data.fields.iter_mut().for_each(look),
        Data::Enum(data) => {
            for variant in &mut data.variants {
                variant.fields.iter_mut().for_each(&mut look);
            }
        }
        Data::Union(_) => {}
    }
}

fn each_attrs(item: &mut DeriveInput, look: impl Fn(&mut Vec<Attribute>)) {
    look(&mut item.attrs);
    if let Data::Enum(data) = &mut item.data {
        data.variants
            .iter_mut()
            .for_each(|variant| look(&mut variant.attrs));
    }
    each_field(item, |field| look(&mut field.attrs));
}
