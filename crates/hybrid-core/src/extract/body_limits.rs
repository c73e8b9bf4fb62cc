//! The request that a `FromRequest` of the user's gets, and the limits of its body.

use http_body::Body as _;

use crate::{
    Request,
    body::Body,
    config::Settings,
    context::{Parts, SharedReservation},
    extract::forms::FormLimits,
};

/// The request that a `FromRequest` of the user's gets: head and body, with the
/// body's limit beside it.
pub(super) fn request_of(parts: &mut Parts, body: Body) -> Request {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.version_mut() = parts.version;
    *request.headers_mut() = parts.headers.clone();
    *request.extensions_mut() = std::mem::take(&mut parts.head.extensions);
    if !request.body().is_end_stream() {
        parts.reservation = SharedReservation::shared();
    }
    let settings = parts.context.settings();
    let limits = BodyLimits {
        whole: parts
            .matched_route()
            .body_limit
            .unwrap_or(settings.body_limit),
        streamed: parts
            .matched_route()
            .body_limit
            .unwrap_or(settings.upload_limit),
        form: FormLimits::of(settings),
        reservation: parts.reservation.clone(),
    };
    request.extensions_mut().insert(limits);
    request.extensions_mut().insert(parts.request_context());
    request
}

/// The limits that hold for the body of one request, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct BodyLimits {
    /// A body that is read whole into memory.
    pub(crate) whole: usize,
    /// A body that is streamed.
    pub(crate) streamed: usize,
    /// The parts of a multipart body.
    pub(crate) form: FormLimits,
    /// The memory that is reserved for what is read of it.
    pub(crate) reservation: SharedReservation,
}

impl BodyLimits {
    pub(crate) fn of(request: &Request) -> Self {
        request
            .extensions()
            .get()
            .cloned()
            .unwrap_or_else(Self::default_limits)
    }

    /// What holds without an application around the request, as in a unit test.
    fn default_limits() -> Self {
        let settings = Settings::default();
        Self {
            whole: settings.body_limit,
            streamed: settings.upload_limit,
            form: FormLimits::of(&settings),
            reservation: SharedReservation::default(),
        }
    }
}
