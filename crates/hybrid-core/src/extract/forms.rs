//! Forms: urlencoded and multipart bodies as pairs of name and text, and
//! [`Multipart`] for handlers that take the parts one by one.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use http::{StatusCode, header};

use crate::{
    Request,
    config::Settings,
    extract::{
        BodyStream, FromRequest,
        receive::{BodyLimits, too_large},
        texts,
    },
    problem::{Kind, Problem, kinds},
};

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
    Multipart { boundary: String },
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

impl FormKind {
    pub(crate) fn multipart(content_type: &str, limits: &FormLimits) -> Result<Self, Problem> {
        let boundary = multer::parse_boundary(content_type)
            .map_err(|_| Problem::bad_request("the multipart boundary is missing"))?;
        let longest = limits.boundary_limit;
        if boundary.len() > longest {
            let detail = format!("the multipart boundary is longer than {longest} bytes");
            return Err(Problem::bad_request(detail));
        }
        Ok(Self::Multipart { boundary })
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
        FormKind::Multipart { boundary } => {
            // The bytes are all there, so the parser never waits.
            let parsed = multipart(bytes.clone(), boundary, limits).now_or_never();
            parsed.unwrap_or_else(|| Err(Problem::bad_request("the multipart body is broken")))
        }
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
        .detail(format!("the form has more than the limit of {max} {what}"))
}

async fn multipart(
    bytes: Bytes,
    boundary: &str,
    limits: FormLimits,
) -> Result<Vec<(String, String)>, Problem> {
    let whole = stream::once(std::future::ready(Ok::<_, Broken>(bytes)));
    let mut parts = Multipart::new(whole, boundary, limits);
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await? {
        // A part with a file name is a file, and no field of the form.
        if part.file_name().is_none() {
            pairs.push((part.name().to_owned(), part.text().await?));
        }
    }
    Ok(pairs)
}

/// The parts of a multipart body as they arrive, for an `async fn`.
///
/// Held to `upload_limit` (or the route's `body_limit`) in all, and to the
/// configuration's limits of fields, files, and headers of a part.
pub struct Multipart {
    parts: multer::Multipart<'static>,
    /// The part that was handed out last.
    field: Option<multer::Field<'static>>,
    limits: FormLimits,
    /// Bytes that the parser may still take before it has a part's headers.
    allowance: Arc<AtomicUsize>,
    fields: usize,
    files: usize,
}

/// One part of a multipart body.
pub struct Part<'a> {
    name: String,
    field: &'a mut multer::Field<'static>,
    memory: usize,
}

impl Multipart {
    fn new(
        frames: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
        boundary: &str,
        limits: FormLimits,
    ) -> Self {
        let allowance = Arc::new(AtomicUsize::new(usize::MAX));
        let frames = metered(frames, Arc::clone(&allowance));
        Self {
            parts: multer::Multipart::new(frames, boundary),
            field: None,
            limits,
            allowance,
            fields: 0,
            files: 0,
        }
    }

    /// The next part; `None` at the end. What is left of the one before is
    /// passed over.
    ///
    /// # Errors
    /// 400 where the body is no multipart, 408 and 413 as its limits say.
    ///
    /// # Cancel safety
    /// Safe: dropped early, the next call goes on.
    pub async fn next_field(&mut self) -> Result<Option<Part<'_>>, Problem> {
        if let Some(field) = &mut self.field {
            while field
                .chunk()
                .await
                .map_err(|error| broken(&error))?
                .is_some()
            {}
        }
        self.field = None;
        // The parser keeps what it reads until it has all headers of a part, and
        // looks through it again for each piece: that is bounded here.
        let headers = self.limits.part_header_limit + self.limits.boundary_limit;
        self.allowance.store(headers, Ordering::Relaxed);
        let next = self.parts.next_field().await;
        self.allowance.store(usize::MAX, Ordering::Relaxed);
        let Some(field) = next.map_err(|error| broken(&error))? else {
            return Ok(None);
        };
        let name = self.checked(&field)?;
        let memory = self.limits.memory;
        let field = self.field.insert(field);
        Ok(Some(Part {
            name,
            field,
            memory,
        }))
    }

    /// Holds a part to the limits; its name.
    fn checked(&mut self, field: &multer::Field<'static>) -> Result<String, Problem> {
        let headers = field.headers();
        let bytes: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if headers.len() > self.limits.part_headers_max || bytes > self.limits.part_header_limit {
            return Err(Problem::bad_request(
                "a part of the form has too many headers",
            ));
        }
        let Some(name) = field.name() else {
            return Err(Problem::bad_request(
                "a part of the multipart body has no name",
            ));
        };
        let longest = self.limits.part_name_limit;
        if name.len() > longest {
            let detail = format!("the name of a part is longer than {longest} bytes");
            return Err(Problem::bad_request(detail));
        }
        let (count, max, what) = if field.file_name().is_some() {
            (&mut self.files, self.limits.files_max, "files")
        } else {
            (&mut self.fields, self.limits.fields_max, "fields")
        };
        *count += 1;
        if *count > max {
            return Err(too_many(what, max));
        }
        Ok(name.to_owned())
    }
}

