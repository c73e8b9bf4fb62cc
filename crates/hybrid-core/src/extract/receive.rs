//! Stage 3: the body is received, whole and within its limit, before a ticket is
//! queued, so that a client that leaves is noticed and no thread waits for one
//! that is slow. How long it may take is the server's business (`server::timed_body`).
//!
//! Judged in this order: 413 by length, 415, 413 while reading.

use std::{any::Any, future::Future, pin::Pin};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body::Body as _;
use hybrid_engine::deadline::with_deadline;

use crate::{
    BoxError, Request, Response,
    body::{Body, BodyTooSlow},
    context::{Parts, Running, entered},
    extract::{
        body_limits::request_of,
        claim::Claim,
        forms::{FormBody, FormKind, FormLimits},
        media::Media,
    },
    problem::{Problem, kinds},
    respond::IntoResponse,
    spec::Lane,
};

/// A body above this many bytes is parsed on the pool, never on an event loop.
pub(crate) const PARSED_ON_LOOP_BYTES_MAX: usize = 16 * 1024;

type OwnBody = Box<dyn Any + Send>;
type MakingOwnBody = Pin<Box<dyn Future<Output = Result<OwnBody, Response>> + Send>>;

/// How a route's body is received.
#[derive(Clone, Copy, Debug)]
pub enum BodyPlan {
    /// `application/json` or `+json`.
    Json,
    /// Urlencoded or multipart.
    Form,
    /// Bytes of any type.
    Raw,
    /// By a [`FromRequest`](crate::extract::FromRequest) of its own.
    Own(fn(Request) -> MakingOwnBody),
}

/// A body that is there.
#[derive(Debug)]
pub enum Received {
    /// No body was sent, or none is read.
    Nothing,
    /// All bytes of a JSON or raw body.
    Bytes(Bytes),
    /// A form.
    Form(Box<FormBody>),
    /// What a `FromRequest` made.
    Made(Option<OwnBody>),
    /// The body was left unread, since the request is refused already.
    Skipped,
}

impl Received {
    /// Bytes that are still to be parsed.
    pub(crate) fn unparsed_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Form(form) => form.unparsed_bytes(),
            Self::Nothing | Self::Made(_) | Self::Skipped => 0,
        }
    }
}

/// Receives a body as the route's plan says. `refused` says that a value of the
/// head was refused already: a large body is then left unread.
pub(crate) async fn receive(
    plan: BodyPlan,
    parts: &mut Parts,
    body: Body,
    refused: bool,
) -> Result<Received, Response> {
    if let BodyPlan::Own(make) = plan {
        return if refused {
            Ok(Received::Skipped)
        } else {
            make_own(make, parts, body).await
        };
    }
    if body.is_end_stream() {
        return Ok(Received::Nothing);
    }
    receive_whole(plan, parts, body, refused)
        .await
        .map_err(IntoResponse::into_response)
}

/// Lets a `FromRequest` of the user's make its value, within the time that the
/// handler has, which here begins with the head.
async fn make_own(
    make: fn(Request) -> MakingOwnBody,
    parts: &mut Parts,
    body: Body,
) -> Result<Received, Response> {
    let request = request_of(parts, body);
    let timeout = parts.matched_route().timeout;
    let deadline = timeout.and_then(|timeout| parts.received.checked_add(timeout));
    let running = Running::of(parts, Lane::Event, deadline);
    match with_deadline(deadline, entered(running, make(request))).await {
        Some(made) => made.map(|made| Received::Made(Some(made))),
        None => Err(Problem::of(&kinds::HANDLER_TIMEOUT).into_response()),
    }
}

async fn receive_whole(
    plan: BodyPlan,
    parts: &mut Parts,
    body: Body,
    refused: bool,
) -> Result<Received, Problem> {
    let media = Media::of(&parts.headers);
    let limit = limit_of(plan, &media, parts);
    refuse_by_length(&body, limit)?;
    check_coding(&parts.headers)?;
    let limits = FormLimits::of(parts.context.settings());
    let form = check_type(plan, media, &limits)?;
    if refused && body.size_hint().lower() > PARSED_ON_LOOP_BYTES_MAX as u64 {
        return Ok(Received::Skipped);
    }
    let mut claim = Claim::of(parts);
    let bytes = read_claimed(body, limit, &mut claim).await?;
    if !refused {
        claim.parse(plan, bytes.len()).await?;
    }
    let room = claim.into_room();
    parts.reservation.put(room);
    Ok(match form {
        _ if bytes.is_empty() => Received::Nothing,
        Some(kind) => Received::Form(Box::new(FormBody::new(bytes, kind, limits))),
        None => Received::Bytes(bytes),
    })
}

