//! A handler with its route.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Ident, Path, Type, Visibility};

use super::argument::Argument;
use crate::diag::Diagnostics;
use crate::options::{Options, as_str};
use crate::parse::function::{self, Function};
use crate::parse::template::Template;
use crate::settings::{self, Lane, Settings};

/// A handler with its route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) signature: Signature,
    pub(crate) methods: Vec<&'static str>,
    pub(crate) path: Option<Template>,
    pub(crate) settings: Settings,
}

/// Shared by handlers and extractors: a function whose arguments come from a request.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: Ident,
    pub(crate) vis: Visibility,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) is_async: bool,
    /// It has `#[deprecated]`.
    pub(crate) is_deprecated: bool,
    pub(crate) params: Vec<Argument>,
    pub(crate) output: Option<Type>,
    pub(crate) docs: FunctionDocs,
    /// The path of the facade: `::hybrid`, or that of `crate = path`.
    pub(crate) root: Path,
}

/// The first paragraph of a doc comment, and the rest.
#[derive(Debug, Default)]
pub(crate) struct FunctionDocs {
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
}

impl Route {
    /// The lane: the named one, or the one that follows from the signature.
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
    /// Reads the function's arguments. `in_path` tells whether the route's path has a name.
    pub(crate) fn build(
        function: &mut Function,
        root: Path,
        in_path: impl Fn(&str) -> bool,
        diag: &mut Diagnostics,
    ) -> Self {
        let mut params = Vec::new();
        for (index, raw) in function.take_params(diag).into_iter().enumerate() {
            let param = Argument::build(index, raw, &params, &in_path, diag);
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
            docs: FunctionDocs::build(&function::docs(&function.attrs)),
            root,
        }
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

impl FunctionDocs {
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
