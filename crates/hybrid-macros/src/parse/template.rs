//! The path of a route: `/users/{id}/files/{*rest}`.
//!
//! The grammar is that of the router: static text, names in braces, one name in each segment, a rest at the end. Paths
//! in the syntax of other frameworks are recognised, and the message shows the syntax of this crate.

use proc_macro2::{Literal, Span};
use std::ops::Range;
use syn::LitStr;

use crate::diag::Diagnostics;

/// A parsed path.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    /// The names in braces, in order.
    pub(crate) names: Vec<PathName>,
    /// No name had a mistake, so `names` is complete.
    pub(crate) names_are_sound: bool,
}

/// A name in braces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PathName {
    pub(crate) text: String,
    /// `{*name}`: the rest of the path.
    pub(crate) rest: bool,
    /// Its position in the literal's value.
    range: Range<usize>,
}

impl Template {
    /// Reads the path and reports all mistakes.
    pub(crate) fn parse(literal: LitStr, diag: &mut Diagnostics) -> Self {
        let value = literal.value();
        let mut template = Self {
            literal,
            names: Vec::new(),
            names_are_sound: true,
        };
        template.whole(&value, diag);
        let before = diag.len();
        let mut start = 0;
        for segment in value.split('/') {
            template.segment(segment, start, value.len(), diag);
            start += segment.len() + 1;
        }
        template.names_are_sound = diag.len() == before && !value.contains(['?', '#']);
        template
    }

    /// The span of a name, or of the whole literal if the compiler does not know it.
    pub(crate) fn span_of(&self, name: &PathName) -> Span {
        self.span(name.range.clone())
    }

    /// Whether the path has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.text == name)
    }

    fn whole(&self, value: &str, diag: &mut Diagnostics) {
        let literal = &self.literal;
        if value.is_empty() {
            diag.error(literal, "the path is empty, write \"/\"");
        } else if !value.starts_with('/') {
            diag.error(
                literal,
                format_args!("a path starts with a slash, write \"/{value}\""),
            );
        }
        if let Some(at) = value.find(['?', '#']) {
            let message =
                "a path has no query: take it out and write `#[query] name: Type` on an argument";
            diag.error_at(self.span(at..value.len()), message);
        }
        if value.contains("//") {
            diag.error(
                literal,
                "a path has no empty segments, write one `/` between two names",
            );
        }
        if value.contains(char::is_whitespace) {
            diag.error(
                literal,
                "a path has no blanks in it; encode them as `%20` or take them out",
            );
        }
    }

    fn segment(&mut self, segment: &str, start: usize, end: usize, diag: &mut Diagnostics) {
        let range = start..start + segment.len();
        if let Some(fixed) = foreign(segment) {
            return diag.error_at(
                self.span(range),
                format_args!("`{segment}` is written `{fixed}` here"),
            );
        }
        let (opens, closes) = (segment.matches('{').count(), segment.matches('}').count());
        if opens != closes || segment.find('{') > segment.find('}') {
            let message = format!("the braces of `{segment}` do not match, write `{{name}}`");
            return diag.error_at(self.span(range), message);
        }
        if opens > 1 {
            let message =
                format!("`{segment}` has two names, a segment has one: put a `/` between them");
            return diag.error_at(self.span(range), message);
        }
        let Some(open) = segment.find('{') else {
            return;
        };
        let close = segment.find('}').unwrap_or(segment.len());
        self.name(
            &segment[open + 1..close],
            start + open..start + close + 1,
            segment,
            end,
            diag,
        );
    }

    fn name(
        &mut self,
        inside: &str,
        range: Range<usize>,
        segment: &str,
        end: usize,
        diag: &mut Diagnostics,
    ) {
        let (text, rest) = match inside.strip_prefix('*') {
            Some(text) => (text, true),
            None => (inside, false),
        };
        let span = self.span(range.clone());
        if let Some(message) = bad_name(text, rest, inside) {
            return diag.error_at(span, message);
        }
        if rest && (range.end != end || range.len() != segment.len()) {
            let message = format!(
                "`{{*{text}}}` takes all that is left, so it is the last segment of the path"
            );
            return diag.error_at(span, message);
        }
        if self.has(text) {
            let message = format!("the path has two names `{text}`, rename one of them");
            return diag.error_at(span, message);
        }
        self.names.push(PathName {
            text: text.to_owned(),
            rest,
            range,
        });
    }

    /// The span of a part of the literal, if no escape shifts the bytes and the compiler supports it. Otherwise the
    /// span of the whole literal.
    fn span(&self, range: Range<usize>) -> Span {
        let token = self.literal.token();
        let plain = token.to_string() == format!("\"{}\"", self.literal.value());
        let part = |token: &Literal| token.subspan(range.start + 1..range.end + 1);
        plain
            .then(|| part(&token))
            .flatten()
            .unwrap_or_else(|| self.literal.span())
    }
}

