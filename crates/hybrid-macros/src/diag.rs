//! Collects all mistakes of one annotated item.
//!
//! Every stage reports its mistakes here and continues, so that one compilation shows all of them. Each message starts
//! with the name of the item (spans can be lost in other macros), is lower case, has no full stop and says what to
//! write instead. This module only collects: the stages decide what is a mistake.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::Ident;

/// Collects the mistakes of one item and turns them into `compile_error!`s.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    subject: String,
    errors: Vec<syn::Error>,
}

impl Diagnostics {
    /// A collector whose messages start with the kind and the name of the item: ``handler `orders`: …``.
    pub(crate) fn new(kind: &str, name: impl Display) -> Self {
        Self {
            subject: format!("{kind} `{name}`: "),
            errors: Vec::new(),
        }
    }

    /// A collector for an item whose name is not known yet: ``#[get]: …``.
    pub(crate) fn nameless(kind: &str) -> Self {
        Self {
            subject: format!("{kind}: "),
            errors: Vec::new(),
        }
    }

    /// Reports a mistake at the tokens given, all of them underlined.
    pub(crate) fn error(&mut self, at: impl ToTokens, message: impl Display) {
        let text = format!("{}{message}", self.subject);
        self.errors.push(syn::Error::new_spanned(at, text));
    }

    /// Reports a mistake at one span.
    pub(crate) fn error_at(&mut self, span: Span, message: impl Display) {
        self.errors
            .push(syn::Error::new(span, format!("{}{message}", self.subject)));
    }

    /// Adds a syntax error of syn, with its text and its place.
    pub(crate) fn syntax(&mut self, error: syn::Error) {
        for one in error {
            self.errors.push(syn::Error::new(
                one.span(),
                format!("{}{one}", self.subject),
            ));
        }
    }

    /// Reports an unknown word, with the nearest known one.
    pub(crate) fn unknown(&mut self, word: &Ident, what: &str, known: &[&str]) {
        let written = word.to_string();
        let hint = match (foreign(&written, known), nearest(&written, known)) {
            (Some(ours), _) => ours.to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("it is one of {}", list(known)),
        };
        self.error(word, format_args!("unknown {what} `{written}`, {hint}"));
    }

    /// Whether no mistake was reported so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The number of reported mistakes. A part that compares it before and after knows whether it has no mistake.
    pub(crate) fn len(&self) -> usize {
        self.errors.len()
    }

    /// The mistakes as `compile_error!`s, in the order reported.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.errors
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }

    /// The texts alone.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.errors.iter().map(ToString::to_string).collect()
    }
}

/// Words of validator, FastAPI, Rocket and JSON Schema. Each entry has the word of this crate that must be known at
/// that place, and the text that says what to write instead.
const FOREIGN: &[(&[&str], &str, &str)] = &[
    (
        &["min", "minimum", "gte", "min_value"],
        "ge",
        "write `ge = 1`",
    ),
    (
        &["max", "maximum", "lte", "max_value"],
        "le",
        "write `le = 100`",
    ),
    (
        &["exclusive_min", "exclusiveMinimum"],
        "gt",
        "write `gt = 0`",
    ),
    (
        &["exclusive_max", "exclusiveMaximum"],
        "lt",
        "write `lt = 100`",
    ),
    (&["range"], "ge", "write `ge = 1, le = 100`"),
    (
        &["length", "len"],
        "min_length",
        "write `min_length = 1, max_length = 100`, of a list `min_items` and `max_items`",
    ),
    (
        &["not_empty", "non_empty"],
        "min_length",
        "write `min_length = 1`, of a list `min_items = 1`",
    ),
    (&["email"], "format", "write `format = \"email\"`"),
    (&["url", "uri"], "format", "write `format = \"uri\"`"),
    (&["uuid"], "format", "write `format = \"uuid\"`"),
    (
        &["ip"],
        "format",
        "write `format = \"ipv4\"`, or the type `IpAddr`",
    ),
    (&["ipv4"], "format", "write `format = \"ipv4\"`"),
    (&["ipv6"], "format", "write `format = \"ipv6\"`"),
    (&["pattern"], "regex", "write `regex = \"..\"`"),
    (
        &["enum", "choices"],
        "one_of",
        "write `one_of = [\"a\", \"b\"]`, or an enum as the type",
    ),
    (
        &["default_factory"],
        "default_with",
        "write `default_with = path`",
    ),
    (
        &["nested", "dive"],
        "ge",
        "remove it: a model is checked wherever it sits",
    ),
    (
        &["required"],
        "ge",
        "remove it: what is no `Option` and has no `default` is required",
    ),
    (
        &["optional"],
        "ge",
        "remove it and write the type `Option<T>`",
    ),
    (
        &["title"],
        "description",
        "write `description = \"..\"`, or a doc comment",
    ),
    (
        &["guard", "guards", "dependencies"],
        "lane",
        "a guard is an argument: `fn list(user: User)`, where `User` has `FromRequestParts` or comes from an `#[extractor]`",
    ),
    (
        &["data"],
        "lane",
        "the body is an argument: `body: Json<T>`, `Form<T>` or `#[body] text: String`",
    ),
    (
        &["response_model"],
        "lane",
        "the return type says it: `-> Json<T>`",
    ),
    (&["status_code"], "status", "write `status = 201`"),
    (
        &["method"],
        "methods",
        "write `methods = [GET, POST]` in `#[route(..)]`",
    ),
    (
        &["name", "id"],
        "operation_id",
        "write `operation_id = \"..\"`",
    ),
    (
        &["limit", "max_size"],
        "body_limit",
        "write `body_limit = \"2MB\"`",
    ),
    (
        &["middleware", "layer"],
        "lane",
        "`App::middleware`, `App::layer` and those of `Group` go around routes",
    ),
];

/// The replacement for a word of another framework.
fn foreign(written: &str, known: &[&str]) -> Option<&'static str> {
    let entry = FOREIGN
        .iter()
        .find(|(words, ours, _)| words.contains(&written) && known.contains(ours));
    entry.map(|(_, _, hint)| *hint)
}

/// `a, b and c` in backticks, for messages.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, head)) => format!("{} and {last}", head.join(", ")),
    }
}

/// The known word that is closest to the written one, if it is close enough.
pub(crate) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    hybrid_validate::literal::suggest(written, known.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::{FOREIGN, foreign, list, nearest};
    use crate::{rules, settings};

    #[test]
    fn words_of_other_frameworks_have_an_answer() {
        assert_eq!(foreign("min", rules::WORDS), Some("write `ge = 1`"));
        assert_eq!(foreign("min", settings::WORDS), None);
        assert_eq!(
            foreign("status_code", settings::WORDS),
            Some("write `status = 201`")
        );
        let known: Vec<&str> = [rules::WORDS, settings::WORDS, &["methods"]].concat();
        for (words, ours, _) in FOREIGN {
            assert!(known.contains(ours), "{ours} is no word of ours");
            for word in *words {
                assert!(!known.contains(word), "{word} is a word of ours");
            }
        }
    }

    #[test]
    fn words_one_slip_away_are_suggested() {
        assert_eq!(nearest("timout", &["timeout", "tags"]), Some("timeout"));
        assert_eq!(
            nearest("maxLength", &["max_length", "min_length"]),
            Some("max_length")
        );
        assert_eq!(nearest("colour", &["timeout", "tags"]), None);
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(list(&["a"]), "`a`");
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
