//! Kinds of problems: the status, code and title that are the same every time.
//! The framework's own stand in [`kinds`]; a user's come from `#[derive(Problem)]`.

use std::borrow::Cow;

use http::StatusCode;

use crate::problem::Problem;

/// What every problem of one code has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The status, 400 to 599.
    pub status: u16,
    /// The machine-readable code.
    pub code: &'static str,
    /// The title, for people.
    pub title: &'static str,
}

impl Kind {
    /// A kind; a status outside 400 to 599 is answered as 500.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self {
            status,
            code,
            title,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.status);
        of_errors(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

/// The typed error of a handler, as far as it is one.
#[derive(Clone, Copy, Debug)]
pub struct TypedError {
    pub(crate) kinds: &'static [Kind],
}

/// A typed error of the user's: what `#[derive(Problem)]` implements.
pub trait ProblemKind {
    /// Every kind that a value of this type can be.
    const KINDS: &'static [Kind];

    /// This value as a problem.
    fn problem(&self) -> Problem;
}

/// The status of an error: 500 for one outside 400 to 599.
pub(super) fn of_errors(status: StatusCode) -> StatusCode {
    match status.is_client_error() || status.is_server_error() {
        true => status,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Code and title of a status, for a problem that says neither.
///
/// The framework's own code where it stands for the status as a whole, else the
/// status's phrase in HTTP.
pub(super) fn of_status(status: StatusCode) -> (Cow<'static, str>, Cow<'static, str>) {
    let kind = match status.as_u16() {
        400 => &kinds::MALFORMED_REQUEST,
        422 => &kinds::UNPROCESSABLE,
        431 => &kinds::HEADERS_TOO_LARGE,
        500 => &kinds::INTERNAL,
        _ => return of_phrase(status),
    };
    (kind.code.into(), kind.title.into())
}

fn of_phrase(status: StatusCode) -> (Cow<'static, str>, Cow<'static, str>) {
    let Some(phrase) = status.canonical_reason() else {
        let number = status.as_u16();
        return (
            format!("error_{number}").into(),
            format!("Error {number}").into(),
        );
    };
    let code = phrase.to_ascii_lowercase().replace('\'', "");
    let code = code.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let mut title = String::with_capacity(phrase.len());
    for (index, word) in phrase.split(' ').enumerate() {
        match index {
            0 => title.push_str(word),
            _ => {
                title.push(' ');
                title.push_str(&word.to_ascii_lowercase());
            }
        }
    }
    (code.into(), title.into())
}

/// The framework's own kinds: the table of docs/errors.md.
pub(crate) mod kinds {
    use super::Kind;

    macro_rules! kinds {
        ($($name:ident = $status:literal $code:literal $title:literal;)*) => {
            $(pub(crate) const $name: Kind = Kind::new($status, $code, $title);)*
        };
    }

    kinds! {
        MALFORMED_JSON = 400 "malformed_json" "Malformed JSON";
        MALFORMED_REQUEST = 400 "malformed_request" "Malformed request";
        UNAUTHORIZED = 401 "unauthorized" "Unauthorized";
        FORBIDDEN = 403 "forbidden" "Forbidden";
        NOT_FOUND = 404 "not_found" "Not found";
        METHOD_NOT_ALLOWED = 405 "method_not_allowed" "Method not allowed";
        REQUEST_TIMEOUT = 408 "request_timeout" "Request timeout";
        CONFLICT = 409 "conflict" "Conflict";
        PAYLOAD_TOO_LARGE = 413 "payload_too_large" "Payload too large";
        URI_TOO_LONG = 414 "uri_too_long" "URI too long";
        UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "Unsupported media type";
        EXPECTATION_FAILED = 417 "expectation_failed" "Expectation failed";
        VALIDATION_FAILED = 422 "validation_failed" "Validation failed";
        UNPROCESSABLE = 422 "unprocessable" "Unprocessable content";
        HEADERS_TOO_LARGE = 431 "headers_too_large" "Headers too large";
        INTERNAL = 500 "internal_error" "Internal error";
        NOT_IMPLEMENTED = 501 "not_implemented" "Not implemented";
        WORKER_CRASHED = 500 "worker_crashed" "Worker crashed";
        OVERLOADED = 503 "overloaded" "Overloaded";
        SHUTTING_DOWN = 503 "shutting_down" "Shutting down";
        HANDLER_TIMEOUT = 504 "handler_timeout" "Handler timeout";
    }
}
