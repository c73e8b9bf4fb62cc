//! Media types, and what else is written as a value with parameters (RFC 9110,
//! section 5.6.6): the one reader for request bodies, the boundary of a multipart
//! body, and the `Content-Disposition` of its parts.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};
use hybrid_validate::split_unquoted;

/// A media type with its parameters, of which all are well formed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MediaType<'a> {
    /// `type/subtype`.
    essence: &'a str,
    /// What follows the first `;`.
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    /// Reads a header's value; `None` where it is no media type.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim_matches(WHITESPACE);
        let (kind, subtype) = essence.split_once('/')?;
        let are_sound = is_token(kind) && is_token(subtype);
        let media = Self {
            essence,
            parameters,
        };
        let mut parameters = parameters_of(parameters);
        (are_sound && parameters.all(|parameter| parameter.is_sound())).then_some(media)
    }

    /// Whether it is that type, in any case, whatever its parameters.
    pub(crate) fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// Whether its name ends so, in any case: `+json`.
    pub(crate) fn has_suffix(&self, suffix: &str) -> bool {
        let at = self.essence.len().checked_sub(suffix.len());
        let end = at.and_then(|at| self.essence.get(at..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    }

    /// The first parameter of that name.
    #[cfg(feature = "multipart")]
    pub(crate) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut all = parameters_of(self.parameters);
        all.find(|parameter| parameter.is_named(name))
            .map(|parameter| parameter.value())
    }
}

/// One parameter, as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter<'a> {
    name: &'a str,
    raw: &'a str,
}

/// The parameters in a text: what stands between its semicolons, if anything does.
pub(crate) fn parameters_of(text: &str) -> impl Iterator<Item = Parameter<'_>> {
    let parts = split_unquoted(text, b';').map(|part| part.trim_matches(WHITESPACE));
    parts.filter(|part| !part.is_empty()).map(|part| {
        let (name, raw) = part.split_once('=').unwrap_or((part, ""));
        Parameter { name, raw }
    })
}

const WHITESPACE: [char; 2] = [' ', '\t'];

impl<'a> Parameter<'a> {
    /// Whether it is written as the grammar has it.
    fn is_sound(&self) -> bool {
        is_token(self.name) && (is_token(self.raw) || self.quoted().is_some())
    }

    /// Whether that is its name, in any case.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let own = self.name.trim_end_matches(WHITESPACE);
        own.eq_ignore_ascii_case(name)
    }

    /// Its value, the quotes taken off. In quotes, a backslash stands before a quote or a
    /// backslash; before anything else it is one, since browsers send file names
    /// of Windows so.
    pub(crate) fn value(&self) -> Cow<'a, str> {
        let raw = self.raw.trim_start_matches(WHITESPACE);
        let Some(inner) = raw.strip_prefix('"') else {
            return Cow::Borrowed(raw);
        };
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        if !inner.contains('\\') {
            return Cow::Borrowed(inner);
        }
        let (mut value, mut rest) = (String::with_capacity(inner.len()), inner.chars());
        while let Some(next) = rest.next() {
            let mut after = rest.clone();
            match after.next() {
                Some(escaped @ ('"' | '\\')) if next == '\\' => {
                    value.push(escaped);
                    rest = after;
                }
                _ => value.push(next),
            }
        }
        Cow::Owned(value)
    }

    /// What stands in its quotes.
    fn quoted(&self) -> Option<&'a str> {
        self.raw.strip_prefix('"')?.strip_suffix('"')
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// RFC 9110, section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The content type of a body, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Media<'a> {
    Json,
    Urlencoded,
    Multipart(MediaType<'a>),
    Other,
}

impl<'a> Media<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(header::CONTENT_TYPE).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Self::of_value(value),
            // Two types are none.
            _ => Self::Other,
        }
    }

    fn of_value(value: &'a HeaderValue) -> Self {
        // The plain spelling, which nearly all clients send, costs no parsing.
        if value == "application/json" {
            return Self::Json;
        }
        let media = value.to_str().ok().and_then(MediaType::parse);
        match media {
            Some(media) if media.is("application/json") || media.has_suffix("+json") => Self::Json,
            Some(media) if media.is("application/x-www-form-urlencoded") => Self::Urlencoded,
            Some(media) if media.is("multipart/form-data") => Self::Multipart(media),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(text: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.append(header::CONTENT_TYPE, text.parse().unwrap());
        match Media::of(&headers) {
            Media::Json => "json",
            Media::Urlencoded => "urlencoded",
            Media::Multipart(_) => "multipart",
            Media::Other => "other",
        }
    }

    #[test]
    fn a_media_type_is_read_as_rfc_9110_has_it() {
        for json in [
            "application/json",
            "Application/JSON",
            "application/json;charset=utf-8",
            "application/json ; charset=utf-8",
            "application/json;\tcharset=utf-8",
            "application/json\t;\t charset=\"utf-8\"",
            "application/json;",
            "application/json; ;;charset=utf-8;",
            "application/json; a=\";\"; b=\"\\\"\"",
            "application/problem+json",
            "text/x+JSON; v=1",
        ] {
            assert_eq!(media(json), "json", "{json}");
        }
        assert_eq!(
            media("application/x-www-form-urlencoded ;charset=UTF-8"),
            "urlencoded"
        );
        assert_eq!(media("multipart/form-data ; boundary=B"), "multipart");
        for other in [
            "",
            ";",
            "application",
            "application/",
            "/json",
            "application /json",
            "application/json charset=utf-8",
            "application/json; charset",
            "application/json; charset =utf-8",
            "application/json; charset=",
            "application/json; a=\"b",
            "application/json, application/json",
            "application/jsonp",
            "+json",
            "text/plain",
        ] {
            assert_eq!(media(other), "other", "{other}");
        }
    }

    #[test]
    fn two_content_types_are_none() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        assert!(matches!(Media::of(&headers), Media::Other));
    }

    fn value(text: &str) -> Cow<'_, str> {
        parameters_of(text).next().unwrap().value()
    }

    #[test]
    fn values_lose_their_quotes_and_escapes() {
        assert_eq!(value("a=b"), "b");
        assert_eq!(value("a=\"b; c\""), "b; c");
        assert_eq!(value(r#"a="say \"x\"; y""#), "say \"x\"; y");
        assert_eq!(value(r#"a="c:\dir\new.txt""#), r"c:\dir\new.txt");
        assert_eq!(value(r#"a="end\\""#), r"end\");
        assert_eq!(value("a="), "");
        assert_eq!(value("a=\"\""), "");
        assert_eq!(value("a=\""), "");
        assert_eq!(value("a"), "");
    }
}
