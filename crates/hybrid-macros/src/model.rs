//! What a handler means: the second stage.
//!
//! Built from what `parse` found, with every sound part filled in and every unsound part reported. `check` and `expand`
//! read this and never an attribute. Each value keeps the node that it came from, so that a check can point at it.

use proc_macro2::{Span, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt as _;
use syn::{Attribute, Ident, LitStr, Path, Type, Visibility};

use crate::diag::Diagnostics;
use crate::options::{Options, as_str};
use crate::parse::function::{self, Function};
use crate::parse::param::{RawParam, RawSource};
use crate::parse::template::Template;
use crate::rules::{self, Rules};
use crate::settings::{self, Lane, Settings};
use crate::types;

/// A handler with its route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) signature: Signature,
    pub(crate) methods: Vec<&'static str>,
    pub(crate) path: Option<Template>,
    pub(crate) settings: Settings,
}

/// What handlers and extractors have in common: a function whose arguments come from a request.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: Ident,
    pub(crate) vis: Visibility,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) is_async: bool,
    /// It bears `#[deprecated]`.
    pub(crate) is_deprecated: bool,
    pub(crate) params: Vec<Param>,
    pub(crate) output: Option<Type>,
    pub(crate) docs: Docs,
    /// Where the facade is found: `::hybrid`, unless `crate = path` says otherwise.
    pub(crate) root: Path,
}

/// The first paragraph of a doc comment, and the rest.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
}

/// One argument.
#[derive(Debug)]
pub(crate) struct Param {
    /// What the closure around the call binds: `__limit`.
    pub(crate) binding: Ident,
    pub(crate) ty: Type,
    pub(crate) read: Read,
    /// Where to point at: the pattern.
    pub(crate) at: TokenStream,
    /// The argument's own name, if it has exactly one.
    pub(crate) name: Option<Ident>,
    pub(crate) broken: bool,
}

/// How an argument comes about.
#[derive(Debug)]
pub(crate) enum Read {
    /// A single named value with its rules.
    Text(Box<Text>),
    /// `#[body]`: the raw body.
    RawBody,
    /// By its type.
    Extractor,
}

/// A single named value.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) source: Source,
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) rules: Rules,
    /// `style = csv`.
    pub(crate) csv: bool,
    /// The static that holds the `Param`: `__LIMIT`.
    pub(crate) place: Ident,
}

/// Where a single value is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Path,
    Query,
    Header,
    Cookie,
    Form,
}

impl Source {
    /// The word of the attribute and of the constructor.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Form => "form",
        }
    }
}

impl Route {
    /// The lane that is meant: the one named, or the signature's.
    pub(crate) fn lane(&self) -> Lane {
        match &self.settings.lane {
            Some((lane, _)) => *lane,
            None if self.signature.is_async => Lane::Event,
            None => Lane::Pool,
        }
    }

    /// Reads path, methods and settings of the attribute, then the arguments.
    pub(crate) fn build(
        method: Option<&'static str>,
        attr: TokenStream,
        function: &mut Function,
        diag: &mut Diagnostics,
    ) -> Self {
        let mut options = Options::parse(attr, diag);
        let methods = methods(method, &mut options, diag);
        let path = path(method, &mut options, diag);
        let mut settings = Settings::take(&mut options, diag);
        let root = root(function, &mut options, diag);
        let mut known = settings::WORDS.to_vec();
        known.extend(["methods", "crate"]);
        options.reject_rest(&known, diag);
        let names = path.as_ref();
        let signature = Signature::build(
            function,
            root,
            |name| names.is_some_and(|path| path.has(name)),
            diag,
        );
        settings.deprecated |= signature.is_deprecated;
        Self {
            signature,
            methods,
            path,
            settings,
        }
    }
}

