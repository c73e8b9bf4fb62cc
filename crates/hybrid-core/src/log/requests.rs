//! The line that a request has in the log, and the span around it.
//!
//! A request that goes well pays for neither: what a line says is gathered when there
//! is one to write. The endpoint notes in its answer what it knows ([`Seen`]), what
//! renders a problem notes its private text ([`Failure`]), and where the answer leaves
//! the application, or a layer could lose those notes, the line is written, once.

use std::{
    cell::{Cell, RefCell},
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hybrid_engine::{background::quietly, clock::Instant, timing::Timing};
use tracing::{Level, Span};

use crate::{
    config::LogRequests,
    spec::{Lane, RouteSpec},
};

/// The header that names a request, to this server and beyond.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that is taken over.
const ID_BYTES_MAX: usize = 128;

thread_local! {
    /// What is known of the request whose handler has just panicked on this thread.
    static LOST: RefCell<Option<(Instant, Seen)>> = const { RefCell::new(None) };
    /// The last request on this thread that has its line.
    static LOGGED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The least status whose requests have a line.
pub(crate) fn lines_from(which: LogRequests) -> u16 {
    match which {
        LogRequests::Off => u16::MAX,
        LogRequests::Errors => 500,
        LogRequests::All => 0,
    }
}

/// The private text of a failure, on its way in the answer.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Box<str>);

/// What a line says of a request that its answer alone does not tell.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    method: Method,
    id: Option<HeaderValue>,
    lane: Lane,
    timing: Option<Timing>,
}

/// The request has its line.
#[derive(Debug, Clone, Copy)]
struct Logged;

impl Seen {
    pub(crate) fn of(http: &http::request::Parts, lane: Lane) -> Self {
        Self {
            method: http.method.clone(),
            id: http.headers.get(REQUEST_ID).cloned(),
            lane,
            timing: None,
        }
    }

    /// Notes it in an answer that has a line, where nothing is noted yet.
    pub(crate) fn note(self, extensions: &mut Extensions) {
        extensions.get_or_insert(self);
    }

    /// With what its handler took.
    pub(crate) fn timed(self, timing: Option<&Timing>) -> Self {
        let timing = timing.copied();
        Self { timing, ..self }
    }

    /// Keeps it for the line of a request that panics.
    pub(crate) fn keep(self, received: Instant) {
        LOST.with_borrow_mut(|lost| *lost = Some((received, self)));
    }
}

/// A note for the case that what it stands beside panics.
pub(crate) struct PanicNote(pub(crate) Option<Seen>, pub(crate) Instant);

impl Drop for PanicNote {
    fn drop(&mut self) {
        if let Some(seen) = self.0.take()
            && std::thread::panicking()
        {
            seen.keep(self.1);
        }
    }
}

/// What was kept of that request when it panicked on this thread.
pub(crate) fn kept_of(received: Instant) -> Option<Seen> {
    let lost = LOST.take()?;
    (lost.0 == received).then_some(lost.1)
}

/// A line about a request.
pub(crate) struct Line<'a> {
    pub(crate) received: Instant,
    pub(crate) status: StatusCode,
    /// The template of its route, and what the route's attribute says.
    pub(crate) route: Option<(&'a str, &'a RouteSpec)>,
    /// Where the request was answered, unless its answer says otherwise.
    pub(crate) lane: Lane,
    /// Its method, where the answer does not tell.
    pub(crate) method: Option<&'a str>,
}

