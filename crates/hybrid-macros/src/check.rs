//! The rules that a whole handler must keep, one function each, the rule in prose above it.
//!
//! They read the model and point at the user's tokens. What rustc says better (a type that does not exist, a literal
//! that does not fit) is not said here.

use syn::ext::IdentExt as _;
use syn::{FnArg, Safety, Type};

use crate::diag::{Diagnostics, nearest};
use crate::model::{Param, Read, Route, Signature, Source, Text, says_source};
use crate::parse::function::{Function, is_route};
use crate::settings::Lane;
use crate::types::{self, Kind};

/// Arguments of one handler at most.
const ARGUMENTS_MAX: usize = 16;

/// Types that read the body by themselves.
const BODIES: &[&str] = &[
    "Json",
    "Form",
    "Multipart",
    "Request",
    "BodyStream",
    "BodyReader",
];

/// Runs every check on a route.
pub(crate) fn route(route: &Route, function: &Function, diag: &mut Diagnostics) {
    plain_function(function, "handler", diag);
    one_route(function, diag);
    future_by_hand(function, diag);
    lane_fits(route, diag);
    worker_needs_process(route, diag);
    names_and_arguments(route, diag);
    one_body(&route.signature, diag);
    parameters(&route.signature, diag);
    streams_fit(&route.signature, diag);
    not_too_many(&route.signature, diag);
}

/// What holds for the arguments of extractors as well.
pub(crate) fn parameters(signature: &Signature, diag: &mut Diagnostics) {
    for param in signature.params.iter().filter(|param| !param.broken) {
        match &param.read {
            Read::Text(text) => single_value(param, text, diag),
            Read::RawBody => raw_body(param, diag),
            Read::Extractor => {}
        }
    }
    read_once(signature, diag);
}

/// A handler is called by name, with owned values: no receiver, no generics, nothing `const`, `unsafe` or `extern`.
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

/// One function is one route; two attributes would make two structs of one name.
fn one_route(function: &Function, diag: &mut Diagnostics) {
    for attr in function.attrs.iter().filter(|attr| is_route(attr)) {
        let message = "a handler has one route: write `#[route(\"/path\", methods = [..])]` for several methods, \
                       or a second function for a second path";
        diag.error(attr, message);
    }
}

/// A plain `fn` that returns a future would make it on a pool thread and never run it.
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

/// `event` polls a future, the other lanes call a function.
fn lane_fits(route: &Route, diag: &mut Diagnostics) {
    let Some((lane, word)) = &route.settings.lane else {
        return;
    };
    let message = match (lane, route.signature.is_async) {
        (Lane::Event, false) => {
            "`lane = event` needs an `async fn`: write `async fn`, or remove the lane"
        }
        (Lane::Pool, true) => {
            "`lane = pool` needs a plain `fn`: remove `async`, or remove the lane and call `hybrid::run_on_pool(..)` inside"
        }
        (Lane::Inline, true) => {
            "`lane = inline` needs a plain `fn`: remove `async`, or remove the lane"
        }
        (Lane::Auto, true) => {
            "`lane = auto` needs a plain `fn`: remove `async`, or remove the lane, an `async fn` runs on the event loop already"
        }
        (Lane::Process, true) => {
            "`lane = process` needs a plain `fn`: remove `async`, or remove the lane"
        }
        (Lane::Event, true) | (Lane::Pool | Lane::Auto | Lane::Inline | Lane::Process, false) => {
            return;
        }
    };
    diag.error(word, message);
}

/// What limits a worker process says nothing on another lane.
fn worker_needs_process(route: &Route, diag: &mut Diagnostics) {
    if route.lane() == Lane::Process || route.settings.lane_is_broken {
        return;
    }
    for word in &route.settings.worker.words {
        diag.error(word, format_args!("`{word}` needs `lane = process`"));
    }
}

