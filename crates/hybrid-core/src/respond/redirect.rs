//! Redirects.

use http::{HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{Response, problem::Problem, respond::IntoResponse};

/// An answer that sends the client elsewhere.
///
/// What a URI cannot hold is percent-encoded: `/a b` is sent as `/a%20b`, `/ü` as
/// `/%C3%BC`; what is encoded already stays as it is. A target with a control
/// character, a line break say, is a 500.
///
/// ```
/// # mod hybrid { pub mod prelude { pub use hybrid_core::respond::{IntoResponse, Redirect}; } }
/// use hybrid::prelude::*;
///
/// let response = Redirect::to("/users/Ada Lovelace?tab=100%").into_response();
/// assert_eq!(response.headers()["location"], "/users/Ada%20Lovelace?tab=100%25");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    target: String,
}

impl Redirect {
    /// 303: look there, with `GET`. What follows a form that was posted.
    pub fn to(target: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SEE_OTHER,
            target: target.into(),
        }
    }

    /// 307: this once, with the same method.
    pub fn temporary(target: impl Into<String>) -> Self {
        Self {
            status: StatusCode::TEMPORARY_REDIRECT,
            target: target.into(),
        }
    }

    /// 308: for good, with the same method.
    pub fn permanent(target: impl Into<String>) -> Self {
        Self {
            status: StatusCode::PERMANENT_REDIRECT,
            target: target.into(),
        }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        match HeaderValue::try_from(encode(self.target)) {
            Ok(target) => ([(header::LOCATION, target)], self.status).into_response(),
            Err(error) => Problem::from(error).into_response(),
        }
    }
}

/// The printable characters that no URI holds as they are (RFC 3986, section 2).
/// Controls are left to the header, which refuses them.
const NO_URI_HOLDS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A target as a URI; what is encoded already is not encoded twice.
fn encode(target: String) -> String {
    if target.bytes().any(|byte| byte.is_ascii_control()) {
        return target;
    }
    let mut encoded = String::with_capacity(target.len());
    let mut rest = &*target;
    while let Some(at) = rest.find('%') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        encoded.extend(utf8_percent_encode(before, NO_URI_HOLDS));
        let digits = after.as_bytes().get(..2);
        let is_escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if is_escape { "%" } else { "%25" });
        rest = after;
    }
    encoded.extend(utf8_percent_encode(rest, NO_URI_HOLDS));
    encoded
}