impl Signature {
    /// Reads the function's arguments; `in_path` says which names the route's path has.
    pub(crate) fn build(
        function: &mut Function,
        root: Path,
        in_path: impl Fn(&str) -> bool,
        diag: &mut Diagnostics,
    ) -> Self {
        let mut params = Vec::new();
        for (index, raw) in function.take_params(diag).into_iter().enumerate() {
            let param = Param::build(index, raw, &params, &in_path, diag);
            params.push(param);
        }
        Self {
            name: function.name().clone(),
            vis: function.vis.clone(),
            cfgs: function.cfgs(),
            is_async: function.is_async(),
            is_deprecated: function
                .attrs
                .iter()
                .any(|attr| attr.path().is_ident("deprecated")),
            params,
            output: function.output().cloned(),
            docs: Docs::build(&function::docs(&function.attrs)),
            root,
        }
    }
}

impl Param {
    fn build(
        index: usize,
        raw: RawParam,
        before: &[Self],
        in_path: &impl Fn(&str) -> bool,
        diag: &mut Diagnostics,
    ) -> Self {
        let stem = raw
            .name()
            .map_or_else(|| format!("arg{index}"), |name| name.unraw().to_string());
        let stem = stem.trim_start_matches('_');
        let mut binding = format_ident!("__{}", stem, span = Span::mixed_site());
        let upper = binding.to_string().to_uppercase();
        if stem.is_empty()
            || before
                .iter()
                .any(|param| param.binding.to_string().to_uppercase() == upper)
        {
            binding = format_ident!("__{}_{}", stem, index, span = Span::mixed_site());
        }
        let place = format_ident!(
            "{}",
            binding.to_string().to_uppercase(),
            span = Span::mixed_site()
        );
        let pat = &raw.pat;
        let at = quote::quote!(#pat);
        let name = raw.name().cloned();
        let plain = raw.plain_name().map(|name| name.unraw().to_string());
        let path_name = plain.and_then(|name| path_name(&name, in_path));
        let path_name = path_name.filter(|_| raw.source.is_some() || !says_source(&raw.ty));
        let mut broken = raw.broken;
        let before = diag.len();
        let read = match raw.source {
            Some(source) => read(
                source,
                &raw.ty,
                name.as_ref(),
                path_name,
                place,
                &raw.docs,
                diag,
            ),
            None => match path_name {
                Some(wire) => text(Source::Path, wire, Rules::default(), place, &raw.docs),
                None => Read::Extractor,
            },
        };
        broken |= diag.len() > before;
        Self {
            binding,
            ty: raw.ty,
            read,
            at,
            name,
            broken,
        }
    }

    /// The single value, if the argument is one.
    pub(crate) fn text(&self) -> Option<&Text> {
        match &self.read {
            Read::Text(text) => Some(text),
            Read::RawBody | Read::Extractor => None,
        }
    }
}

/// Types that name their source.
const WRAPPERS: &[&str] = &[
    "Json",
    "Query",
    "Form",
    "Path",
    "Header",
    "State",
    "Extension",
];

/// Whether a type says by itself where it comes from, as far as its spelling tells.
pub(crate) fn says_source(ty: &Type) -> bool {
    WRAPPERS.iter().any(|name| types::is(types::bare(ty), name))
}

/// The name of the path that an argument's name stands for: the same, or without the `_` of an unused one.
fn path_name(name: &str, in_path: &impl Fn(&str) -> bool) -> Option<String> {
    let bare = name.trim_start_matches('_');
    [name, bare]
        .into_iter()
        .find(|name| in_path(name))
        .map(str::to_owned)
}

/// Reads `#[query("name", ge = 1)]` and its like.
fn read(
    raw: RawSource,
    ty: &Type,
    name: Option<&Ident>,
    path_name: Option<String>,
    place: Ident,
    docs: &[String],
    diag: &mut Diagnostics,
) -> Read {
    let RawSource { word, mut options } = raw;
    let source = match word.to_string().as_str() {
        "path" => Source::Path,
        "query" => Source::Query,
        "header" => Source::Header,
        "cookie" => Source::Cookie,
        "form" => Source::Form,
        "body" => return raw_body(&options, diag),
        _ => {
            diag.error(
                &word,
                "`#[file]` is not available in this version: take the body as `Bytes`",
            );
            return Read::Extractor;
        }
    };
    let mut rules = Rules::take(&mut options, diag);
    let csv = csv(&mut options, ty, diag);
    let positional = positional(source, &options, diag);
    for word in settings::WORDS
        .iter()
        .filter(|word| !rules::WORDS.contains(word))
    {
        if let Some(opt) = options.take(word) {
            diag.error(
                &opt.key,
                format_args!("`{word}` belongs to the route: write it behind the path"),
            );
        }
    }
    let mut known = rules::WORDS.to_vec();
    known.push("style");
    options.reject_rest(&known, diag);
    if let (Some(first), Some(second)) = (&positional, &rules.alias) {
        let message = format!(
            "the name is given twice, {} and here: keep one",
            first.token()
        );
        diag.error(second, message);
    }
    let wire = positional
        .or_else(|| rules.alias.take())
        .map(|literal| literal.value());
    let own = name.map(|name| own_name(source, name));
    let Some(wire) = wire
        .or(path_name.filter(|_| source == Source::Path))
        .or(own)
    else {
        let source = source.word();
        diag.error(
            &word,
            format_args!("the pattern has no single name, write `#[{source}(\"name\")]`"),
        );
        return Read::Extractor;
    };
    rules.check(ty, diag);
    let Read::Text(mut text) = text(source, wire, rules, place, docs) else {
        return Read::Extractor;
    };
    text.csv = csv;
    Read::Text(text)
}

fn text(source: Source, wire: String, mut rules: Rules, place: Ident, docs: &[String]) -> Read {
    let docs = docs.join("\n").trim().to_owned();
    if rules.description.is_none() && !docs.is_empty() {
        rules.description = Some(docs);
    }
    Read::Text(Box::new(Text {
        source,
        wire,
        rules,
        csv: false,
        place,
    }))
}

fn raw_body(options: &Options, diag: &mut Diagnostics) -> Read {
    for opt in &options.named {
        let message = "`#[body]` has no options; rules on a body stand on the fields of a `#[model]`, read as `Json<T>`";
        diag.error(&opt.key, message);
    }
    for value in &options.positional {
        diag.error(value, "a body has no name, write `#[body]`");
    }
    Read::RawBody
}

/// `style = csv`.
fn csv(options: &mut Options, ty: &Type, diag: &mut Diagnostics) -> bool {
    let Some(opt) = options.take("style") else {
        return false;
    };
    let Some(word) = opt.word(&["csv"], diag) else {
        return false;
    };
    if word != "csv" {
        diag.unknown(&word, "style", &["csv"]);
        return false;
    }
    if !matches!(
        types::kind(types::bare(ty)),
        types::Kind::List | types::Kind::Unknown
    ) {
        let spelled = types::spelled(ty);
        diag.error(
            &word,
            format_args!(
                "`style = csv` splits a list, `{spelled}` is one value: write `Vec<{spelled}>`"
            ),
        );
    }
    true
}

/// The name in front: `#[header("X-Request-ID")]`.
fn positional(source: Source, options: &Options, diag: &mut Diagnostics) -> Option<LitStr> {
    let mut values = options.positional.iter();
    let first = values.next()?;
    for more in values {
        diag.error(more, "one name is enough, remove this");
    }
    let word = source.word();
    let Some(name) = as_str(first) else {
        diag.error(
            first,
            format_args!("the name is a string: `#[{word}(\"name\")]`"),
        );
        return None;
    };
    if name.value().is_empty() {
        diag.error(name, "the name is empty, write the one that clients send");
        return None;
    }
    if source == Source::Header && !name.value().bytes().all(is_token) {
        diag.error(
            name,
            format_args!(
                "{} is no header name: letters, digits and `-`",
                name.token()
            ),
        );
        return None;
    }
    Some(name.clone())
}

/// Whether a byte may stand in a header's name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The name on the wire that an argument's name stands for.
fn own_name(source: Source, name: &Ident) -> String {
    let name = name.unraw().to_string();
    let bare = name.trim_start_matches('_');
    let bare = if bare.is_empty() { &name } else { bare };
    match source {
        Source::Header => bare.replace('_', "-"),
        Source::Path | Source::Query | Source::Cookie | Source::Form => bare.to_owned(),
    }
}

fn methods(
    fixed: Option<&'static str>,
    options: &mut Options,
    diag: &mut Diagnostics,
) -> Vec<&'static str> {
    match (fixed, options.take("methods")) {
        (Some(method), None) => vec![method],
        (None, Some(opt)) => settings::methods(&opt, diag),
        (Some(method), Some(opt)) => {
            let word = method.to_lowercase();
            let message = format!(
                "`#[{word}]` has its method already: write `#[route(\"/..\", methods = [..])]`"
            );
            diag.error(&opt.key, message);
            vec![method]
        }
        (None, None) => {
            let message =
                "`#[route]` names its methods: `#[route(\"/path\", methods = [GET, POST])]`";
            diag.error_at(Span::call_site(), message);
            Vec::new()
        }
    }
}

