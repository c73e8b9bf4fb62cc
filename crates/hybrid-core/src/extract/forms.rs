//! Forms: urlencoded and multipart bodies as pairs of name and text, and
//! [`Multipart`] for handlers that take the parts one by one.

use std::fmt;

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::header;

use crate::{
    Request,
    config::Settings,
    extract::{BodyStream, FromRequest, receive::too_large, texts},
    problem::{Problem, kinds},
};

/// The fields of a form, parsed when the first of them is read.
#[derive(Debug)]
pub struct FormBody {
    state: State,
    pairs_max: usize,
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
    Multipart { boundary: String },
}

/// RFC 2046 section 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;

impl FormKind {
    pub(crate) fn multipart(content_type: &str) -> Result<Self, Problem> {
        let boundary = multer::parse_boundary(content_type)
            .map_err(|_| Problem::bad_request("the multipart boundary is missing"))?;
        if boundary.len() > BOUNDARY_BYTES_MAX {
            return Err(Problem::bad_request(
                "the multipart boundary is longer than 70 bytes",
            ));
        }
        Ok(Self::Multipart { boundary })
    }
}

impl FormBody {
    pub(crate) fn new(bytes: Bytes, kind: FormKind, settings: &Settings) -> Self {
        let pairs_max = match kind {
            FormKind::Urlencoded => settings.form_pairs_max,
            FormKind::Multipart { .. } => settings.multipart_fields_max,
        };
        Self {
            state: State::Unparsed(bytes, kind),
            pairs_max,
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
            let pairs = parse(bytes, kind, self.pairs_max)?;
            self.state = State::Parsed(pairs);
        }
        match &self.state {
            State::Parsed(pairs) => Ok(pairs),
            State::Unparsed(..) => Ok(&[]),
        }
    }
}

fn parse(bytes: &Bytes, kind: &FormKind, max: usize) -> Result<Vec<(String, String)>, Problem> {
    match kind {
        FormKind::Urlencoded => urlencoded(bytes, max),
        FormKind::Multipart { boundary } => {
            // The bytes are all there, so the parser never waits.
            let parsed = multipart(bytes.clone(), boundary, max).now_or_never();
            parsed.unwrap_or_else(|| Err(Problem::bad_request("the multipart body is broken")))
        }
    }
}

fn urlencoded(bytes: &[u8], max: usize) -> Result<Vec<(String, String)>, Problem> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::bad_request("the form is not UTF-8"))?;
    if text.split('&').count() > max {
        return Err(too_many(max));
    }
    let pairs = texts::decode_pairs(text).map_err(Problem::bad_request)?;
    Ok(pairs
        .into_iter()
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect())
}

fn too_many(max: usize) -> Problem {
    Problem::of(&kinds::PAYLOAD_TOO_LARGE)
        .detail(format!("the form has more than the limit of {max} fields"))
}

async fn multipart(
    bytes: Bytes,
    boundary: &str,
    max: usize,
) -> Result<Vec<(String, String)>, Problem> {
    let whole = stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(bytes)));
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut pairs = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(|e| broken(&e))? {
        if pairs.len() >= max {
            return Err(too_many(max));
        }
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Problem::bad_request(
                "a part of the multipart body has no name",
            ));
        };
        check_name(&name)?;
        // A part with a file name is a file, and no field of the form.
        if field.file_name().is_some() {
            continue;
        }
        let value = field.bytes().await.map_err(|e| broken(&e))?;
        let value = String::from_utf8(value.into())
            .map_err(|_| Problem::bad_request("a field of the form is not UTF-8"))?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// The longest name of a part.
const NAME_BYTES_MAX: usize = 256;

fn check_name(name: &str) -> Result<(), Problem> {
    if name.len() > NAME_BYTES_MAX {
        return Err(Problem::bad_request(
            "the name of a part is longer than 256 bytes",
        ));
    }
    Ok(())
}

fn broken(error: &multer::Error) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { limit }
        | multer::Error::FieldSizeExceeded { limit, .. } => {
            too_large(usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        multer::Error::StreamReadFailed(source) => match source.downcast_ref::<Broken>() {
            Some(Broken(problem)) => Problem::new(
                problem.status(),
                problem.code().to_owned(),
                problem.title().to_owned(),
            )
            .maybe_detail(problem.public_detail().map(str::to_owned)),
            None => Problem::bad_request("the multipart body ended early"),
        },
        _ => Problem::bad_request("the multipart body is broken"),
    }
}

/// The parts of a multipart body as they arrive, for an `async fn`.
///
/// Held to `upload_limit` in all.
pub struct Multipart {
    parts: multer::Multipart<'static>,
}

impl Multipart {
    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// 400 where the body is no multipart, 408 and 413 as its limits say.
    ///
    /// # Cancel safety
    /// Safe between parts; a part that is being read is lost.
    pub async fn next_field(&mut self) -> Result<Option<multer::Field<'static>>, Problem> {
        self.parts
            .next_field()
            .await
            .map_err(|error| broken(&error))
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart").finish_non_exhaustive()
    }
}

/// A problem on its way through the multipart parser.
#[derive(Debug)]
struct Broken(Problem);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Broken {}

impl FromRequest for Multipart {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !content_type
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
        {
            return Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
                .detail("expected a body of type multipart/form-data"));
        }
        let FormKind::Multipart { boundary } = FormKind::multipart(content_type)? else {
            return Err(Problem::bad_request("the multipart boundary is missing"));
        };
        let body = BodyStream::of(request)?;
        let frames = stream::unfold(body, |mut body| async move {
            let item = body.next().await.map_err(Broken).transpose()?;
            Some((item, body))
        });
        Ok(Self {
            parts: multer::Multipart::new(Box::pin(frames), boundary),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, boundary: Option<&str>, expected: Result<&[(&str, &str)], u16>) {
        let kind = match boundary {
            Some(boundary) => FormKind::Multipart {
                boundary: boundary.to_owned(),
            },
            None => FormKind::Urlencoded,
        };
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let mut form = FormBody {
            state: State::Unparsed(bytes, kind),
            pairs_max: 3,
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
        let four = part("a", "", "1").repeat(4) + "--B--\r\n";
        check(&four, Some("B"), Err(413));
    }
}
