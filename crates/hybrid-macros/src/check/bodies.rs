//! Checks of the arguments that read the body.

use crate::diag::Diagnostics;
use crate::model::{Argument, ArgumentKind, ArgumentSource, Signature};
use crate::types;

/// Types that read the body.
pub(super) const BODIES: &[&str] = &[
    "Json",
    "Form",
    "Multipart",
    "Request",
    "BodyStream",
    "BodyReader",
];

/// At most one argument reads the body. Fields of one form count as one.
pub(super) fn one_body(signature: &Signature, diag: &mut Diagnostics) {
    let mut first: Option<(&Argument, Option<&str>)> = None;
    for param in &signature.params {
        let Some(kind) = body_kind(param) else {
            continue;
        };
        let form = (kind == "#[form]").then_some(kind);
        match first {
            None => first = Some((param, form)),
            Some((_, Some(_))) if form.is_some() => {}
            Some((before, _)) => {
                let before = before
                    .name
                    .as_ref()
                    .map_or_else(|| "an argument".to_owned(), |name| format!("`{name}`"));
                let message = format!(
                    "a request has one body, and {before} reads it already: keep one of them"
                );
                diag.error(&param.ty, message);
            }
        }
    }
}

/// Whether an argument reads the body, as far as the spelling tells.
pub(crate) fn reads_body(param: &Argument) -> bool {
    body_kind(param).is_some()
}

/// How an argument reads the body, as far as the spelling of its type tells.
fn body_kind(param: &Argument) -> Option<&'static str> {
    match &param.read {
        ArgumentKind::RawBody => Some("#[body]"),
        ArgumentKind::Text(text) => (text.source == ArgumentSource::Form).then_some("#[form]"),
        ArgumentKind::Extractor => {
            let ty = types::bare(&param.ty);
            (types::is(ty, "Bytes") || BODIES.iter().any(|name| types::is(ty, name)))
                .then_some("a type")
        }
    }
}

/// A plain `fn` reads a body as `std::io::Read`, an `async fn` as a stream.
pub(super) fn streams_fit(signature: &Signature, diag: &mut Diagnostics) {
    for param in signature
        .params
        .iter()
        .filter(|param| matches!(param.read, ArgumentKind::Extractor))
    {
        let ty = &param.ty;
        if signature.is_async && types::is(ty, "BodyReader") {
            diag.error(ty, "`BodyReader` blocks, an `async fn` must not: write `BodyStream`, or remove `async`");
        }
        for name in ["BodyStream", "Multipart"] {
            if !signature.is_async && types::is(ty, name) {
                let message = format!(
                    "`{name}` is read in an `async fn`: write `async fn`, or `BodyReader` here"
                );
                diag.error(ty, message);
            }
        }
    }
}
