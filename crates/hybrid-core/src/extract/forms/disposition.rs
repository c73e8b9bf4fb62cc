//! The names of a part of a multipart body, from its `Content-Disposition`.
//!
//! `multer` reads that header as well, and not as it is written: it looks for `name=`
//! wherever it stands, in a quoted file name too, knows its parameters in lower
//! case alone, and no `filename*`. So it is read here, and `multer` splits the
//! parts.

use std::borrow::Cow;

use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use crate::{
    extract::media::{Parameter, parameters_of},
    problem::Problem,
};

/// What a part is called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) name: String,
    /// Its file name; what has one is a file.
    pub(crate) file_name: Option<String>,
}

impl Names {
    /// Reads them from the headers of a part.
    ///
    /// # Errors
    /// 400 where it has no name, or one that is not UTF-8.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let value = headers.get(header::CONTENT_DISPOSITION);
        let bytes = value.map_or(&b""[..], |value| value.as_bytes());
        let text = String::from_utf8_lossy(bytes);
        let parameters = text.split_once(';').map_or("", |(_, after)| after);
        let first = |name: &str| {
            let mut all = parameters_of(parameters);
            all.find(|parameter| parameter.is_named(name))
        };
        let Some(name) = first("name") else {
            return Err(Problem::bad_request(
                "a part of the multipart body has no name",
            ));
        };
        let name = name.value();
        if matches!(text, Cow::Owned(_)) && name.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Problem::bad_request("the name of a part is not UTF-8"));
        }
        // RFC 6266, section 4.3: the extended one is preferred.
        let extended = first("filename*").and_then(extended);
        let plain = || first("filename").map(|plain| plain.value().into_owned());
        Ok(Self {
            name: name.into_owned(),
            file_name: extended.or_else(plain),
        })
    }
}

/// A value as RFC 8187 has it: `UTF-8'en'%e2%82%ac`. `None` where it is another
/// charset or no such value.
fn extended(parameter: Parameter<'_>) -> Option<String> {
    let value = parameter.value();
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn names(disposition: &[u8]) -> Result<Names, Problem> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(disposition).unwrap();
        headers.insert(header::CONTENT_DISPOSITION, value);
        Names::of(&headers)
    }

    fn check(disposition: &str, name: &str, file_name: Option<&str>) {
        let expected = Names {
            name: name.to_owned(),
            file_name: file_name.map(str::to_owned),
        };
        let found = names(disposition.as_bytes()).unwrap();
        assert_eq!(found, expected, "{disposition}");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        check("form-data; name=\"a\"", "a", None);
        check("form-data;name=a;filename=b.txt", "a", Some("b.txt"));
        check("Form-Data ; NAME=a ; FileName=\"b\"", "a", Some("b"));
        check("form-data; name = a; filename = \"b\"", "a", Some("b"));
        check("form-data; name=\"a\"; filename=\"\"", "a", Some(""));
        check(
            "form-data; name=\"grün\"; filename=\"ü\"",
            "grün",
            Some("ü"),
        );
        check("form-data; nickname=x; name=a", "a", None);
    }

    #[test]
    fn what_stands_in_quotes_is_no_parameter() {
        check(
            "form-data; filename=\"x; name=evil; y\"; name=\"good\"",
            "good",
            Some("x; name=evil; y"),
        );
        check(
            r#"form-data; filename="x\"; name=evil; y"; name="good""#,
            "good",
            Some("x\"; name=evil; y"),
        );
        check("form-data; name=\"a; filename=x\"", "a; filename=x", None);
        check("name=a; name=b; name=c", "b", None);
    }

    #[test]
    fn an_extended_file_name_is_preferred_where_it_can_be_read() {
        let both = "form-data; name=a; filename=\"EUR\"; filename*=";
        check(&format!("{both}UTF-8\'\'%e2%82%ac"), "a", Some("€"));
        check(&format!("{both}utf-8\'en\'x%20y"), "a", Some("x y"));
        check(&format!("{both}iso-8859-1\'\'%a3"), "a", Some("EUR"));
        check(&format!("{both}UTF-8\'\'%ff"), "a", Some("EUR"));
        check(&format!("{both}nothing"), "a", Some("EUR"));
        check("form-data; name=a; FILENAME*=UTF-8\'\'x", "a", Some("x"));
    }

    #[test]
    fn a_part_without_a_name_is_refused() {
        for nameless in [
            &b"form-data"[..],
            b"form-data; filename=x",
            b"form-data; filename=\"name=a\"",
            b"name=a",
            b"form-data; name=\"\xff\"",
        ] {
            let refused = names(nameless).unwrap_err();
            assert_eq!(refused.status(), 400);
        }
        assert!(Names::of(&HeaderMap::new()).is_err());
        let lossy = names(b"form-data; name=a; filename=\"\xff\"").unwrap();
        assert_eq!(lossy.file_name.as_deref(), Some("\u{FFFD}"));
    }
}
