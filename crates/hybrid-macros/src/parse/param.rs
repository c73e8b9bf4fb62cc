//! One argument of a handler with this crate's attribute.

use proc_macro2::TokenStream;
use syn::{Attribute, Ident, Meta, Pat, PatType, Type};

use super::function::docs;
use crate::diag::{Diagnostics, nearest};
use crate::options::Options;

/// The attributes that name a source.
const SOURCES: &[&str] = &["path", "query", "header", "cookie", "form", "file", "body"];

/// One argument, not checked yet.
#[derive(Debug)]
pub(crate) struct RawParam {
    pub(crate) pat: Pat,
    pub(crate) ty: Type,
    pub(crate) source: Option<RawSource>,
    /// Its doc comment, which rustc does not allow on an argument.
    pub(crate) docs: Vec<String>,
    /// An attribute on it has a mistake, so a missing attribute is not reported.
    pub(crate) broken: bool,
}

/// The parts of `#[query(ge = 1)]`.
#[derive(Debug)]
pub(crate) struct RawSource {
    pub(crate) word: Ident,
    pub(crate) options: Options,
}

impl RawParam {
    /// Removes this crate's attributes and the doc comment from the argument.
    pub(crate) fn take(arg: &mut PatType, diag: &mut Diagnostics) -> Self {
        let docs = docs(&arg.attrs);
        let mut param = Self {
            pat: (*arg.pat).clone(),
            ty: (*arg.ty).clone(),
            source: None,
            docs,
            broken: false,
        };
        let attrs = std::mem::take(&mut arg.attrs);
        arg.attrs = attrs
            .into_iter()
            .filter(|attr| param.leave(attr, diag))
            .collect();
        param
    }

    /// The name that the argument binds: `id` of `id`, `mut id` and `Json(id)`.
    pub(crate) fn name(&self) -> Option<&Ident> {
        bound_name(&self.pat)
    }

    /// The name, if the pattern is a plain name. Only such a name can match a name in the path.
    pub(crate) fn plain_name(&self) -> Option<&Ident> {
        match &self.pat {
            Pat::Ident(ident) if ident.subpat.is_none() => Some(&ident.ident),
            _ => None,
        }
    }

    /// Reads one attribute. `true` keeps it on the argument.
    fn leave(&mut self, attr: &Attribute, diag: &mut Diagnostics) -> bool {
        let Some(word) = attr.path().get_ident().cloned() else {
            return true;
        };
        let text = word.to_string();
        if text == "doc" {
            return false;
        }
        if text == "cfg" || text == "cfg_attr" {
            self.broken = true;
            diag.error(
                attr,
                "an argument cannot be conditional: put `#[cfg(..)]` on two functions instead",
            );
            return false;
        }
        if SOURCES.contains(&text.as_str()) {
            self.read(word, &attr.meta, diag);
            return false;
        }
        self.misspelled(&word, &text, diag)
    }

    fn read(&mut self, word: Ident, meta: &Meta, diag: &mut Diagnostics) {
        let tokens = match meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(pair) => {
                self.broken = true;
                let message =
                    format!("write `#[{word}(\"name\")]` for another name, or `#[{word}]`");
                return diag.error(pair, message);
            }
        };
        match &mut self.source {
            None => {
                self.source = Some(RawSource {
                    options: Options::parse(tokens, diag),
                    word,
                })
            }
            Some(first) if first.word == word => first.options.extend(tokens, diag),
            Some(first) => {
                let first = &first.word;
                let message = format!(
                    "one argument has one source, it is `#[{first}]` already: remove `#[{word}]`"
                );
                diag.error(&word, message);
            }
        }
    }

    /// Reports an attribute that is close to one of this crate. rustc reports the others.
    fn misspelled(&mut self, word: &Ident, text: &str, diag: &mut Diagnostics) -> bool {
        let kept = ["allow", "expect", "warn", "deny", "forbid"];
        let Some(near) = nearest(text, SOURCES).filter(|_| !kept.contains(&text)) else {
            return true;
        };
        self.broken = true;
        diag.error(
            word,
            format_args!("unknown attribute `#[{text}]`, did you mean `#[{near}]`?"),
        );
        false
    }
}

/// The one name in a pattern, if there is exactly one.
fn bound_name(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(ident) => Some(&ident.ident),
        Pat::TupleStruct(tuple) if tuple.elems.len() == 1 => bound_name(&tuple.elems[0]),
        Pat::Paren(paren) => bound_name(&paren.pat),
        Pat::Reference(reference) => bound_name(&reference.pat),
        _ => None,
    }
}
