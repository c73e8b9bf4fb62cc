//! Reads the fields and variants of a model.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Data, DeriveInput, Ident, LitStr, Member, Meta, Type, parse_quote};

use super::generics::Mentions;
use super::item::is;
use super::model::{Body, Field, Form, Shape, ShapeKind, TypeDocs, Variant};
use super::serde_attr::{DefaultFn, OnField, OnType, OnVariant};
use crate::case::Case;
use crate::diag::Diagnostics;
use crate::options::Options;
use crate::rules::{self, DefaultValue, Rules};

/// Reads fields and variants, and gives each a unique name.
pub(super) struct FieldReader {
    mentions: Mentions,
    whole: WholeType,
    places: Vec<String>,
    bindings: Vec<String>,
}

impl FieldReader {
    pub(super) fn new(item: &DeriveInput) -> Self {
        let (_, arguments, _) = item.generics.split_for_impl();
        let name = &item.ident;
        Self {
            mentions: Mentions::new(&item.generics),
            whole: WholeType(parse_quote!(#name #arguments)),
            places: Vec::new(),
            bindings: Vec::new(),
        }
    }

    pub(super) fn body(
        &mut self,
        item: &DeriveInput,
        serde: &OnType,
        diag: &mut Diagnostics,
    ) -> Body {
        match &item.data {
            Data::Struct(data) => {
                let case = serde.rename_all;
                let shape = self.shape(&data.fields, "", case, serde.default.as_ref(), diag);
                Body::Struct(shape)
            }
            Data::Enum(data) => {
                let form = match (&serde.tag, &serde.content, serde.untagged) {
                    (_, _, true) => Form::Untagged,
                    (Some(tag), Some(content), _) => Form::Adjacent(tag.clone(), content.clone()),
                    (Some(tag), None, _) => Form::Internal(tag.clone()),
                    (None, ..) => Form::External,
                };
                let variants = data
                    .variants
                    .iter()
                    .map(|variant| self.variant(variant, serde, diag));
                Body::Enum(form, variants.collect())
            }
            Data::Union(data) => {
                diag.error(
                    data.union_token,
                    "a union has no form on the wire, make it an enum",
                );
                Body::Struct(Shape {
                    kind: ShapeKind::Unit,
                    fields: Vec::new(),
                })
            }
        }
    }

    fn variant(&mut self, raw: &syn::Variant, on: &OnType, diag: &mut Diagnostics) -> Variant {
        reject_conditional(&raw.attrs, "variant", diag);
        let serde = OnVariant::read(&raw.attrs, diag);
        let name = raw.ident.unraw().to_string();
        let wire = serde.rename.unwrap_or_else(|| {
            on.rename_all
                .map_or_else(|| name.clone(), |case| case.variant(&name))
        });
        for attr in raw.attrs.iter().filter(|attr| is(attr, "field")) {
            diag.error(
                attr,
                "`#[field]` belongs on a field, put it inside the variant",
            );
        }
        let case = serde.rename_all.or(on.rename_all_fields);
        let shape = self.shape(&raw.fields, &format!("{name}_"), case, None, diag);
        Variant {
            name: raw.ident.clone(),
            wire,
            aliases: serde.aliases,
            skip: serde.skip,
            docs: TypeDocs::read(&raw.attrs),
            shape,
        }
    }

    fn shape(
        &mut self,
        raw: &syn::Fields,
        prefix: &str,
        case: Option<Case>,
        whole: Option<&DefaultFn>,
        diag: &mut Diagnostics,
    ) -> Shape {
        let kind = match raw {
            syn::Fields::Named(_) => ShapeKind::Named,
            syn::Fields::Unnamed(fields) if fields.unnamed.len() == 1 => ShapeKind::Newtype,
            syn::Fields::Unnamed(_) => ShapeKind::Tuple,
            syn::Fields::Unit => ShapeKind::Unit,
        };
        let mut fields = Vec::new();
        for (index, one) in raw.iter().enumerate() {
            fields.push(self.field(index, one, prefix, case, whole, diag));
        }
        Shape { kind, fields }
    }

    fn field(
        &mut self,
        index: usize,
        raw: &syn::Field,
        prefix: &str,
        case: Option<Case>,
        whole: Option<&DefaultFn>,
        diag: &mut Diagnostics,
    ) -> Field {
        reject_conditional(&raw.attrs, "field", diag);
        let serde = OnField::read(&raw.attrs, diag);
        let mut ty = raw.ty.clone();
        self.whole.visit_type_mut(&mut ty);
        let (mut rules, csv) = rules_of(&raw.attrs, &ty, diag);
        let own = raw
            .ident
            .as_ref()
            .map_or_else(|| index.to_string(), |name| name.unraw().to_string());
        let renamed = rules
            .alias
            .as_ref()
            .or(serde.rename.as_ref())
            .map(LitStr::value);
        let is_spelled = renamed.as_ref().is_some_and(|name| name.contains('_'));
        let wire =
            renamed.unwrap_or_else(|| case.map_or_else(|| own.clone(), |case| case.field(&own)));
        let member = raw
            .ident
            .clone()
            .map_or_else(|| Member::from(index), Member::Named);
        let stem = if raw.ident.is_some() {
            own.clone()
        } else {
            format!("field_{index}")
        };
        let place = self.place(prefix, &stem);
        let default_fn = take_default(&mut rules, &place);
        let from_whole = whole
            .cloned()
            .filter(|_| raw.ident.is_some() && serde.default.is_none());
        Field {
            span: raw
                .ident
                .as_ref()
                .map_or_else(|| raw.ty.span(), Ident::span),
            generic: self.mentions.any(&ty),
            place,
            default_fn,
            binding: self.binding(&stem),
            member,
            ty,
            wire,
            is_spelled,
            rules,
            csv,
            serde,
            from_whole,
        }
    }

    /// The unique name of the field's static.
    fn place(&mut self, prefix: &str, own: &str) -> Ident {
        let mut name = format!("__{prefix}{own}").to_uppercase();
        while self.places.contains(&name) || self.bindings.contains(&name) {
            name.push('_');
        }
        self.places.push(name.clone());
        Ident::new(&name, Span::mixed_site())
    }

    /// The binding of the field's value. A pattern with the name of a static would match the static instead of binding.
    fn binding(&mut self, own: &str) -> Ident {
        let mut name = format!("__{own}");
        while self.places.contains(&name) {
            name.push('_');
        }
        self.bindings.push(name.clone());
        Ident::new(&name, Span::mixed_site())
    }
}

/// Replaces `Self` by the type itself, since a static has no `Self`.
struct WholeType(Type);

impl VisitMut for WholeType {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty
            && path.qself.is_none()
            && path.path.is_ident("Self")
        {
            *ty = self.0.clone();
        } else {
            syn::visit_mut::visit_type_mut(self, ty);
        }
    }
}

/// The rules of one field, from its `#[field(..)]`, its doc comment and `#[deprecated]`; and whether it is a CSV list.
fn rules_of(attrs: &[Attribute], ty: &Type, diag: &mut Diagnostics) -> (Rules, bool) {
    let mut options = Options::default();
    for attr in attrs.iter().filter(|attr| is(attr, "field")) {
        match &attr.meta {
            Meta::List(list) => options.extend(list.tokens.clone(), diag),
            Meta::Path(_) => {}
            Meta::NameValue(pair) => {
                diag.error(pair, "write the rules in parentheses: `#[field(ge = 1)]`");
            }
        }
    }
    let mut rules = Rules::take(&mut options, diag);
    let csv = csv(&mut options, ty, diag);
    for positional in &options.positional {
        diag.error(positional, "the wire name is written `alias = \"name\"`");
    }
    let mut known = rules::WORDS.to_vec();
    known.push("style");
    options.reject_rest(&known, diag);
    let docs = TypeDocs::read(attrs);
    if rules.description.is_none() && !docs.text.is_empty() {
        rules.description = Some(docs.text);
    }
    rules.deprecated |= attrs.iter().any(|attr| is(attr, "deprecated"));
    rules.check(ty, diag);
    (rules, csv)
}

/// Moves a default expression into a function, which serde and the `Param` both name.
fn take_default(rules: &mut Rules, place: &Ident) -> Option<(Ident, syn::Expr)> {
    let Some(DefaultValue::Expr(expr)) = &rules.default else {
        return None;
    };
    let (name, expr) = (Field::default_name(place), expr.clone());
    rules.default = Some(DefaultValue::With(parse_quote!(#name)));
    Some((name, expr))
}

fn csv(options: &mut Options, ty: &Type, diag: &mut Diagnostics) -> bool {
    let Some(opt) = options.take("style") else {
        return false;
    };
    let Some(word) = opt.word(&["csv", "repeated"], diag) else {
        return false;
    };
    if word != "csv" && word != "repeated" {
        diag.unknown(&word, "style", &["csv", "repeated"]);
    }
    let list = matches!(
        crate::types::kind(crate::types::bare(ty)),
        crate::types::TypeKind::List | crate::types::TypeKind::Unknown
    );
    if !list {
        diag.error(&opt.key, "`style` is about lists, make the field a `Vec`");
    }
    word == "csv"
}

/// Reports `cfg` on a field: the macro generates code for every field, so it must know which fields exist.
fn reject_conditional(attrs: &[Attribute], what: &str, diag: &mut Diagnostics) {
    for attr in attrs
        .iter()
        .filter(|attr| is(attr, "cfg") || is(attr, "cfg_attr"))
    {
        diag.error(
            attr,
            format_args!(
                "a {what} of a model cannot be conditional: put `#[cfg(..)]` on two types instead"
            ),
        );
    }
}
