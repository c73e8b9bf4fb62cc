//! `#[middleware]`: checks that a function has one of two signatures, and leaves it unchanged.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{FnArg, PatType, Type};

use crate::check;
use crate::diag::Diagnostics;
use crate::options::Options;
use crate::parse::function::Function;
use crate::types;

const AROUND: &str = "async fn(request: Request, next: Next) -> Response";
const BEFORE: &str = "fn(head: &Head) -> Result<(), Problem>";

/// Expands the attribute on one function.
pub(crate) fn middleware(attr: TokenStream, item: TokenStream) -> (TokenStream, Diagnostics) {
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let mut diag = Diagnostics::nameless("#[middleware]");
            diag.syntax(error);
            return (item, diag);
        }
    };
    let mut diag = Diagnostics::new("middleware", function.name());
    let mut options = Options::parse(attr, &mut diag);
    // No generated code names the crate, so `crate` is accepted and ignored.
    let _root = options.take("crate").and_then(|opt| opt.path(&mut diag));
    for value in &options.positional {
        diag.error(
            value,
            "a middleware has no path: `Group::middleware` says where it applies",
        );
    }
    options.reject_rest(&["crate"], &mut diag);
    check::plain_function(&function, "middleware", &mut diag);
    let args: Vec<&PatType> = function.sig.inputs.iter().filter_map(typed).collect();
    if diag.is_empty() {
        if function.is_async() {
            around(&function, &args, &mut diag)
        } else {
            before(&function, &args, &mut diag)
        }
    }
    (quote!(#function), diag)
}

fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(arg) => Some(arg),
        FnArg::Receiver(_) => None,
    }
}

/// An `async fn` wraps the handler: it may respond itself, or call `next`.
fn around(function: &Function, args: &[&PatType], diag: &mut Diagnostics) {
    if let [one] = args
        && is_head(&one.ty)
    {
        let message = format!(
            "a check of the head runs on the event loop, so it is a plain `fn`: remove `async`, `{BEFORE}`"
        );
        return diag.error(function.sig.asyncness, message);
    }
    if args.len() != 2 {
        return wrong(function, args, AROUND, diag);
    }
    for (arg, name) in args.iter().zip(["Request", "Next"]) {
        if types::kind(&arg.ty) != types::TypeKind::Unknown
            || matches!(&*arg.ty, Type::Reference(_) | Type::Tuple(_))
        {
            diag.error(
                &arg.ty,
                format_args!("this argument is `{name}`: `{AROUND}`"),
            );
        }
    }
    if function.output().is_none() {
        diag.error(
            function.name(),
            format_args!("it returns the answer: `{AROUND}`"),
        );
    }
}

/// A plain `fn` reads the head. It accepts or refuses the request.
fn before(function: &Function, args: &[&PatType], diag: &mut Diagnostics) {
    if args.iter().any(|arg| types::is(&arg.ty, "Next")) {
        let message = format!("what calls `next` waits for it, so it is an `async fn`: `{AROUND}`");
        return diag.error(function.sig.fn_token, message);
    }
    let [head] = args else {
        return wrong(function, args, BEFORE, diag);
    };
    if !matches!(&*head.ty, Type::Reference(_)) {
        diag.error(
            &head.ty,
            format_args!("the head is lent: write `&Head`, as in `{BEFORE}`"),
        );
    }
    match function.output() {
        None => diag.error(
            function.name(),
            format_args!("it says whether the request may pass: `{BEFORE}`"),
        ),
        Some(output) if types::kind(output) != types::TypeKind::Unknown => {
            diag.error(
                output,
                format_args!("it says whether the request may pass: `{BEFORE}`"),
            );
        }
        Some(_) => {}
    }
}

fn is_head(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => types::is(&reference.elem, "Head"),
        other => types::is(other, "Head"),
    }
}

fn wrong(function: &Function, args: &[&PatType], shape: &str, diag: &mut Diagnostics) {
    let other = if shape == AROUND { BEFORE } else { AROUND };
    let at = match args {
        [] => function.name().to_token_stream(),
        _ => function.sig.inputs.to_token_stream(),
    };
    diag.error(at, format_args!("a middleware is `{shape}` or `{other}`"));
}
