//! Lists in one text, with commas between the elements.

use crate::violation::Source;

/// The elements of a list in one text. Headers follow RFC 9110, section 5.6.1. Elsewhere a comma always separates, and
/// an empty text has no elements.
pub(crate) fn elements(text: &str, source: Source) -> impl Iterator<Item = &str> {
    let is_header = source == Source::Header;
    let parts = Parts {
        rest: (is_header || !text.is_empty()).then_some(text),
        at: b',',
        heeds_quotes: is_header,
    };
    parts
        .map(move |part| if is_header { trim(part) } else { part })
        .filter(move |part| !is_header || !part.is_empty())
}

/// Splits at an ASCII byte outside quotes. In quotes, a backslash escapes the next byte. Unclosed quotes reach to the
/// end.
///
/// ```
/// use hybrid_validate::split_unquoted;
///
/// let parts: Vec<_> = split_unquoted(r#"a, "b,\"c""#, b',').collect();
/// assert_eq!(parts, ["a", r#" "b,\"c""#]);
/// ```
pub fn split_unquoted(text: &str, at: u8) -> impl Iterator<Item = &str> {
    Parts {
        rest: Some(text),
        at,
        heeds_quotes: true,
    }
}

/// Spaces and tabs, the whitespace of headers.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

struct Parts<'a> {
    rest: Option<&'a str>,
    at: u8,
    heeds_quotes: bool,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.take()?;
        let (mut quoted, mut escaped) = (false, false);
        for (index, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' if self.heeds_quotes => quoted = !quoted,
                _ if byte == self.at && !quoted => {
                    self.rest = Some(&text[index + 1..]);
                    return Some(&text[..index]);
                }
                _ => {}
            }
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: Source, text: &str, expected: &[&str]) {
        let found: Vec<_> = elements(text, source).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_list_in_a_header_has_no_empty_elements_and_heeds_quotes() {
        check(Source::Header, "", &[]);
        check(Source::Header, " , \t,", &[]);
        check(Source::Header, "a, , b,", &["a", "b"]);
        check(Source::Header, r#"a,"b,c" ,d"#, &["a", r#""b,c""#, "d"]);
        check(
            Source::Header,
            r#""a\",b", W/"c""#,
            &[r#""a\",b""#, r#"W/"c""#],
        );
        check(Source::Header, r#"a, "b, c"#, &["a", r#""b, c"#]);
    }

    #[test]
    fn a_list_elsewhere_has_an_element_between_any_two_commas() {
        check(Source::Query, "", &[]);
        check(Source::Query, "a,,b,", &["a", "", "b", ""]);
        check(Source::Query, r#""b, c""#, &[r#""b"#, r#" c""#]);
    }
}