/// A body that is passed on as it came, in the pieces that it came in.
#[derive(Debug)]
pub(crate) enum Raw {
    /// No body was sent, or none is read.
    Nothing,
    Bytes(Vec<Bytes>),
    /// Larger than the limit.
    TooLarge,
    /// Of a type that is not taken.
    Unread,
}

/// Receives a body that is looked at elsewhere, within its limit.
///
/// With `is_judged_later`, what the body would be refused for (413, 415) is passed
/// on as well, since a guard there is asked first.
pub(crate) async fn receive_raw(
    plan: Option<BodyPlan>,
    parts: &mut Parts,
    body: Body,
    is_judged_later: bool,
) -> Result<Raw, Problem> {
    let Some(plan) = plan.filter(|_| !body.is_end_stream()) else {
        return Ok(Raw::Nothing);
    };
    let media = Media::of(&parts.headers);
    let limit = match plan {
        BodyPlan::Own(_) => limit_of_own(parts),
        _ => limit_of(plan, &media, parts),
    };
    let judged = refuse_by_length(&body, limit).map_err(|problem| (Raw::TooLarge, problem));
    let judged = judged.and_then(|()| {
        let limits = FormLimits::of(parts.context.settings());
        let checked = match plan {
            // What it takes is its own business.
            BodyPlan::Own(_) => Ok(None),
            _ => check_coding(&parts.headers).and_then(|()| check_type(plan, media, &limits)),
        };
        checked.map_err(|problem| (Raw::Unread, problem))
    });
    let read = match judged {
        Ok(_) => {
            let mut claim = Claim::of(parts);
            let read = read_pieces(body, limit, &mut claim).await?;
            let room = claim.into_room();
            parts.reservation.put(room);
            read
        }
        Err(refused) => Err(refused),
    };
    match read {
        Ok(pieces) => Ok(Raw::Bytes(pieces)),
        Err((raw, _)) if is_judged_later => Ok(raw),
        Err((_, problem)) => Err(problem),
    }
}

/// A user's `FromRequest` has limits of its own below this one.
fn limit_of_own(parts: &Parts) -> usize {
    let settings = parts.context.settings();
    let most = settings.body_limit.max(settings.upload_limit);
    parts.matched_route().body_limit.unwrap_or(most)
}

/// Frames below this are gathered, so that a client that sends byte by byte costs
/// no more memory than its bytes.
const PIECE_BYTES_MIN: usize = 16 * 1024;

/// Reads a body to its end, as the frames that came. The inner error: it is larger
/// than the limit.
async fn read_pieces(
    body: Body,
    limit: usize,
    claim: &mut Claim<'_>,
) -> Result<Result<Vec<Bytes>, (Raw, Problem)>, Problem> {
    let announced = body.size_hint().exact();
    let mut body = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() > limit => return Ok(Err((Raw::TooLarge, too_large(limit)))),
        Ok(bytes) => {
            claim.cover(bytes.len(), announced).await?;
            return Ok(Ok(vec![bytes]));
        }
        Err(stream) => stream,
    };
    let (mut pieces, mut small, mut total) = (Vec::new(), BytesMut::new(), 0_usize);
    while let Some(data) = next_data(&mut body).await? {
        total += data.len();
        if total > limit {
            return Ok(Err((Raw::TooLarge, too_large(limit))));
        }
        claim.cover(total, announced).await?;
        if data.len() < PIECE_BYTES_MIN {
            small.extend_from_slice(&data);
        } else {
            if !small.is_empty() {
                pieces.push(small.split().freeze());
            }
            pieces.push(data);
        }
    }
    if !small.is_empty() {
        pieces.push(small.freeze());
    }
    Ok(Ok(pieces))
}

