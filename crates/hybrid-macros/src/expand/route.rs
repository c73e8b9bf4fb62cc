//! Generates the struct that names the route, and the facts of the route.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Ident, LitStr};

use super::arguments;
use crate::model::{Route, Signature};
use crate::parse::function::Function;
use crate::settings::{Lane, OnDisconnect, Timeout};

/// All items after the user's function.
pub(crate) fn route(route: &Route) -> TokenStream {
    let signature = &route.signature;
    let name = &signature.name;
    let spec = spec(route);
    let statics = arguments::statics(signature);
    let tuple = arguments::tuple(signature);
    let call = arguments::call(signature);
    let error = arguments::error_type(signature)
        .map(|ty| quote_spanned!(ty.span()=> .error(__h::error!(#ty))));
    let lane = match route.lane() {
        Lane::Event => "event",
        Lane::Pool => "pool",
        Lane::Auto => "auto",
        Lane::Inline => "inline",
        Lane::Process => "process",
    };
    // The span of the compiler's error for a type that is not a response.
    let answer = signature
        .output
        .as_ref()
        .map_or_else(|| name.span(), |output| output.span());
    let lane = Ident::new(lane, answer);
    let endpoint = quote_spanned!(answer=> __h::#lane(#tuple, #call));
    let facts = quote! {
        #statics
        impl __h::Route for #name {
            const SPEC: __h::RouteSpec = #spec;
            fn endpoint() -> __h::Endpoint {
                #endpoint #error
            }
        }
    };
    around(signature, &facts)
}

/// A route that has a name and a description, but is never called. It replaces a route with mistakes, so that code that
/// names it does not fail too.
pub(crate) fn stub(function: &Function, root: &syn::Path) -> TokenStream {
    let name = function.name();
    let text = wire_name(name);
    let signature = Signature {
        name: name.clone(),
        vis: function.vis.clone(),
        cfgs: function.cfgs(),
        is_async: false,
        is_deprecated: false,
        params: Vec::new(),
        output: None,
        docs: crate::model::FunctionDocs::default(),
        root: root.clone(),
    };
    let facts = quote! {
        impl __h::Route for #name {
            const SPEC: __h::RouteSpec = __h::RouteSpec::new(#text, &[], "/");
            fn endpoint() -> __h::Endpoint {
                ::core::unreachable!()
            }
        }
    };
    around(&signature, &facts)
}

/// The struct, and the block that separates all other names from the user's names.
fn around(signature: &Signature, facts: &TokenStream) -> TokenStream {
    let Signature {
        name,
        vis,
        cfgs,
        root,
        ..
    } = signature;
    // The generated call of a deprecated function must not warn.
    let quiet = signature
        .is_deprecated
        .then(|| quote!(#[allow(deprecated)]));
    let submit = cfg!(feature = "discover").then(|| quote!(__h::submit!(#name);));
    // Resolved at the call site: if another item has the name, rustc adds that the attribute generated this one.
    let mut declared = name.clone();
    declared.set_span(Span::call_site().located_at(name.span()));
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, clippy::exhaustive_structs)]
        #vis struct #declared {}
        #(#cfgs)*
        #quiet
        const _: () = {
            use #root::__private as __h;
            #facts
            #submit
        };
    }
}

fn wire_name(name: &Ident) -> String {
    name.unraw().to_string()
}

/// The constant with the facts of the route.
fn spec(route: &Route) -> TokenStream {
    let settings = &route.settings;
    let name = wire_name(&route.signature.name);
    let methods = &route.methods;
    let path = route.path.as_ref().map(|path| &path.literal);
    // The position of the function: with its span, `line!()` is the line of its name, not of the attribute.
    let here = quote_spanned! {route.signature.name.span()=>
        .at(::core::file!(), ::core::line!(), ::core::module_path!())
    };
    let docs = &route.signature.docs;
    let text = |method: &str, text: &Option<String>| {
        let method = Ident::new(method, Span::call_site());
        text.as_ref().map(|text| quote!(.#method(#text)))
    };
    let summary = text(
        "summary",
        settings
            .summary
            .as_ref()
            .map_or(&docs.summary, |_| &settings.summary),
    );
    let description = text(
        "description",
        settings
            .description
            .as_ref()
            .map_or(&docs.description, |_| &settings.description),
    );
    let operation_id = text("operation_id", &settings.operation_id);
    let tags = tags(&settings.tags);
    let deprecated = settings.deprecated.then(|| quote!(.deprecated()));
    let hidden = settings.hidden.then(|| quote!(.hidden()));
    let limits = limits(route);
    quote! {
        __h::RouteSpec::new(#name, &[#(#methods),*], #path)
            #here #summary #description #tags #operation_id #deprecated #hidden #limits
    }
}

fn tags(tags: &[LitStr]) -> Option<TokenStream> {
    (!tags.is_empty()).then(|| quote!(.tags(&[#(#tags),*])))
}

fn limits(route: &Route) -> TokenStream {
    let settings = &route.settings;
    let lane = settings.lane.as_ref().map(|_| quote!(.lane_written()));
    let timeout = settings.timeout.map(|timeout| match timeout {
        Timeout::None => quote!(.no_timeout()),
        Timeout::Millis(millis) => {
            let millis = proc_macro2::Literal::u64_unsuffixed(millis);
            quote!(.timeout_ms(#millis))
        }
    });
    let concurrency = settings.max_concurrency.map(|most| {
        let most = proc_macro2::Literal::usize_unsuffixed(most);
        quote!(.max_concurrency(#most))
    });
    let body = settings.body_limit_bytes.map(|bytes| {
        let bytes = proc_macro2::Literal::u64_unsuffixed(bytes);
        quote!(.body_limit(#bytes))
    });
    let disconnect = settings.on_disconnect.map(|choice| match choice {
        OnDisconnect::Cancel => quote!(.on_disconnect(__h::OnDisconnect::Cancel)),
        OnDisconnect::Detach => quote!(.on_disconnect(__h::OnDisconnect::Detach)),
    });
    let memory = settings.worker.memory_bytes.map(|bytes| {
        let bytes = proc_macro2::Literal::u64_unsuffixed(bytes);
        quote!(.worker_memory(#bytes))
    });
    let cpu = settings.worker.cpu_s.map(|seconds| {
        let seconds = proc_macro2::Literal::u32_unsuffixed(seconds);
        quote!(.worker_cpu_s(#seconds))
    });
    let status = settings.status.map(|status| {
        let status = proc_macro2::Literal::u16_unsuffixed(status);
        quote!(.status(#status))
    });
    quote!(#lane #timeout #concurrency #body #disconnect #memory #cpu #status)
}