/// Ends a stream with an error where it would pass the allowance. A frame is
/// taken as long as there is any: the end of the headers may be inside it.
fn metered(
    frames: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    allowance: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send + 'static {
    frames.map(move |frame| {
        let bytes = frame?;
        let left = allowance.load(Ordering::Relaxed);
        if left == 0 {
            let detail = "the headers of a part are too long".to_owned();
            return Err(Broken(kinds::MALFORMED_REQUEST, Some(detail)));
        }
        if left != usize::MAX {
            allowance.store(left.saturating_sub(bytes.len()), Ordering::Relaxed);
        }
        Ok(bytes)
    })
}

impl Part<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file name that the client gave; never a path to write to as it is.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// Its content type, as the client gave it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.field
            .headers()
            .get(header::CONTENT_TYPE)?
            .to_str()
            .ok()
    }

    /// The next piece of it; `None` at the end.
    ///
    /// # Errors
    /// As [`Multipart::next_field`].
    ///
    /// # Cancel safety
    /// Safe: a piece that was not returned is returned by the next call.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.field.chunk().await.map_err(|error| broken(&error))
    }

    /// All of it, within `multipart_memory` (2 MiB).
    ///
    /// # Errors
    /// As [`Multipart::next_field`], and 413 where it is larger.
    ///
    /// # Cancel safety
    /// Dropped early, the part is lost.
    pub async fn bytes(mut self) -> Result<Bytes, Problem> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            if all.len() + piece.len() > self.memory {
                return Err(too_large(self.memory));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// All of it, as text, within `multipart_memory` (2 MiB).
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and 400 where it is not UTF-8.
    ///
    /// # Cancel safety
    /// Dropped early, the part is lost.
    pub async fn text(self) -> Result<String, Problem> {
        String::from_utf8(self.bytes().await?.into())
            .map_err(|_| Problem::bad_request("a field of the form is not UTF-8"))
    }
}

fn broken(error: &multer::Error) -> Problem {
    let multer::Error::StreamReadFailed(source) = error else {
        return Problem::bad_request("the multipart body is broken");
    };
    match source.downcast_ref::<Broken>() {
        Some(Broken(kind, detail)) => Problem::of(kind).maybe_detail(detail.clone()),
        None => Problem::bad_request("the multipart body ended early"),
    }
}

/// A refusal of the body's stream, on its way through the multipart parser.
#[derive(Debug)]
struct Broken(Kind, Option<String>);

impl Broken {
    fn of(problem: &Problem) -> Self {
        let kind = match problem.status() {
            StatusCode::PAYLOAD_TOO_LARGE => kinds::PAYLOAD_TOO_LARGE,
            StatusCode::REQUEST_TIMEOUT => kinds::REQUEST_TIMEOUT,
            _ => kinds::MALFORMED_REQUEST,
        };
        Self(kind, problem.public_detail().map(str::to_owned))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.title)
    }
}

impl std::error::Error for Broken {}

impl FromRequest for Multipart {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self, Problem> {
        let limits = BodyLimits::of(&request).form;
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
        let FormKind::Multipart { boundary } = FormKind::multipart(content_type, &limits)? else {
            return Err(Problem::bad_request("the multipart boundary is missing"));
        };
        let body = BodyStream::of(request)?;
        let frames = stream::unfold(body, |mut body| async move {
            let item = body
                .next()
                .await
                .map_err(|problem| Broken::of(&problem))
                .transpose()?;
            Some((item, body))
        });
        Ok(Self::new(Box::pin(frames), &boundary, limits))
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("name", &self.name)
            .finish_non_exhaustive()
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
