//! Arguments that are read from a received body: stage 4. Each is a body plan
//! and a function; which function a type gets is decided in `probe`.

use std::{borrow::Cow, fmt, io};

use bytes::Bytes;
use hybrid_validate::{
    FromTexts, Param, Report, Source, bridge,
    inspect::{self, Input, Inspect, NotJson},
};
use serde::de::DeserializeOwned;

use crate::{
    Request, Response,
    context::{Parts, Running},
    extract::{
        Argument, BodyPlan, BodyStream, Describe, Form, FromRequest, Json, Received, Texts,
        body_limits::BodyLimits,
        claim::Claim,
        head_value::ReadTexts,
        media::Media,
        receive::{
            PARSED_ON_LOOP_BYTES_MAX, check_coding, check_type, read_claimed, refuse_by_length,
        },
        texts::with_named,
    },
    offload::run_as,
    problem::{Problem, kinds},
    respond::IntoResponse,
    spec::BodyCheck,
};

/// An argument that is read from the body.
pub struct BodyArgument<W> {
    pub(crate) plan: BodyPlan,
    pub(crate) check: BodyCheck,
    pub(crate) describe: fn(&mut Describe),
    pub(crate) read: fn(&mut Received, &mut Report) -> Result<Option<W>, Problem>,
}

impl<W> BodyArgument<W> {
    pub(crate) const fn new(
        plan: BodyPlan,
        check: BodyCheck,
        read: fn(&mut Received, &mut Report) -> Result<Option<W>, Problem>,
    ) -> Self {
        Self {
            plan,
            check,
            describe: |_| (),
            read,
        }
    }
}

impl<W> BodyArgument<W> {
    /// Of a model, whose rules are looked at when the program starts.
    pub(crate) const fn of_model<T: Inspect>(
        plan: BodyPlan,
        read: fn(&mut Received, &mut Report) -> Result<Option<W>, Problem>,
    ) -> Self {
        Self {
            describe: |to| to.model::<T>(),
            ..Self::new(plan, BodyCheck::Model, read)
        }
    }
}

impl<W> fmt::Debug for BodyArgument<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyArgument<{}>", std::any::type_name::<W>())
    }
}

impl<W: 'static> Argument for BodyArgument<W> {
    const IS_BODY: bool = true;

    type Guarded = ();
    type Held = ();
    type Value = W;

    fn describe(&self, to: &mut Describe) {
        to.body(self.plan, self.check);
        (self.describe)(to);
    }

    async fn guard(&self, _: &mut Parts) -> Result<(), Response> {
        Ok(())
    }

    fn read_head(&self, (): (), _: &Texts<'_>, _: &mut Report) {}

    fn read_body(
        &self,
        (): (),
        received: &mut Received,
        report: &mut Report,
    ) -> Result<Option<W>, Problem> {
        if matches!(received, Received::Skipped) {
            return Ok(None);
        }
        report.set_source(Source::Body);
        (self.read)(received, report)
    }
}

// === JSON ===

type ReadJson<T> = fn(&[u8], &mut Report) -> Result<Option<T>, NotJson>;

fn json<T>(
    received: &mut Received,
    report: &mut Report,
    read: ReadJson<T>,
) -> Result<Option<Json<T>>, Problem> {
    let Received::Bytes(bytes) = received else {
        report.violate("missing", "is required");
        return Ok(None);
    };
    let value = read(bytes, report).map_err(|error| malformed_json(&error))?;
    Ok(value.map(Json))
}

fn malformed_json(error: &NotJson) -> Problem {
    let NotJson {
        line,
        column,
        message,
    } = error;
    Problem::of(&kinds::MALFORMED_JSON)
        .with_detail(format!("{message} at line {line} column {column}"))
}

pub(crate) fn json_model<T: DeserializeOwned + Inspect>(
    received: &mut Received,
    report: &mut Report,
) -> Result<Option<Json<T>>, Problem> {
    json(received, report, inspect::read_json)
}

pub(crate) fn json_validator<T: DeserializeOwned + validator::Validate>(
    received: &mut Received,
    report: &mut Report,
) -> Result<Option<Json<T>>, Problem> {
    json(received, report, inspect::read_json_validator)
}

pub(crate) fn json_plain<T: DeserializeOwned>(
    received: &mut Received,
    report: &mut Report,
) -> Result<Option<Json<T>>, Problem> {
    json(received, report, inspect::read_json_plain)
}