/// Every name of the path is taken by an argument, and every argument has a source. A name that is nearly that of
/// an argument without a source is one mistake, told at the argument.
fn names_and_arguments(route: &Route, diag: &mut Diagnostics) {
    let Some(path) = &route.path else { return };
    let params = &route.signature.params;
    if !path.names_are_sound {
        return borrowed_arguments(params, diag);
    }
    let taken = |name: &str| {
        params
            .iter()
            .filter_map(Param::text)
            .any(|text| text.source == Source::Path && text.wire == name)
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
        .filter(|param| !param.broken && matches!(param.read, Read::Extractor))
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

/// What can be said while the names of the path are in doubt.
fn borrowed_arguments(params: &[Param], diag: &mut Diagnostics) {
    for param in params
        .iter()
        .filter(|param| matches!(param.read, Read::Extractor))
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
fn nearest_missing(param: &Param, missing: &[&crate::parse::template::Name]) -> Option<String> {
    let name = param.name.as_ref()?.unraw().to_string();
    let known: Vec<&str> = missing.iter().map(|name| name.text.as_str()).collect();
    single(&param.ty)?;
    nearest(&name, &known).map(str::to_owned)
}

/// Every argument of an extractor has a source; there is no path that could be one.
pub(crate) fn sources(signature: &Signature, diag: &mut Diagnostics) {
    for param in &signature.params {
        if !param.broken && matches!(param.read, Read::Extractor) {
            without_source(param, None, Place::Extractor, diag);
        }
    }
}

/// Whose argument it is: only a handler has a path and a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Handler,
    Extractor,
}

/// An argument whose type says nothing about where it comes from. `near` is the name of the path that it may mean.
fn without_source(param: &Param, near: Option<&str>, place: Place, diag: &mut Diagnostics) {
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
        _ if types::kind(bare) == Kind::Map => {
            format!(
                "`{name}` has no source: write `{name}: Query<{spelled}>` or `{name}: Json<{spelled}>`"
            )
        }
        _ if types::kind(bare) == Kind::List => {
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

/// How a type is spelled that holds a plain value and no source.
fn single(ty: &Type) -> Option<String> {
    let bare = types::bare(ty);
    let plain = types::kind(bare) != Kind::Unknown
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
fn borrowed(ty: &Type) -> Option<String> {
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

/// One argument reads the body; fields of one form count as one.
fn one_body(signature: &Signature, diag: &mut Diagnostics) {
    let mut first: Option<(&Param, Option<&str>)> = None;
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
pub(crate) fn reads_body(param: &Param) -> bool {
    body_kind(param).is_some()
}

/// What reads the body, as far as the spelling tells.
fn body_kind(param: &Param) -> Option<&'static str> {
    match &param.read {
        Read::RawBody => Some("#[body]"),
        Read::Text(text) => (text.source == Source::Form).then_some("#[form]"),
        Read::Extractor => {
            let ty = types::bare(&param.ty);
            (types::is(ty, "Bytes") || BODIES.iter().any(|name| types::is(ty, name)))
                .then_some("a type")
        }
    }
}

/// A type that one text, or the texts of one key, can become.
fn single_value(param: &Param, text: &Text, diag: &mut Diagnostics) {
    let (ty, word) = (&param.ty, text.source.word());
    if let Some(message) = borrowed(ty).or_else(|| no_value(ty, text)) {
        return diag.error(ty, message);
    }
    if text.source != Source::Path {
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
    } else if types::kind(ty) == Kind::List {
        let inner = types::argument(ty, 0).map_or_else(|| "T".to_owned(), types::spelled);
        let message = format!(
            "a name of the path has one value, `{spelled}` has several: write `{inner}`, or `#[{word}]` becomes `#[query]`"
        );
        diag.error(ty, message);
    }
}

/// Types that no text can become, each with what is meant.
fn no_value(ty: &Type, text: &Text) -> Option<String> {
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
    if types::kind(bare) == Kind::Map {
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
    let nested = types::kind(bare) == Kind::List
        && types::argument(bare, 0)
            .is_some_and(|inner| types::kind(types::bare(inner)) == Kind::List);
    nested.then(|| {
        let inner = types::spelled(types::element(bare));
        format!("a key has a list of values, not a list of lists: write `Vec<{inner}>`, or take `Json<{spelled}>`")
    })
}

fn word_of_wrapper(source: Source) -> &'static str {
    match source {
        Source::Path => "Path",
        Source::Query => "Query",
        Source::Header | Source::Cookie => "Header",
        Source::Form => "Form",
    }
}

/// `#[body]` is the body as it came; what is in it is read by `Json<T>` and `Form<T>`.
fn raw_body(param: &Param, diag: &mut Diagnostics) {
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
    } else if !matches!(types::kind(bare), Kind::Text | Kind::Unknown) && spelled != "Vec<u8>" {
        let message = format!(
            "`#[body]` is the body as it came, a `String` or `Bytes`: write `Json<{spelled}>` for a value in it"
        );
        diag.error(ty, message);
    }
}

/// Two arguments for one value are a slip, such as a name that was copied.
fn read_once(signature: &Signature, diag: &mut Diagnostics) {
    let mut seen: Vec<(Source, &str)> = Vec::new();
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

/// A thread reads a body as `std::io::Read`, a future as a stream.
fn streams_fit(signature: &Signature, diag: &mut Diagnostics) {
    for param in signature
        .params
        .iter()
        .filter(|param| matches!(param.read, Read::Extractor))
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

/// Arguments are a tuple, and tuples have an end.
fn not_too_many(signature: &Signature, diag: &mut Diagnostics) {
    if let Some(param) = signature.params.get(ARGUMENTS_MAX) {
        let message = format!(
            "a handler has at most {ARGUMENTS_MAX} arguments: put some together in a `#[model]`, as `Query<T>` or `Json<T>`"
        );
        diag.error(&param.at, message);
    }
}