fn limit_of(plan: BodyPlan, media: &Media<'_>, parts: &Parts) -> usize {
    let settings = parts.context.settings();
    match (parts.matched_route().body_limit, plan, media) {
        (Some(own), ..) => own,
        (None, BodyPlan::Form, Media::Urlencoded) => settings.form_limit,
        (None, ..) => settings.body_limit,
    }
}

pub(crate) fn refuse_by_length(body: &Body, limit: usize) -> Result<(), Problem> {
    if body.size_hint().lower() > limit as u64 {
        Err(too_large(limit))
    } else {
        Ok(())
    }
}

pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::of(&kinds::PAYLOAD_TOO_LARGE).with_detail(format!(
        "the body is larger than the limit of {limit} bytes"
    ))
}

/// 415 where the plan takes no such body; a form's encoding where it is one.
pub(crate) fn check_type(
    plan: BodyPlan,
    media: Media<'_>,
    #[cfg_attr(not(feature = "multipart"), expect(unused_variables))] limits: &FormLimits,
) -> Result<Option<FormKind>, Problem> {
    let refuse = |wanted: &str| {
        Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
            .with_detail(format!("expected a body of type {wanted}")))
    };
    match (plan, media) {
        (BodyPlan::Raw | BodyPlan::Own(_), _) | (BodyPlan::Json, Media::Json) => Ok(None),
        (BodyPlan::Form, Media::Urlencoded) => Ok(Some(FormKind::Urlencoded)),
        #[cfg(feature = "multipart")]
        (BodyPlan::Form, Media::Multipart(media)) => FormKind::multipart(&media, limits).map(Some),
        (BodyPlan::Json, _) => refuse("application/json"),
        (BodyPlan::Form, _) if cfg!(feature = "multipart") => {
            refuse("application/x-www-form-urlencoded or multipart/form-data")
        }
        (BodyPlan::Form, _) => refuse("application/x-www-form-urlencoded"),
    }
}

/// Reads a body to its end that is no request's.
pub(crate) async fn read_to_end(body: Body, limit: usize) -> Result<Bytes, Problem> {
    read_claimed(body, limit, &mut Claim::uncounted()).await
}

/// Reads a body to its end. A body of one frame, the common case, is not copied.
pub(crate) async fn read_claimed(
    body: Body,
    limit: usize,
    claim: &mut Claim<'_>,
) -> Result<Bytes, Problem> {
    let announced = body.size_hint().exact();
    let mut body = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() > limit => return Err(too_large(limit)),
        Ok(bytes) => {
            claim.cover(bytes.len(), announced).await?;
            return Ok(bytes);
        }
        Err(stream) => stream,
    };
    let Some(first) = next_data(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(too_large(limit));
    }
    claim.cover(first.len(), announced).await?;
    let Some(second) = next_data(&mut body).await? else {
        return Ok(first);
    };
    let mut all = BytesMut::with_capacity((first.len() + second.len()).min(limit).max(1024));
    all.extend_from_slice(&first);
    drop(first);
    let mut next = Some(second);
    while let Some(data) = next {
        let total = all.len() + data.len();
        if total > limit {
            return Err(too_large(limit));
        }
        claim.cover(total, announced).await?;
        all.extend_from_slice(&data);
        next = next_data(&mut body).await?;
    }
    Ok(all.freeze())
}

/// The next frame of data; trailers are passed over.
pub(crate) async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(broken_body(&error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn broken_body(error: &BoxError) -> Problem {
    if error.is::<BodyTooSlow>() {
        return Problem::of(&kinds::REQUEST_TIMEOUT).with_detail("the body came too slowly");
    }
    if error.is::<http_body_util::LengthLimitError>() {
        return Problem::of(&kinds::PAYLOAD_TOO_LARGE).with_detail("the body is too large");
    }
    Problem::bad_request("the body ended before it was complete")
}

/// 415 where the body is encoded: nothing here decodes it, and a layer that does
/// takes the header off.
pub(crate) fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter().peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut codings = codings.map(<[u8]>::trim_ascii);
    if codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE)
        .with_detail("expected a body without `Content-Encoding`: it is not decoded here")
        // RFC 7694, section 3.
        .with_header(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        ))
}