/// `None` where no body was sent, else what `read` makes of it.
pub(crate) fn optional<W>(
    received: &mut Received,
    report: &mut Report,
    read: fn(&mut Received, &mut Report) -> Result<Option<W>, Problem>,
) -> Result<Option<Option<W>>, Problem> {
    match received {
        Received::Nothing => Ok(Some(None)),
        _ => Ok(read(received, report)?.map(Some)),
    }
}

// === Forms ===

/// The pairs of a form; none where no body was sent.
fn form_pairs(received: &mut Received) -> Result<&[(String, String)], Problem> {
    match received {
        Received::Form(form) => form.pairs(),
        _ => Ok(&[]),
    }
}

type BorrowedPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

fn borrowed(pairs: &[(String, String)]) -> BorrowedPairs<'_> {
    pairs
        .iter()
        .map(|(k, v)| (Cow::Borrowed(&**k), Cow::Borrowed(&**v)))
        .collect()
}

pub(crate) fn form_model<T: Inspect>(
    received: &mut Received,
    report: &mut Report,
) -> Result<Option<Form<T>>, Problem> {
    report.set_source(Source::Form);
    let pairs = borrowed(form_pairs(received)?);
    Ok(T::inspect(Input::Pairs(&pairs), report).map(Form))
}

pub(crate) fn form_plain<T: DeserializeOwned>(
    received: &mut Received,
    report: &mut Report,
) -> Result<Option<Form<T>>, Problem> {
    report.set_source(Source::Form);
    Ok(inspect::read_pairs_plain(&borrowed(form_pairs(received)?), report).map(Form))
}

pub(crate) fn form_validator<T: DeserializeOwned + validator::Validate>(
    received: &mut Received,
    report: &mut Report,
) -> Result<Option<Form<T>>, Problem> {
    report.set_source(Source::Form);
    let pairs = borrowed(form_pairs(received)?);
    Ok(inspect::read_pairs_validator(&pairs, report).map(Form))
}

/// One field of a form: `#[form]`.
pub struct FormField<T: 'static> {
    param: &'static Param<T>,
    read: ReadTexts<T>,
    describe: fn(&'static Param<T>, &mut Describe),
}

impl<T: FromTexts> FormField<T> {
    pub(crate) fn new(param: &'static Param<T>) -> Self {
        Self {
            param,
            read: Param::read,
            describe: |param, to| to.declared(param),
        }
    }
}

impl<T> fmt::Debug for FormField<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormField({})", self.param.name())
    }
}

impl<T: Send + 'static> Argument for FormField<T> {
    const IS_BODY: bool = true;

    type Guarded = ();
    type Held = ();
    type Value = T;

    fn describe(&self, to: &mut Describe) {
        (self.describe)(self.param, to);
        to.body(BodyPlan::Form, BodyCheck::Model);
    }

    async fn guard(&self, _: &mut Parts) -> Result<(), Response> {
        Ok(())
    }

    fn read_head(&self, (): (), _: &Texts<'_>, _: &mut Report) {}

    fn read_body(
        &self,
        (): (),
        received: &mut Received,
        report: &mut Report,
    ) -> Result<Option<T>, Problem> {
        if matches!(received, Received::Skipped) {
            return Ok(None);
        }
        report.set_source(Source::Form);
        let pairs = borrowed(form_pairs(received)?);
        Ok(with_named(&pairs, self.param.name(), |values| {
            (self.read)(self.param, values, report)
        }))
    }
}

// === Raw bodies ===

/// What `#[body]` takes: the raw body as bytes or text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no raw body",
    label = "not a raw body",
    note = "`#[body]` takes `String`, `Bytes` or `Vec<u8>`; for JSON write `Json<T>` without `#[body]`"
)]
pub trait RawBody: Sized + 'static {
    /// Makes it of the bytes.
    ///
    /// # Errors
    /// A 400 where the bytes are no such thing.
    fn from_bytes(bytes: Bytes) -> Result<Self, Problem>;
}

impl RawBody for Bytes {
    fn from_bytes(bytes: Bytes) -> Result<Self, Problem> {
        Ok(bytes)
    }
}

impl RawBody for Vec<u8> {
    fn from_bytes(bytes: Bytes) -> Result<Self, Problem> {
        Ok(bytes.into())
    }
}

impl RawBody for String {
    fn from_bytes(bytes: Bytes) -> Result<Self, Problem> {
        Self::from_utf8(bytes.into()).map_err(|_| Problem::bad_request("the body is not UTF-8"))
    }
}

pub(crate) fn raw<W: RawBody>(
    received: &mut Received,
    _: &mut Report,
) -> Result<Option<W>, Problem> {
    let bytes = match received {
        Received::Bytes(bytes) => std::mem::take(bytes),
        _ => Bytes::new(),
    };
    W::from_bytes(bytes).map(Some)
}

