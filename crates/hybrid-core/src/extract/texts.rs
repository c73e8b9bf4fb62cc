//! The texts of a request's head by source and name: path values, query pairs,
//! headers, cookies. The query is decoded once, strictly: a bad escape or bad
//! UTF-8 is remembered as a 400 and read as nothing. Of headers and cookies only
//! what is asked for is judged.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
    fmt,
};

use http::header::{self, AsHeaderName};
use hybrid_validate::Source;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

use crate::{head::Head, problem::Problem};

pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of a query or a form. Most queries have no more than fit in place.
pub(crate) type Pairs<'a> = SmallVec<[Pair<'a>; 4]>;

/// The texts of one head.
pub struct Texts<'a> {
    head: &'a Head,
    query: OnceCell<Pairs<'a>>,
    malformed: Cell<Option<&'static str>>,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(head: &'a Head) -> Self {
        Self {
            head,
            query: OnceCell::new(),
            malformed: Cell::new(None),
        }
    }

    /// The 400 that reading has led to.
    pub(crate) fn malformed(&self) -> Option<Problem> {
        self.malformed.get().map(Problem::bad_request)
    }

    pub(crate) fn head(&self) -> &'a Head {
        self.head
    }

    /// All values of that name, in order.
    pub(crate) fn with_values<R>(
        &self,
        source: Source,
        name: &str,
        f: impl FnOnce(&[Cow<'_, str>]) -> R,
    ) -> R {
        match source {
            Source::Path => match self.head.path_value(name) {
                Some(value) => f(&[Cow::Borrowed(value)]),
                None => f(&[]),
            },
            Source::Header => self.with_header_values(name, f),
            Source::Cookie => match self.cookie(name) {
                Some(value) => f(&[Cow::Borrowed(value)]),
                None => f(&[]),
            },
            Source::Query | Source::Form | Source::File | Source::Body => {
                with_named(self.query_pairs(), name, f)
            }
        }
    }

    /// All pairs of the query, decoded.
    pub(crate) fn query_pairs(&self) -> &[Pair<'a>] {
        self.query.get_or_init(|| {
            let query = self.head.uri.query().unwrap_or_default();
            decode_pairs(query).unwrap_or_else(|reason| {
                self.malformed.set(Some(reason));
                Pairs::new()
            })
        })
    }

    /// All headers whose value is text, under the names that were sent.
    pub(crate) fn header_pairs(&self) -> Vec<Pair<'a>> {
        let texts = self.head.headers.iter().filter_map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            Some((Cow::Borrowed(name.as_str()), Cow::Borrowed(value)))
        });
        texts.collect()
    }

    /// All values of that header; a [`HeaderName`](header::HeaderName) is found
    /// faster than text.
    pub(crate) fn with_header_values<R>(
        &self,
        name: impl AsHeaderName,
        f: impl FnOnce(&[Cow<'_, str>]) -> R,
    ) -> R {
        let mut values = self.head.headers.get_all(name).iter().map(|value| {
            std::str::from_utf8(value.as_bytes()).unwrap_or_else(|_| {
                self.malformed.set(Some("a header's value is not UTF-8"));
                ""
            })
        });
        match (values.next(), values.next()) {
            (None, _) => f(&[]),
            (Some(one), None) => f(&[Cow::Borrowed(one)]),
            (Some(one), Some(two)) => {
                let all: Vec<_> = [one, two]
                    .into_iter()
                    .chain(values)
                    .map(Cow::Borrowed)
                    .collect();
                f(&all)
            }
        }
    }

    /// The first cookie of that name; surrounding quotes are taken off, nothing is
    /// decoded. No other cookie is judged: sites share them, and browsers send
    /// bytes that no server of today would set.
    fn cookie(&self, name: &str) -> Option<&'a str> {
        let headers = self.head.headers.get_all(header::COOKIE).iter();
        let cookies = headers.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let mut values = cookies.filter_map(|cookie| {
            let value = cookie.trim_ascii().strip_prefix(name.as_bytes())?;
            value.strip_prefix(b"=")
        });
        let value = std::str::from_utf8(values.next()?).unwrap_or_else(|_| {
            self.malformed.set(Some("a cookie's value is not UTF-8"));
            ""
        });
        Some(unquote(value))
    }
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts")
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

fn unquote(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|v| v.strip_suffix('"'))
        .unwrap_or(value)
}

/// Calls `f` with the values of that name; one value, the common case, is not
/// copied into a list.
pub(crate) fn with_named<R>(
    pairs: &[Pair<'_>],
    name: &str,
    f: impl FnOnce(&[Cow<'_, str>]) -> R,
) -> R {
    let mut values = pairs
        .iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => f(&[]),
        (Some(one), None) => f(std::slice::from_ref(one)),
        (Some(one), Some(two)) => {
            let all: Vec<_> = [one, two].into_iter().chain(values).cloned().collect();
            f(&all)
        }
    }
}

/// `a=1&b=2` as pairs, `+` as a space, escapes decoded strictly.
pub(crate) fn decode_pairs(text: &str) -> Result<Pairs<'_>, &'static str> {
    let is_plain = !text.bytes().any(is_encoding);
    let decode = |text| {
        if is_plain {
            Ok(Cow::Borrowed(text))
        } else {
            decode_plus(text)
        }
    };
    let mut pairs = Pairs::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (pair, after) = cut(rest, b'&');
        rest = after;
        if !pair.is_empty() {
            let (key, value) = cut(pair, b'=');
            pairs.push((decode(key)?, decode(value)?));
        }
    }
    Ok(pairs)
}

/// What stands before a mark and behind it. Looks at one byte after the other:
/// names and values are too short for a search to pay.
fn cut(text: &str, mark: u8) -> (&str, &str) {
    match text.bytes().position(|byte| byte == mark) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

/// Whether a byte stands for another, or begins what does.
fn is_encoding(byte: u8) -> bool {
    matches!(byte, b'+' | b'%')
}

fn decode_plus(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.bytes().any(is_encoding) {
        return Ok(Cow::Borrowed(text));
    }
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return decode(&spaced).map(|text| Cow::Owned(text.into_owned()));
    }
    decode(text)
}

/// Percent-decodes strictly: `%zz`, a lone `%` and bad UTF-8 are refused.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let escapes_hold = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    });
    if !escapes_hold {
        return Err("a percent-escape is not two hexadecimal digits");
    }
    percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| "a percent-escape is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = decode_pairs(text);
        let found = found.as_ref().map(|pairs| {
            pairs
                .iter()
                .map(|(key, value)| (&**key, &**value))
                .collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref().map_err(|e| **e), expected);
    }

    #[test]
    fn pairs_are_decoded_strictly() {
        check("", Ok(&[]));
        check("a=1&b=2", Ok(&[("a", "1"), ("b", "2")]));
        check("a=1&a=2&&", Ok(&[("a", "1"), ("a", "2")]));
        check("a+b=c%20d&e", Ok(&[("a b", "c d"), ("e", "")]));
        check("a=%C3%BC&b==", Ok(&[("a", "ü"), ("b", "=")]));
        check(
            "a=%zz",
            Err("a percent-escape is not two hexadecimal digits"),
        );
        check(
            "a=%4",
            Err("a percent-escape is not two hexadecimal digits"),
        );
        check("a=%", Err("a percent-escape is not two hexadecimal digits"));
        check("a=%ff", Err("a percent-escape is not UTF-8"));
    }
}
