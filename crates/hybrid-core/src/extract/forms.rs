//! Forms: urlencoded and multipart bodies as pairs of name and text.

use bytes::Bytes;

use crate::{
    config::Settings,
    extract::texts,
    problem::{Problem, kinds},
};

#[cfg(feature = "multipart")]
mod disposition;
#[cfg(feature = "multipart")]
pub(super) mod multipart;

/// The fields of a form, parsed when the first of them is read.
#[derive(Debug)]
pub struct FormBody {
    state: State,
    limits: FormLimits,
}

#[derive(Debug)]
enum State {
    Unparsed(Bytes, FormKind),
    Parsed(Vec<(String, String)>),
}

/// How a form is encoded.
#[derive(Debug, Clone)]
pub(crate) enum FormKind {
    Urlencoded,
    #[cfg(feature = "multipart")]
    Multipart {
        boundary: String,
    },
}

/// How much of a form there may be. Sizes in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormLimits {
    pairs_max: usize,
    fields_max: usize,
    files_max: usize,
    part_headers_max: usize,
    part_header_limit: usize,
    part_name_limit: usize,
    boundary_limit: usize,
    memory: usize,
}

impl FormLimits {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            pairs_max: settings.form_pairs_max,
            fields_max: settings.multipart_fields_max,
            files_max: settings.multipart_files_max,
            part_headers_max: settings.part_headers_max,
            part_header_limit: settings.part_header_limit,
            part_name_limit: settings.part_name_limit,
            boundary_limit: settings.boundary_limit,
            memory: settings.multipart_memory,
        }
    }
}

impl FormBody {
    pub(crate) fn new(bytes: Bytes, kind: FormKind, limits: FormLimits) -> Self {
        Self {
            state: State::Unparsed(bytes, kind),
            limits,
        }
    }

    pub(crate) fn unparsed_bytes(&self) -> usize {
        match &self.state {
            State::Unparsed(bytes, _) => bytes.len(),
            State::Parsed(_) => 0,
        }
    }

    /// The pairs of the form, in the order sent.
    pub(crate) fn pairs(&mut self) -> Result<&[(String, String)], Problem> {
        if let State::Unparsed(bytes, kind) = &self.state {
            let pairs = parse(bytes, kind, self.limits)?;
            self.state = State::Parsed(pairs);
        }
        match &self.state {
            State::Parsed(pairs) => Ok(pairs),
            State::Unparsed(..) => Ok(&[]),
        }
    }
}

fn parse(
    bytes: &Bytes,
    kind: &FormKind,
    limits: FormLimits,
) -> Result<Vec<(String, String)>, Problem> {
    match kind {
        FormKind::Urlencoded => urlencoded(bytes, limits.pairs_max),
        #[cfg(feature = "multipart")]
        FormKind::Multipart { boundary } => multipart::pairs(bytes, boundary, limits),
    }
}

fn urlencoded(bytes: &[u8], max: usize) -> Result<Vec<(String, String)>, Problem> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::bad_request("the form is not UTF-8"))?;
    if text.split('&').count() > max {
        return Err(too_many("fields", max));
    }
    let pairs = texts::decode_pairs(text).map_err(Problem::bad_request)?;
    let owned = pairs
        .into_iter()
        .map(|(key, value)| (key.into_owned(), value.into_owned()));
    Ok(owned.collect())
}

fn too_many(what: &str, max: usize) -> Problem {
    Problem::of(&kinds::PAYLOAD_TOO_LARGE)
        .with_detail(format!("the form has more than the limit of {max} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, boundary: Option<&str>, expected: Result<&[(&str, &str)], u16>) {
        let kind = match boundary {
            #[cfg(feature = "multipart")]
            Some(boundary) => FormKind::Multipart {
                boundary: boundary.to_owned(),
            },
            _ => FormKind::Urlencoded,
        };
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let mut form = FormBody {
            state: State::Unparsed(bytes, kind),
            limits: FormLimits {
                pairs_max: 3,
                fields_max: 3,
                files_max: 1,
                part_headers_max: 4,
                part_header_limit: 200,
                part_name_limit: 8,
                boundary_limit: 70,
                memory: 100,
            },
        };
        let found = form.pairs().map_err(|problem| problem.status().as_u16());
        let found = found.map(|pairs| {
            pairs
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref().map_err(|status| *status), expected);
    }

    #[test]
    fn urlencoded_forms() {
        check("a=1&b=x+y", None, Ok(&[("a", "1"), ("b", "x y")]));
        check("a=%zz", None, Err(400));
        check("a=1&a=2&a=3&a=4", None, Err(413));
    }

    #[cfg(feature = "multipart")]
    #[test]
    fn multipart_forms() {
        let part = |name: &str, more: &str, value: &str| {
            format!(
                "--B\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n"
            )
        };
        let two = part("a", "", "1") + &part("b", "", "x y") + "--B--\r\n";
        check(&two, Some("B"), Ok(&[("a", "1"), ("b", "x y")]));
        let with_file = part("f", "; filename=\"x\"", "data") + &part("a", "", "1") + "--B--\r\n";
        check(&with_file, Some("B"), Ok(&[("a", "1")]));
        check("no multipart at all", Some("B"), Err(400));
        check(
            &(with_file.replace("--B--\r\n", "") + &with_file),
            Some("B"),
            Err(413),
        );
        check(
            &(part("a-long-name", "", "1") + "--B--\r\n"),
            Some("B"),
            Err(400),
        );
        let four = part("a", "", "1").repeat(4) + "--B--\r\n";
        check(&four, Some("B"), Err(413));
    }
}