/// A body that was received already, as `std::io::Read`, for a plain `fn`.
///
/// Held to `body_limit`, in memory.
#[derive(Debug)]
pub struct BodyReader {
    bytes: io::Cursor<Bytes>,
}

impl BodyReader {
    /// The length of the body in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.get_ref().len()
    }

    /// Whether there was no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl io::Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(into)
    }
}

impl RawBody for BodyReader {
    fn from_bytes(bytes: Bytes) -> Result<Self, Problem> {
        Ok(Self {
            bytes: io::Cursor::new(bytes),
        })
    }
}

// === Whole requests ===

impl FromRequest for Request {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request) -> Result<Self, Self::Rejection> {
        Ok(request)
    }
}

impl FromRequest for BodyStream {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self, Problem> {
        Self::of(request)
    }
}

impl FromRequest for Bytes {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self, Problem> {
        let mut limits = BodyLimits::of(&request);
        let limit = limits.whole;
        refuse_by_length(request.body(), limit)?;
        if !http_body::Body::is_end_stream(request.body()) {
            check_coding(request.headers())?;
        }
        let running = Running::of_request(&request);
        let mut claim = Claim::of_running(running.as_ref());
        let bytes = read_claimed(request.into_body(), limit, &mut claim).await?;
        limits.reservation.put(claim.into_room());
        Ok(bytes)
    }
}

/// For extractors of your own that read JSON: the type is deserialised, and a
/// `#[model]` refuses at its first broken rule. As a handler's argument,
/// `Json<T>` lists every fault instead.
impl<T: DeserializeOwned + Send + 'static> FromRequest for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self, Problem> {
        let received = receive_json(&request)?;
        let running = Running::of_request(&request);
        let mut room = BodyLimits::of(&request).reservation;
        let bytes = if received {
            Bytes::from_request(request).await?
        } else {
            Bytes::new()
        };
        let is_large = bytes.len() > PARSED_ON_LOOP_BYTES_MAX;
        let mut claim = Claim::of_running(running.as_ref());
        claim.parse(BodyPlan::Json, bytes.len()).await?;
        room.put(claim.into_room());
        let read = move || {
            // Held until it is parsed, also where the client leaves before.
            let _room = room;
            let mut received = match bytes.is_empty() {
                true => Received::Nothing,
                false => Received::Bytes(bytes),
            };
            let mut report = Report::new(Source::Body);
            let value = json_plain(&mut received, &mut report)?;
            value.ok_or_else(|| Problem::refused(report))
        };
        match running.filter(|_| is_large) {
            Some(running) => run_as(&running, read)
                .await
                .map_err(|error| error.problem())?,
            None => read(),
        }
    }
}

/// Whether there is a body; 415 where it is of another type.
fn receive_json(request: &Request) -> Result<bool, Problem> {
    if http_body::Body::is_end_stream(request.body()) {
        return Ok(false);
    }
    check_coding(request.headers())?;
    check_type(
        BodyPlan::Json,
        Media::of(request.headers()),
        &BodyLimits::of(request).form,
    )?;
    Ok(true)
}

impl<T: validator::Validate + DeserializeOwned> Json<T> {
    /// Validates what a plain `Json<T>` holds, for types that the framework could
    /// not see: behind a generic, say.
    ///
    /// # Errors
    /// A 422 with every violation that `validator` found.
    pub fn validated(self) -> Result<Self, Problem> {
        let Err(errors) = self.0.validate() else {
            return Ok(self);
        };
        let mut report = Report::new(Source::Body);
        bridge::from_validator_of::<T>(&errors, &mut report);
        Err(Problem::refused(report))
    }
}

/// What a user's [`FromRequest`] makes.
pub(crate) fn own<T: FromRequest + Send + 'static>() -> BodyArgument<T> {
    let plan = BodyPlan::Own(|request| {
        Box::pin(async move {
            match T::from_request(request).await {
                Ok(value) => Ok(Box::new(value) as Box<dyn std::any::Any + Send>),
                Err(rejection) => Err(rejection.into_error_response()),
            }
        })
    });
    let read = |received: &mut Received, _: &mut Report| {
        let Received::Made(made) = received else {
            return Ok(None);
        };
        Ok(made
            .take()
            .and_then(|made| made.downcast().ok())
            .map(|made| *made))
    };
    BodyArgument {
        plan,
        check: BodyCheck::Raw,
        describe: T::describe,
        read,
    }
}
