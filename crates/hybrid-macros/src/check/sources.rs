//! Checks of the sources of arguments.

use syn::Type;
use syn::ext::IdentExt as _;

use crate::diag::{Diagnostics, nearest};
use crate::model::{Argument, ArgumentKind, ArgumentSource, Route, Signature};
use crate::types::{self, TypeKind};

/// Every name of the path belongs to an argument, and every argument has a source. A name that is close to that of an
/// argument without a source is one mistake, reported at the argument.
pub(super) fn names_and_arguments(route: &Route, diag: &mut Diagnostics) {
    let Some(path) = &route.path else { return };
    let params = &route.signature.params;
    if !path.names_are_sound {
        return borrowed_arguments(params, diag);
    }
    let taken = |name: &str| {
        params
            .iter()
            .filter_map(Argument::text)
            .any(|text| text.source == ArgumentSource::Path && text.wire == name)
    };
    let whole = params.iter().any(|param| takes_whole_path(&param.ty));
    let broken = params.iter().any(|param| param.broken);
    let mut missing: Vec<_> = path
        .names
        .iter()
        .filter(|name| !whole && !broken && !name.text.starts_with('_') && !taken(&name.text))
        .collect();
    for param in params
        .iter()
        .filter(|param| !param.broken && matches!(param.read, ArgumentKind::Extractor))
    {
        let near = nearest_missing(param, &missing);
        missing.retain(|name| Some(&name.text) != near.as_ref());
        without_source(param, near.as_deref(), Place::Handler, diag);
    }
    for name in missing {
        let text = &name.text;
        let ty = if name.rest { "String" } else { "u64" };
        let message = format!(
            "the path has `{text}` and no argument takes it: add `{text}: {ty}`, or write `_{text}` in the path to pass over it"
        );
        diag.error_at(path.span_of(name), message);
    }
}

/// Reports what does not depend on the names of the path, while these are unknown.
fn borrowed_arguments(params: &[Argument], diag: &mut Diagnostics) {
    for param in params
        .iter()
        .filter(|param| matches!(param.read, ArgumentKind::Extractor))
    {
        if let Some(message) = borrowed(&param.ty) {
            diag.error(&param.ty, message);
        }
    }
}

fn takes_whole_path(ty: &Type) -> bool {
    types::is(types::bare(ty), "Path")
}

/// The name of the path that a misspelled argument was meant for.
fn nearest_missing(
    param: &Argument,
    missing: &[&crate::parse::template::PathName],
) -> Option<String> {
    let name = param.name.as_ref()?.unraw().to_string();
    let known: Vec<&str> = missing.iter().map(|name| name.text.as_str()).collect();
    single(&param.ty)?;
    nearest(&name, &known).map(str::to_owned)
}

/// Every argument of an extractor has a source. An extractor has no path that could be one.
pub(crate) fn sources(signature: &Signature, diag: &mut Diagnostics) {
    for param in &signature.params {
        if !param.broken && matches!(param.read, ArgumentKind::Extractor) {
            without_source(param, None, Place::Extractor, diag);
        }
    }
}

/// The owner of an argument: only a handler has a path and a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Handler,
    Extractor,
}

/// Reports an argument whose type does not name a source. `near` is a similar name of the path.
fn without_source(param: &Argument, near: Option<&str>, place: Place, diag: &mut Diagnostics) {
    let at = &param.at;
    if let Some(message) = borrowed(&param.ty) {
        return diag.error(&param.ty, message);
    }
    let Some(spelled) = single(&param.ty) else {
        return;
    };
    let name = param
        .name
        .as_ref()
        .map_or_else(|| "name".to_owned(), |name| name.unraw().to_string());
    if let Some(near) = near {
        let message = format!(
            "the path has `{near}` and the argument is `{name}`: write `{near}: {spelled}`"
        );
        return diag.error(at, message);
    }
    if place == Place::Extractor {
        let message = format!(
            "`{name}` has no source: write `#[query]`, `#[header]`, `#[cookie]` or `#[path]` before `{name}: {spelled}`"
        );
        return diag.error(at, message);
    }
    let bare = types::bare(&param.ty);
    let message = match spelled.as_str() {
        "String" => format!(
            "`{name}` has no source: write `#[query] {name}: String`, `#[body] {name}: String`, or `{{{name}}}` in the path"
        ),
        "Vec<u8>" => format!("`{name}` has no source: write `{name}: Bytes` for the body"),
        _ if types::kind(bare) == TypeKind::Map => {
            format!(
                "`{name}` has no source: write `{name}: Query<{spelled}>` or `{name}: Json<{spelled}>`"
            )
        }
        _ if types::kind(bare) == TypeKind::List => {
            format!(
                "`{name}` has no source: write `#[query] {name}: {spelled}` or `{name}: Json<{spelled}>`"
            )
        }
        _ => format!(
            "`{name}` has no source: write `#[query] {name}: {spelled}`, or `{{{name}}}` in the path"
        ),
    };
    diag.error(at, message);
}

/// The spelling of a type that holds a plain value and has no source.
fn single(ty: &Type) -> Option<String> {
    let bare = types::bare(ty);
    let plain = types::kind(bare) != TypeKind::Unknown
        || [
            "IpAddr",
            "Ipv4Addr",
            "Ipv6Addr",
            "SocketAddr",
            "Uuid",
            "Cow",
            "PathBuf",
        ]
        .iter()
        .any(|name| types::is(bare, name));
    plain.then(|| types::spelled(ty))
}

/// A handler owns its arguments.
pub(super) fn borrowed(ty: &Type) -> Option<String> {
    let Type::Reference(reference) = ty else {
        return None;
    };
    let inner = &reference.elem;
    let owned = if types::is(inner, "str") {
        "String".to_owned()
    } else if let Type::Slice(slice) = &**inner {
        if types::is(&slice.elem, "u8") {
            "Bytes".to_owned()
        } else {
            format!("Vec<{}>", types::spelled(&slice.elem))
        }
    } else {
        types::spelled(inner)
    };
    let ty = types::spelled(ty);
    Some(format!(
        "`{ty}` borrows, and a handler owns its arguments: write `{owned}`"
    ))
}
