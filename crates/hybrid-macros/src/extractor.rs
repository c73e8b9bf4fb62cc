//! `#[extractor]`: a function that makes a value from the head of a request.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Type};

use crate::diag::Diagnostics;
use crate::expand::arguments;
use crate::model::{self, Signature};
use crate::options::Options;
use crate::parse::function::Function;
use crate::{check, derives, types};

/// Expands the attribute on one function.
pub(crate) fn extractor(attr: TokenStream, item: TokenStream) -> (TokenStream, Diagnostics) {
    let mut function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let mut diag = Diagnostics::nameless("#[extractor]");
            diag.syntax(error);
            return (item, diag);
        }
    };
    let mut diag = Diagnostics::new("extractor", function.name());
    let mut options = Options::parse(attr, &mut diag);
    let root = model::root(&mut function, &mut options, &mut diag);
    for value in &options.positional {
        diag.error(value, "an extractor has no path, remove this");
    }
    options.reject_rest(&["crate"], &mut diag);
    let signature = Signature::build(&mut function, root, |_| false, &mut diag);
    check(&signature, &function, &mut diag);
    let rest = match made(&signature) {
        Some(ty) if diag.is_empty() => expand(&signature, ty),
        Some(ty) if function.sig.receiver().is_none() => stub(&signature, ty),
        _ => TokenStream::new(),
    };
    function.allow_arguments();
    (quote!(#function #rest), diag)
}

/// The type of the value, without the `Result` around it.
fn made(signature: &Signature) -> Option<&Type> {
    let output = signature.output.as_ref()?;
    if is_result(signature) {
        types::argument(output, 0)
    } else {
        Some(output)
    }
}

fn is_result(signature: &Signature) -> bool {
    signature
        .output
        .as_ref()
        .is_some_and(|output| types::is(output, "Result"))
}

fn check(signature: &Signature, function: &Function, diag: &mut Diagnostics) {
    check::plain_function(function, "extractor", diag);
    check::future_by_hand(function, diag);
    check::parameters(signature, diag);
    check::sources(signature, diag);
    no_body(signature, diag);
    let message = "an extractor returns what it makes: `-> User`, or `-> Result<User, Problem>`";
    match made(signature) {
        None => diag.error(&signature.name, message),
        Some(ty) => makes_own_type(ty, message, diag),
    }
}

/// An extractor cannot read the body, which is read once, after all guards.
fn no_body(signature: &Signature, diag: &mut Diagnostics) {
    for param in signature
        .params
        .iter()
        .filter(|param| check::reads_body(param))
    {
        let message = "an extractor runs before the body is read: implement `FromRequest` for a type that reads it";
        diag.error(&param.ty, message);
    }
}

/// The trait is implemented for the returned type, so it must be a type of the user's crate.
fn makes_own_type(ty: &Type, message: &str, diag: &mut Diagnostics) {
    match ty {
        Type::Tuple(tuple) if tuple.elems.is_empty() => diag.error(ty, message),
        Type::Path(_)
            if types::kind(ty) == types::TypeKind::Unknown && types::option(ty).is_none() => {}
        Type::Path(_)
        | Type::Tuple(_)
        | Type::Reference(_)
        | Type::Array(_)
        | Type::ImplTrait(_) => {
            let spelled = types::spelled(ty);
            let inner = types::spelled(types::option(ty).unwrap_or(ty));
            let message = match types::option(ty) {
                Some(_) => format!(
                    "an extractor makes a type of your own: return `{inner}`, handlers take `{spelled}` of it"
                ),
                None => format!(
                    "an extractor makes a type of your own: wrap it, `struct Made({spelled});`"
                ),
            };
            diag.error(ty, message);
        }
        _ => {}
    }
}

fn expand(signature: &Signature, ty: &Type) -> TokenStream {
    let statics = arguments::statics(signature);
    let tuple = arguments::tuple(signature);
    let values = signature.params.iter().map(|param| &param.ty);
    let call = call(signature);
    let extract = if signature.is_async {
        quote!(extract)
    } else {
        quote!(extract_on_pool)
    };
    let (parts, to) = (
        Ident::new("__parts", Span::mixed_site()),
        Ident::new("__to", Span::mixed_site()),
    );
    // Without parameters the tuple is a unit, which clippy would report.
    let params = &signature.params;
    let unit = params
        .is_empty()
        .then(|| quote!(#[allow(clippy::unused_unit)]));
    let inside = quote! {
        #statics
        #unit
        fn __arguments() -> impl __h::Arguments<Values = (#(#values,)*)> {
            #tuple
        }
        impl __h::FromRequestParts for #ty {
            type Rejection = __h::Response;
            fn describe(#to: &mut __h::Describe) {
                __h::describe_arguments(&__arguments(), #to)
            }
            async fn from_request_parts(#parts: &mut __h::Parts) -> ::core::result::Result<Self, __h::Response> {
                __h::#extract(#parts, __arguments(), #call).await
            }
        }
    };
    with_cfgs(signature, &inside)
}

/// The call. A function that cannot fail is wrapped in `Ok`.
fn call(signature: &Signature) -> TokenStream {
    if is_result(signature) {
        return arguments::call(signature);
    }
    let name = &signature.name;
    let (pattern, bindings) = arguments::pattern(signature);
    let ok = quote!(::core::result::Result::<_, ::core::convert::Infallible>::Ok);
    if signature.is_async {
        quote!(|#pattern| async move { #ok(#name(#(#bindings),*).await) })
    } else {
        quote!(|#pattern| #ok(#name(#(#bindings),*)))
    }
}

fn stub(signature: &Signature, ty: &Type) -> TokenStream {
    if !matches!(ty, Type::Path(_))
        || types::kind(ty) != types::TypeKind::Unknown
        || types::option(ty).is_some()
    {
        return TokenStream::new();
    }
    let inside = quote! {
        impl __h::FromRequestParts for #ty {
            type Rejection = __h::Response;
            async fn from_request_parts(_: &mut __h::Parts) -> ::core::result::Result<Self, __h::Response> {
                ::core::unreachable!()
            }
        }
    };
    with_cfgs(signature, &inside)
}

fn with_cfgs(signature: &Signature, inside: &TokenStream) -> TokenStream {
    let cfgs = &signature.cfgs;
    let block = derives::block(&signature.root, inside);
    quote!(#(#cfgs)* #block)
}
