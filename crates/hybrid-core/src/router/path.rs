//! The path of a request, brought into the one form that templates are matched
//! on, and the values taken out of it.

use std::borrow::Cow;

use crate::extract::decode;

/// The path with its escapes decoded, but for `%2F` and `%25`: those would
/// change where a segment ends, or what an escape is.
pub(super) fn canonical(path: &str) -> Result<Cow<'_, str>, &'static str> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = next_kept(rest) {
        decoded.push_str(&decode(&rest[..at])?);
        decoded.push_str(&rest[at..at + 3].to_ascii_uppercase());
        rest = &rest[at + 3..];
    }
    decoded.push_str(&decode(rest)?);
    if decoded.contains('\0') {
        return Err("the path holds a NUL");
    }
    Ok(Cow::Owned(decoded))
}

/// Where the next escape stands that is not decoded.
fn next_kept(path: &str) -> Option<usize> {
    let kept = |at: &usize| {
        let escape = path.as_bytes().get(at + 1..at + 3);
        escape.is_some_and(|escape| {
            escape.eq_ignore_ascii_case(b"2f") || escape.eq_ignore_ascii_case(b"25")
        })
    };
    path.match_indices('%').map(|(at, _)| at).find(kept)
}

/// A value taken out of a canonical path.
pub(super) fn value(text: &str) -> Box<str> {
    if !text.contains('%') {
        return text.into();
    }
    text.replace("%2F", "/").replace("%25", "%").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Result<&str, &str>) {
        let found = canonical(path);
        assert_eq!(found.as_deref().map_err(|e| *e), expected, "{path}");
    }

    #[test]
    fn escapes_are_decoded_once_and_strictly() {
        check("/plain/path", Ok("/plain/path"));
        check("/a%20b/%C3%BC", Ok("/a b/ü"));
        check("/a%2fb", Ok("/a%2Fb"));
        check("/a%252Fb", Ok("/a%252Fb"));
        check(
            "/%zz",
            Err("a percent-escape is not two hexadecimal digits"),
        );
        check("/%ff", Err("a percent-escape is not UTF-8"));
        check("/%", Err("a percent-escape is not two hexadecimal digits"));
        check("/a%00", Err("the path holds a NUL"));
    }

    #[test]
    fn an_escaped_slash_stays_inside_its_value() {
        assert_eq!(&*value("a%2Fb"), "a/b");
        assert_eq!(&*value("a%252Fb"), "a%2Fb");
    }
}