/// The mistake in a name.
fn bad_name(text: &str, rest: bool, inside: &str) -> Option<String> {
    if text.is_empty() {
        let example = if rest { "{*rest}" } else { "{id}" };
        return Some(format!("a name in the path is missing, write `{example}`"));
    }
    if let Some((name, _)) = inside.split_once([':', '=']) {
        let name = name.trim();
        return Some(format!(
            "`{{{inside}}}` has a rule in it: write `{{{name}}}`, and the rule on the argument, `#[path(..)] {name}: Type`"
        ));
    }
    if let Some(name) = text.strip_suffix("..").or_else(|| text.strip_prefix("..")) {
        return Some(format!("`{{{inside}}}` is written `{{*{name}}}` here"));
    }
    if text.strip_suffix('*').is_some() {
        return Some(format!(
            "`{{{inside}}}` is written `{{*{}}}` here",
            text.trim_end_matches('*')
        ));
    }
    let sound = text.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !text.starts_with(char::is_numeric);
    (!sound).then(|| {
        format!("`{{{inside}}}` is no name: it has letters, digits and `_`, as an argument has")
    })
}

/// The segment in this crate's syntax, for one in the syntax of another framework.
fn foreign(segment: &str) -> Option<String> {
    if let Some(name) = segment.strip_prefix(':').filter(|name| !name.is_empty()) {
        return Some(format!("{{{name}}}"));
    }
    if let Some(name) = segment.strip_prefix('*') {
        return Some(format!(
            "{{*{}}}",
            if name.is_empty() { "rest" } else { name }
        ));
    }
    let inside = segment.strip_prefix('<')?.strip_suffix('>')?;
    let name = inside.rsplit(':').next().unwrap_or(inside);
    Some(match name.strip_suffix("..") {
        Some(name) => format!("{{*{name}}}"),
        None => format!("{{{name}}}"),
    })
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::LitStr;

    use super::Template;
    use crate::diag::Diagnostics;

    fn check(path: &str, expected: &str) {
        let mut diag = Diagnostics::new("handler", "x");
        let template = Template::parse(LitStr::new(path, Span::call_site()), &mut diag);
        let names: Vec<&str> = template
            .names
            .iter()
            .map(|name| name.text.as_str())
            .collect();
        let got = if diag.is_empty() {
            names.join(" ")
        } else {
            diag.messages().join("; ")
        };
        assert_eq!(got.replace("handler `x`: ", ""), expected, "{path}");
    }

    #[test]
    fn names_are_found() {
        check("/", "");
        check("/users/{id}/x-{name}.json", "id name");
        check("/files/{*rest}", "rest");
        check("/größe/{_tenant}", "_tenant");
    }

    #[test]
    fn faults_are_named_with_their_fix() {
        check("", "the path is empty, write \"/\"");
        check("users", "a path starts with a slash, write \"/users\"");
        check(
            "/{id}/{id}",
            "the path has two names `id`, rename one of them",
        );
        check(
            "/{*rest}/x",
            "`{*rest}` takes all that is left, so it is the last segment of the path",
        );
        check("/{id", "the braces of `{id` do not match, write `{name}`");
        check("/}id{", "the braces of `}id{` do not match, write `{name}`");
        check("/{}", "a name in the path is missing, write `{id}`");
        check(
            "/{a}{b}",
            "`{a}{b}` has two names, a segment has one: put a `/` between them",
        );
        check(
            "/{a-b}",
            "`{a-b}` is no name: it has letters, digits and `_`, as an argument has",
        );
        check(
            "/a//b",
            "a path has no empty segments, write one `/` between two names",
        );
    }

    #[test]
    fn other_dialects_are_translated() {
        check("/users/:id", "`:id` is written `{id}` here");
        check("/users/<id>", "`<id>` is written `{id}` here");
        check("/users/<int:id>", "`<int:id>` is written `{id}` here");
        check("/files/<path..>", "`<path..>` is written `{*path}` here");
        check("/files/*path", "`*path` is written `{*path}` here");
        check("/files/{path..}", "`{path..}` is written `{*path}` here");
        check(
            "/{id:[0-9]+}",
            "`{id:[0-9]+}` has a rule in it: write `{id}`, and the rule on the argument, `#[path(..)] id: Type`",
        );
    }
}