fn path(method: Option<&str>, options: &mut Options, diag: &mut Diagnostics) -> Option<Template> {
    let word = method.map_or_else(|| "route".to_owned(), str::to_lowercase);
    if let Some(opt) = options.take("path") {
        let message = format!("the path stands first, without a word: `#[{word}(\"/path\")]`");
        diag.error(&opt.key, message);
        return None;
    }
    if options.positional.is_empty()
        && let Some(constant) = options.take_first_flag(settings::WORDS)
    {
        diag.error(
            &constant,
            format_args!("the path is a string literal, not a constant: `#[{word}(\"/path\")]`"),
        );
        return None;
    }
    let mut values = options.positional.iter();
    let Some(first) = values.next() else {
        diag.error_at(
            Span::call_site(),
            format_args!("the path is missing, write `#[{word}(\"/path\")]`"),
        );
        return None;
    };
    for more in values {
        diag.error(
            more,
            "a route has one path, remove this or write a second handler",
        );
    }
    let Some(literal) = as_str(first) else {
        diag.error(
            first,
            format_args!("the path is a string literal: `#[{word}(\"/path\")]`"),
        );
        return None;
    };
    Some(Template::parse(literal.clone(), diag))
}

/// `#[hybrid(crate = path)]` beside the attribute, or `crate = path` in it.
pub(crate) fn root(function: &mut Function, options: &mut Options, diag: &mut Diagnostics) -> Path {
    let mut found = options.take("crate").and_then(|opt| opt.path(diag));
    for attr in function.take_attrs(|attr| attr.path().is_ident("hybrid")) {
        let mut inside = match &attr.meta {
            syn::Meta::List(list) => Options::parse(list.tokens.clone(), diag),
            _ => Options::default(),
        };
        match inside.take("crate") {
            Some(opt) => found = found.or(opt.path(diag)),
            None => diag.error(
                &attr,
                "`#[hybrid]` says where the crate is found: `#[hybrid(crate = path)]`",
            ),
        }
        inside.reject_rest(&["crate"], diag);
    }
    found.unwrap_or_else(|| syn::parse_quote!(::hybrid))
}

impl Docs {
    fn build(lines: &[String]) -> Self {
        let start = lines
            .iter()
            .position(|line| !line.trim().is_empty())
            .unwrap_or(lines.len());
        let lines = &lines[start..];
        let end = lines
            .iter()
            .position(|line| line.trim().is_empty())
            .unwrap_or(lines.len());
        let whole = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let first: Vec<&str> = lines[..end].iter().map(|line| line.trim()).collect();
        Self {
            summary: whole(first.join(" ")),
            description: whole(lines[end..].join("\n")),
        }
    }
}
