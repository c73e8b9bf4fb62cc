//! Checks of the types of arguments with a source.

use syn::Type;

use super::bodies::BODIES;
use super::sources::borrowed;
use crate::diag::Diagnostics;
use crate::model::{Argument, ArgumentSource, Signature, TextArgument, says_source};
use crate::types::{self, TypeKind};

/// A type that one text, or the texts of one key, can become.
pub(super) fn single_value(param: &Argument, text: &TextArgument, diag: &mut Diagnostics) {
    let (ty, word) = (&param.ty, text.source.word());
    if let Some(message) = borrowed(ty).or_else(|| no_value(ty, text)) {
        return diag.error(ty, message);
    }
    if text.source != ArgumentSource::Path {
        return;
    }
    let spelled = types::spelled(ty);
    if types::option(ty).is_some() {
        let inner = types::spelled(types::bare(ty));
        let message =
            format!("a name of the path is always there: write `{inner}` in place of `{spelled}`");
        diag.error(ty, message);
    } else if text.rules.has_default() {
        let message =
            "a name of the path is always there, its default would never be used: remove it";
        diag.error(&param.at, message);
    } else if types::kind(ty) == TypeKind::List {
        let inner = types::argument(ty, 0).map_or_else(|| "T".to_owned(), types::spelled);
        let message = format!(
            "a name of the path has one value, `{spelled}` has several: write `{inner}`, or `#[{word}]` becomes `#[query]`"
        );
        diag.error(ty, message);
    }
}

/// Reports types that no text can become, with the intended type.
fn no_value(ty: &Type, text: &TextArgument) -> Option<String> {
    let word = text.source.word();
    let spelled = types::spelled(ty);
    let bare = types::bare(ty);
    match bare {
        Type::Tuple(tuple) if tuple.elems.is_empty() => {
            return Some("`()` holds nothing: write the type of the value".to_owned());
        }
        Type::Tuple(_) => {
            return Some(format!(
                "one text becomes one value, `{spelled}` has several: write one argument for each"
            ));
        }
        Type::Array(array) => {
            let inner = types::spelled(&array.elem);
            return Some(format!(
                "the number of values is the client's choice: write `Vec<{inner}>` and `min_items`, `max_items`"
            ));
        }
        Type::FnPtr(_) | Type::Ptr(_) | Type::Never(_) | Type::TraitObject(_) | Type::Slice(_) => {
            return Some(format!(
                "no text becomes `{spelled}`: write an owned type that implements `FromParam`"
            ));
        }
        _ => {}
    }
    if types::is(bare, "str") {
        return Some("`str` has no size: write `String`".to_owned());
    }
    if types::kind(bare) == TypeKind::Map {
        let name = word_of_wrapper(text.source);
        return Some(format!(
            "`#[{word}]` reads one value, `{spelled}` has many: write `{name}<{spelled}>` without the attribute"
        ));
    }
    if says_source(ty) {
        return Some(format!(
            "`{spelled}` says its source itself: remove `#[{word}]`"
        ));
    }
    if types::option(ty).is_some_and(|inner| types::option(inner).is_some()) {
        let inner = types::spelled(bare);
        return Some(format!("a value is there or not: write `Option<{inner}>`"));
    }
    let nested = types::kind(bare) == TypeKind::List
        && types::argument(bare, 0)
            .is_some_and(|inner| types::kind(types::bare(inner)) == TypeKind::List);
    nested.then(|| {
        let inner = types::spelled(types::element(bare));
        format!("a key has a list of values, not a list of lists: write `Vec<{inner}>`, or take `Json<{spelled}>`")
    })
}

fn word_of_wrapper(source: ArgumentSource) -> &'static str {
    match source {
        ArgumentSource::Path => "Path",
        ArgumentSource::Query => "Query",
        ArgumentSource::Header | ArgumentSource::Cookie => "Header",
        ArgumentSource::Form => "Form",
    }
}

/// `#[body]` is the raw body. `Json<T>` and `Form<T>` read its content.
pub(super) fn raw_body(param: &Argument, diag: &mut Diagnostics) {
    let ty = &param.ty;
    if let Some(message) = borrowed(ty) {
        return diag.error(ty, message);
    }
    let spelled = types::spelled(ty);
    let bare = types::bare(ty);
    if BODIES.iter().any(|name| types::is(bare, name)) {
        diag.error(
            ty,
            format_args!("`{spelled}` reads the body by itself: remove `#[body]`"),
        );
    } else if !matches!(types::kind(bare), TypeKind::Text | TypeKind::Unknown)
        && spelled != "Vec<u8>"
    {
        let message = format!(
            "`#[body]` is the body as it came, a `String` or `Bytes`: write `Json<{spelled}>` for a value in it"
        );
        diag.error(ty, message);
    }
}

/// Two arguments for one value are a mistake, such as a copied name.
pub(super) fn read_once(signature: &Signature, diag: &mut Diagnostics) {
    let mut seen: Vec<(ArgumentSource, &str)> = Vec::new();
    for param in &signature.params {
        let Some(text) = param.text() else { continue };
        let key = (text.source, text.wire.as_str());
        if seen.contains(&key) {
            let (word, wire) = (text.source.word(), &text.wire);
            diag.error(
                &param.at,
                format_args!("the {word} value `{wire}` is read by two arguments, keep one"),
            );
        }
        seen.push(key);
    }
}