impl Line<'_> {
    /// Writes the line and names the request in its answer. Without a method it is
    /// left to where that is known.
    pub(crate) fn write(&self, extensions: &mut Extensions, headers: &mut HeaderMap) {
        if extensions.get::<Logged>().is_some() || LOGGED.get() == Some(self.received) {
            return;
        }
        let seen = extensions.get::<Seen>();
        let method = seen.map(|seen| seen.method.as_str()).or(self.method);
        let Some(method) = method else { return };
        let id = seen.and_then(|seen| seen.id.as_ref());
        let id = id.and_then(sane).map_or_else(new_id, HeaderValue::clone);
        let error = extensions.get::<Failure>().map(|failure| &*failure.0);
        self.say(method, seen, id.to_str().unwrap_or_default(), error);
        headers.insert(REQUEST_ID, id);
        extensions.remove::<Seen>();
        extensions.remove::<Failure>();
        extensions.insert(Logged);
        LOGGED.set(Some(self.received));
    }

    fn say(&self, method: &str, seen: Option<&Seen>, request_id: &str, error: Option<&str>) {
        let (path, spec) = self.route.unzip();
        let handler = spec.map(|spec| format!("{}::{}", spec.module, spec.name));
        let place = spec.map(|spec| format!("{}:{}", spec.file, spec.line));
        let status = self.status.as_u16();
        let lane = seen.map_or(self.lane, |seen| seen.lane).as_str();
        let timing = seen.and_then(|seen| seen.timing);
        let queue_ms = timing.map(|timing| ms(timing.queue_ns));
        let run_ms = timing.map(|timing| ms(timing.wall_ns));
        macro_rules! line {
            ($level:ident, $text:literal) => {
                tracing::event!(
                    target: "hybrid::request", Level::$level,
                    method, path, handler, place, status, lane, queue_ms, run_ms, request_id,
                    error, $text
                )
            };
        }
        quietly(|| match status {
            503 => line!(WARN, "a request was refused"),
            500.. => line!(ERROR, "a request failed"),
            _ => line!(INFO, "a request was answered"),
        });
    }
}

/// The line of a request whose client left before the answer.
#[cold]
pub(crate) fn say_left(method: &str, path: Option<&str>) {
    quietly(|| tracing::info!(target: "hybrid::request", method, path, "a client left"));
}

/// Milliseconds with three digits behind the point.
fn ms(ns: u64) -> f64 {
    (ns / 1000) as f64 / 1000.0
}

// === The span ===

/// Whether a subscriber wants the span of a request.
#[inline]
pub(crate) fn wants_span() -> bool {
    tracing::span_enabled!(target: "hybrid::request", Level::DEBUG)
}

/// The span of a request. Where every request has a line it is as visible as that.
pub(crate) fn span(
    method: &Method,
    route: Option<&str>,
    lane: Lane,
    id: &HeaderValue,
    has_line: bool,
) -> Span {
    let (method, lane) = (method.as_str(), lane.as_str());
    let request_id = id.to_str().unwrap_or_default();
    if has_line {
        tracing::info_span!(target: "hybrid::request", "request", method, route, request_id, lane)
    } else {
        tracing::debug_span!(target: "hybrid::request", "request", method, route, request_id, lane)
    }
}

// === Its name ===

/// Names a request: as its client did, if that can be relied on.
pub(crate) fn name(headers: &mut HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(REQUEST_ID).and_then(sane) {
        return given.clone();
    }
    let id = new_id();
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// A name that is short and of characters that no log and no shell reads as more.
fn sane(id: &HeaderValue) -> Option<&HeaderValue> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(byte);
    let bytes = id.as_bytes();
    let is_sane = (1..=ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(is_plain);
    is_sane.then_some(id)
}

/// 128 bits that no other request of this process or of another is expected to have.
fn new_id() -> HeaderValue {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.each_ref().map(|key| key.hash_one(number));
    let text = format!("{high:016x}{low:016x}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_taken_for_more_is_replaced() {
        let named = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
            let id = name(&mut headers);
            assert_eq!(headers[REQUEST_ID], id);
            id.as_bytes() == given
        };
        assert!(named(b"b7ad6b71-6920:3331"));
        assert!(named(&[b'a'; ID_BYTES_MAX]));
        let strange: [&[u8]; 5] = [b"", b"a b", b"a\xff", b"a\"b", &[b'a'; ID_BYTES_MAX + 1]];
        assert!(!strange.into_iter().any(named));
    }

    #[test]
    fn no_two_requests_are_named_alike() {
        let ids: std::collections::BTreeSet<_> = (0..1000)
            .map(|_| new_id().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
