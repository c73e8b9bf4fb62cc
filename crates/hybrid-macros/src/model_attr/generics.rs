//! Type parameters: the fields that name them, and the bounds for each impl.

use std::collections::BTreeSet;

use quote::quote;
use syn::visit::Visit;
use syn::{GenericParam, Generics, Ident, Lifetime, Path, Type, WherePredicate, parse_quote};

use super::model::{Field, Model};
use super::serde_attr::DefaultFn;
use crate::rules::{Count, RuleKind};
use crate::types;

/// Finds the parameters that a type names.
#[derive(Debug)]
pub(crate) struct Mentions {
    params: Vec<String>,
}

impl Mentions {
    pub(crate) fn new(generics: &Generics) -> Self {
        let name = |param: &GenericParam| match param {
            GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_string(),
            GenericParam::Type(ty) => ty.ident.to_string(),
            GenericParam::Const(constant) => constant.ident.to_string(),
        };
        Self {
            params: generics.params.iter().map(name).collect(),
        }
    }

    /// Whether it names any.
    pub(crate) fn any(&self, ty: &Type) -> bool {
        !self.of(ty).is_empty()
    }

    /// The named parameters.
    pub(crate) fn of(&self, ty: &Type) -> BTreeSet<String> {
        let mut found = MentionVisitor {
            params: &self.params,
            names: BTreeSet::new(),
        };
        found.visit_type(ty);
        found.names
    }
}

struct MentionVisitor<'a> {
    params: &'a [String],
    names: BTreeSet<String>,
}

impl MentionVisitor<'_> {
    fn note(&mut self, name: String) {
        if self.params.contains(&name) {
            self.names.insert(name);
        }
    }
}

impl<'ast> Visit<'ast> for MentionVisitor<'_> {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.note(ident.to_string());
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.note(lifetime.to_string());
    }
}

/// The type parameters of fields that are read. Those of skipped fields and of `PhantomData` need no bounds.
fn read_params(model: &Model) -> Vec<Ident> {
    let mentions = Mentions::new(&model.generics);
    let named: BTreeSet<String> = model
        .fields()
        .filter(|field| field.is_read() && !types::is(&field.ty, "PhantomData"))
        .flat_map(|field| mentions.of(&field.ty))
        .chain(
            model
                .made_from()
                .map(|ty| mentions.of(ty))
                .unwrap_or_default(),
        )
        .collect();
    let params = model
        .generics
        .type_params()
        .map(|param| param.ident.clone());
    params
        .filter(|param| named.contains(&param.to_string()))
        .collect()
}

/// The bounds for the rules and defaults of generic fields, in every impl.
fn by_rules(model: &Model) -> Vec<WherePredicate> {
    let mut predicates = Vec::new();
    for field in model.fields().filter(|field| field.generic) {
        predicates.extend(field_predicates(field));
    }
    let (_, arguments, _) = model.generics.split_for_impl();
    if let (Some(DefaultFn::Standard), false) =
        (&model.serde.default, model.generics.params.is_empty())
    {
        let name = &model.name;
        predicates.push(parse_quote!(#name #arguments: ::core::default::Default));
    }
    predicates
}

fn field_predicates(field: &Field) -> Vec<WherePredicate> {
    let ty = &field.ty;
    let mut predicates = Vec::new();
    for rule in &field.rules.list {
        let asked: Path = match &rule.what {
            RuleKind::Bound(..) | RuleKind::OneOfNumbers(_) => parse_quote!(__h::Number),
            RuleKind::Count(Count::MinItems | Count::MaxItems, _) => parse_quote!(__h::Items),
            RuleKind::Custom(_) => continue,
            RuleKind::UniqueItems => parse_quote!(__h::UniqueItems),
            RuleKind::Count(..)
            | RuleKind::Regex(_)
            | RuleKind::Format(..)
            | RuleKind::OneOfText(_) => {
                parse_quote!(__h::Text)
            }
        };
        predicates.push(parse_quote!(#ty: #asked));
    }
    let standard = matches!(field.serde.default, Some(DefaultFn::Standard))
        || (field.serde.skip && field.serde.default.is_none());
    if standard {
        predicates.push(parse_quote!(#ty: ::core::default::Default));
    }
    predicates.dedup_by_key(|predicate: &mut WherePredicate| quote!(#predicate).to_string());
    predicates
}

/// The model's generics with the bounds of the rules.
pub(crate) fn plain(model: &Model) -> Generics {
    with(model, &[], |_| Vec::new())
}

/// For `Deserialize<'de>`.
pub(crate) fn deserialize(model: &Model) -> Generics {
    let mut generics = with(model, &read_params(model), |param| {
        vec![parse_quote!(#param: __h::Deserialize<'de>)]
    });
    generics.params.insert(0, parse_quote!('de));
    generics
}

/// For `Inspect` and `Inside`.
pub(crate) fn inspect(model: &Model) -> Generics {
    with(model, &read_params(model), |param| {
        vec![parse_quote!(#param: __h::Inspect + __h::serde::de::DeserializeOwned)]
    })
}

/// For `JsonSchema`.
pub(crate) fn schema(model: &Model) -> Generics {
    let params: Vec<Ident> = model
        .generics
        .type_params()
        .map(|param| param.ident.clone())
        .collect();
    with(model, &params, |param| {
        vec![parse_quote!(#param: __h::JsonSchema)]
    })
}

fn with(model: &Model, params: &[Ident], ask: impl Fn(&Ident) -> Vec<WherePredicate>) -> Generics {
    let mut generics = model.generics.clone();
    for param in generics.type_params_mut() {
        param.default = None;
    }
    let predicates: Vec<WherePredicate> = by_rules(model)
        .into_iter()
        .chain(params.iter().flat_map(ask))
        .collect();
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}
