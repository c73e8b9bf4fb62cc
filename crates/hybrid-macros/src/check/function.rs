//! Checks of the function itself.

use syn::{FnArg, Safety, Type};

use crate::diag::Diagnostics;
use crate::parse::function::Function;
use crate::types;

/// The framework calls a handler by name, with owned values: no receiver, no generics, no `const`, `unsafe` or
/// `extern`.
pub(crate) fn plain_function(function: &Function, kind: &str, diag: &mut Diagnostics) {
    let sig = &function.sig;
    if let Some(word) = &sig.constness {
        diag.error(
            word,
            format_args!("a {kind} is no `const fn`, remove `const`"),
        );
    }
    if let Safety::Unsafe(word) = &sig.safety {
        diag.error(
            word,
            format_args!(
                "a {kind} is called with what clients send, so it is safe: remove `unsafe`"
            ),
        );
    }
    if let Some(abi) = &sig.abi {
        diag.error(
            abi,
            format_args!("a {kind} is a Rust function, remove `extern`"),
        );
    }
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        let message = format!(
            "a {kind} is a free function, it has no `self`: move it out of the `impl` and take `State<T>`"
        );
        diag.error(receiver, message);
    }
    for param in &sig.generics.params {
        let message = format!(
            "a {kind} has no generics: write the type in place of `{}`",
            generic_name(param)
        );
        diag.error(param, message);
    }
    for input in &sig.inputs {
        if let FnArg::Typed(arg) = input
            && let Type::ImplTrait(ty) = &*arg.ty
        {
            diag.error(
                ty,
                format_args!("a {kind} has no generics: write a type in place of `impl ..`"),
            );
        }
    }
}

fn generic_name(param: &syn::GenericParam) -> String {
    match param {
        syn::GenericParam::Type(ty) => ty.ident.to_string(),
        syn::GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_string(),
        syn::GenericParam::Const(constant) => constant.ident.to_string(),
    }
}

/// A plain `fn` that returns a future would create it on a pool thread, and nothing would poll it.
pub(crate) fn future_by_hand(function: &Function, diag: &mut Diagnostics) {
    if function.is_async() {
        return;
    }
    if let Some(output) = function.output()
        && is_future(output)
    {
        diag.error(output, "a future is returned by a plain `fn`: write `async fn` and the type that it resolves to");
    }
}

fn is_future(ty: &Type) -> bool {
    let bounds = match ty {
        Type::ImplTrait(ty) => &ty.bounds,
        Type::TraitObject(ty) => &ty.bounds,
        _ => {
            let boxed = types::is(ty, "Pin") || types::is(ty, "Box");
            return types::is(ty, "BoxFuture")
                || types::is(ty, "LocalBoxFuture")
                || (boxed && types::argument(ty, 0).is_some_and(is_future));
        }
    };
    bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "Future"),
        _ => false,
    })
}
