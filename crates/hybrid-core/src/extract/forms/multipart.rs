//! Multipart bodies: [`Multipart`] for handlers that take the parts one by one, and
//! the fields of a form. Without the feature `multipart` such a body is a 415.

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

use super::{FormKind, FormLimits, too_many};
use crate::{
    Request,
    context::{Reservation, Running},
    extract::{
        BodyStream, FromRequest,
        body_limits::BodyLimits,
        claim::Claim,
        forms::disposition::Names,
        media::{Media, MediaType},
        receive::too_large,
    },
    problem::{Kind, Problem, kinds},
};

impl FormKind {
    pub(crate) fn multipart(media: &MediaType<'_>, limits: &FormLimits) -> Result<Self, Problem> {
        let boundary = media
            .parameter("boundary")
            .filter(|boundary| !boundary.is_empty())
            .ok_or_else(|| Problem::bad_request("the multipart boundary is missing"))?
            .into_owned();
        let longest = limits.boundary_limit;
        if boundary.len() > longest {
            let detail = format!("the multipart boundary is longer than {longest} bytes");
            return Err(Problem::bad_request(detail));
        }
        Ok(Self::Multipart { boundary })
    }
}

/// The fields of a form that is there as a whole, as pairs.
pub(super) fn pairs(
    bytes: &Bytes,
    boundary: &str,
    limits: FormLimits,
) -> Result<Vec<(String, String)>, Problem> {
    // The bytes are all there, so the parser never waits.
    let parsed = read(bytes.clone(), boundary, limits).now_or_never();
    parsed.unwrap_or_else(|| Err(Problem::bad_request("the multipart body is broken")))
}

async fn read(
    bytes: Bytes,
    boundary: &str,
    limits: FormLimits,
) -> Result<Vec<(String, String)>, Problem> {
    let whole = stream::once(std::future::ready(Ok::<_, Broken>(bytes)));
    let mut parts = Multipart::new(whole, boundary, limits, None);
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
    /// Whose body it is, where that is known.
    running: Option<Running>,
}

/// One part of a multipart body.
pub struct Part<'a> {
    names: Names,
    field: &'a mut multer::Field<'static>,
    memory: usize,
    running: Option<&'a Running>,
}

impl Multipart {
    fn new(
        frames: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
        boundary: &str,
        limits: FormLimits,
        running: Option<Running>,
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
            running,
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
        let names = self.checked(&field)?;
        let memory = self.limits.memory;
        let field = self.field.insert(field);
        Ok(Some(Part {
            names,
            field,
            memory,
            running: self.running.as_ref(),
        }))
    }

    /// Holds a part to the limits; its names.
    fn checked(&mut self, field: &multer::Field<'static>) -> Result<Names, Problem> {
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
        let names = Names::of(headers)?;
        let longest = self.limits.part_name_limit;
        if names.name.len() > longest {
            let detail = format!("the name of a part is longer than {longest} bytes");
            return Err(Problem::bad_request(detail));
        }
        let (count, max, what) = if names.file_name.is_some() {
            (&mut self.files, self.limits.files_max, "files")
        } else {
            (&mut self.fields, self.limits.fields_max, "fields")
        };
        *count += 1;
        if *count > max {
            return Err(too_many(what, max));
        }
        Ok(names)
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
        &self.names.name
    }

    /// The file name that the client gave; never a path to write to as it is.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.names.file_name.as_deref()
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
    pub async fn bytes(self) -> Result<Bytes, Problem> {
        let (bytes, room) = self.read().await?;
        Ok(room.around(bytes))
    }

    /// All of it, as text, within `multipart_memory` (2 MiB).
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and 400 where it is not UTF-8.
    ///
    /// # Cancel safety
    /// Dropped early, the part is lost.
    pub async fn text(self) -> Result<String, Problem> {
        let (bytes, _room) = self.read().await?;
        String::from_utf8(bytes.into())
            .map_err(|_| Problem::bad_request("a field of the form is not UTF-8"))
    }

    /// All of it, with the room that it takes.
    async fn read(mut self) -> Result<(Bytes, Reservation), Problem> {
        let mut claim = Claim::of_running(self.running);
        let mut all = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            let total = all.len() + piece.len();
            if total > self.memory {
                return Err(too_large(self.memory));
            }
            claim.cover(total, None).await?;
            all.extend_from_slice(&piece);
        }
        Ok((all.freeze(), claim.into_room()))
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
        let Media::Multipart(media) = Media::of(request.headers()) else {
            return Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
                .with_detail("expected a body of type multipart/form-data"));
        };
        let FormKind::Multipart { boundary } = FormKind::multipart(&media, &limits)? else {
            return Err(Problem::bad_request("the multipart boundary is missing"));
        };
        let running = Running::of_request(&request);
        let body = BodyStream::of(request)?;
        let frames = stream::unfold(body, |mut body| async move {
            let item = body
                .next()
                .await
                .map_err(|problem| Broken::of(&problem))
                .transpose()?;
            Some((item, body))
        });
        Ok(Self::new(Box::pin(frames), &boundary, limits, running))
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
            .field("name", &self.names.name)
            .finish_non_exhaustive()
    }
}
