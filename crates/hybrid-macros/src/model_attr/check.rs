//! Checks of a whole model. Each function checks one rule.

use std::collections::HashMap;

use syn::Type;

use super::model::{Body, Field, Model, Shape, ShapeKind};
use super::serde_attr::DefaultFn;
use crate::diag::Diagnostics;
use crate::types;

/// Runs all checks.
pub(crate) fn model(model: &Model, diag: &mut Diagnostics) {
    one_origin(model, diag);
    forms(model, diag);
    let shapes: Vec<&Shape> = match &model.body {
        Body::Struct(shape) => vec![shape],
        Body::Enum(_, variants) => variants.iter().map(|variant| &variant.shape).collect(),
    };
    for shape in shapes {
        wire_names(shape, diag);
        closed(model, shape, diag);
        for field in &shape.fields {
            one_name(shape, field, diag);
            one_default(field, diag);
            flattened(field, diag);
            skipped(field, diag);
            if model.is_read() {
                owned(field, diag);
            }
        }
    }
}

/// A type is made from one other type, or from its own fields.
fn one_origin(model: &Model, diag: &mut Diagnostics) {
    if let (Some(_), Some(second)) = (&model.serde.from, &model.serde.try_from) {
        diag.error(second, "`from` and `try_from` exclude each other, keep one");
    }
    if model.made_from().is_some() && model.serde.transparent {
        diag.error(
            &model.name,
            "`transparent` and `from` exclude each other, keep one",
        );
    }
}

/// Attributes for enums are allowed only on enums, and an enum has a variant.
fn forms(model: &Model, diag: &mut Diagnostics) {
    match &model.body {
        Body::Struct(shape) => {
            if let Some(tag) = &model.serde.tag {
                diag.error(tag, "`tag` is for enums, make it a field with `one_of`");
            }
            let read = shape.fields.iter().filter(|field| field.is_read()).count();
            if model.serde.transparent && read != 1 {
                diag.error(
                    &model.name,
                    "`transparent` needs exactly one field that is read",
                );
            }
        }
        Body::Enum(_, variants) => {
            if variants.iter().all(|variant| variant.skip) {
                diag.error(
                    &model.name,
                    "an enum without variants has no value, add one",
                );
            }
            let mut seen = HashMap::new();
            for variant in variants.iter().filter(|variant| !variant.skip) {
                for name in std::iter::once(&variant.wire).chain(&variant.aliases) {
                    if let Some(other) = seen.insert(name.clone(), variant.name.to_string()) {
                        let message = format!(
                            "the variant `{other}` bears the name `{name}` already, rename one of them"
                        );
                        diag.error(&variant.name, message);
                    }
                }
            }
        }
    }
    if let (Some(content), None) = (&model.serde.content, &model.serde.tag) {
        diag.error(
            content,
            "`content` stands beside a `tag`, add `tag = \"..\"`",
        );
    }
}

/// Two fields have one name: the second would never be read.
fn wire_names(shape: &Shape, diag: &mut Diagnostics) {
    if shape.kind != ShapeKind::Named {
        return;
    }
    let mut seen: HashMap<&str, &Field> = HashMap::new();
    for field in shape
        .fields
        .iter()
        .filter(|field| field.is_read() && !field.serde.flatten)
    {
        for name in std::iter::once(&field.wire).chain(&field.serde.aliases) {
            if let Some(other) = seen.insert(name, field)
                && !std::ptr::eq(other, field)
            {
                let other = other.shown();
                let message = format!(
                    "the field `{other}` bears the name `{name}` already, rename one of them"
                );
                diag.error_at(field.span, message);
            }
        }
    }
}

/// serde cannot tell an unknown key from one of a flattened field.
fn closed(model: &Model, shape: &Shape, diag: &mut Diagnostics) {
    let flattened = shape.fields.iter().find(|field| field.serde.flatten);
    if let (true, Some(field)) = (model.deny, flattened) {
        let message = "a flattened field leaves no unknown keys to refuse, remove `deny_unknown` or `flatten`";
        diag.error_at(field.span, message);
    }
    let object = shape.kind == ShapeKind::Named || matches!(model.body, Body::Enum(..));
    if let (false, Some(span)) = (object, model.deny_at) {
        diag.error_at(
            span,
            "`deny_unknown` is about the keys of objects, this type has none",
        );
    }
}

/// A wire name is written once, and only on a field that has one.
fn one_name(shape: &Shape, field: &Field, diag: &mut Diagnostics) {
    let Some(alias) = &field.rules.alias else {
        return;
    };
    if let Some(rename) = &field.serde.rename {
        let message = format!(
            "the name is given twice, {} by serde: keep one",
            rename.token()
        );
        diag.error(alias, message);
    }
    if shape.kind != ShapeKind::Named {
        diag.error(
            alias,
            "a field without a name has none on the wire either, remove `alias`",
        );
    }
}

fn one_default(field: &Field, diag: &mut Diagnostics) {
    if field.rules.has_default() && field.serde.default.is_some() {
        diag.error_at(
            field.span,
            "the default is given twice, here and by serde: keep one",
        );
    }
}

/// A flattened field has no place of its own, so no rule can be reported there.
fn flattened(field: &Field, diag: &mut Diagnostics) {
    if !field.serde.flatten {
        return;
    }
    if field.has_rules() {
        let message =
            "a flattened field has no place of its own: put the rules on the fields inside it";
        diag.error_at(field.span, message);
    }
    if field.rules.alias.is_some() || field.rules.has_default() {
        diag.error_at(
            field.span,
            "a flattened field has no name and no default, remove them",
        );
    }
}

/// A skipped field is not read.
fn skipped(field: &Field, diag: &mut Diagnostics) {
    if field.serde.skip && (field.has_rules() || field.rules.has_default()) {
        diag.error_at(
            field.span,
            "nothing is read into a skipped field: remove its rules, or `skip`",
        );
    }
    if field.serde.skip && field.serde.flatten {
        diag.error_at(
            field.span,
            "`skip` and `flatten` exclude each other, keep one",
        );
    }
}

/// The body is dropped before the handler runs, so a model owns its values.
fn owned(field: &Field, diag: &mut Diagnostics) {
    if let Type::Reference(reference) = types::bare(&field.ty)
        && field.is_read()
    {
        let owned = match types::spelled(&reference.elem).as_str() {
            "str" => "String".to_owned(),
            elem => elem
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
        };
        let message = format!("a model owns what it holds, write `{owned}` instead of a reference");
        diag.error(&field.ty, message);
    }
    if let (Some(DefaultFn::Standard), true) = (&field.serde.default, field.serde.flatten) {
        diag.error_at(
            field.span,
            "a flattened field has no default, remove `default`",
        );
    }
}
