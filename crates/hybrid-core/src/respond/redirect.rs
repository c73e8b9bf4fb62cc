//! Redirects.

use http::{HeaderValue, StatusCode, header};

use crate::{Response, problem::Problem, respond::IntoResponse};

/// An answer that sends the client elsewhere.
///
/// A target that cannot stand in a header is a 500.
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
        match HeaderValue::try_from(self.target) {
            Ok(target) => ([(header::LOCATION, target)], self.status).into_response(),
            Err(error) => Problem::from(error).into_response(),
        }
    }
}
