//! How a problem is written: RFC 9457 by default, FastAPI's shape, or a function
//! of the user's.

use std::{fmt, sync::Arc};

use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use crate::{Response, body::Body, head::Head, problem::Problem};

type Custom = Arc<dyn Fn(&Problem, &Head) -> Response + Send + Sync>;

/// The shape of every error that the framework and `Problem` answer with.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum ErrorFormat {
    /// `application/problem+json` (RFC 9457).
    #[default]
    Problem,
    /// `{"detail":[{"loc","msg","type"}]}` for violations, `{"detail": text}` else.
    FastApi,
    #[doc(hidden)]
    Custom(CustomFormat),
}

/// A format of the user's, made by [`ErrorFormat::custom`].
#[derive(Clone)]
pub struct CustomFormat(Custom);

impl ErrorFormat {
    /// Writes every problem by a function of yours. It runs where the problem
    /// arose, an event loop mostly: keep it short. Headers that the problem
    /// carries (`Retry-After`, `Allow`) are added where it sets none of the name.
    ///
    /// ```
    /// # mod hybrid { pub mod prelude { pub use hybrid_core::{Response, head::Head, problem::{ErrorFormat, Problem}, respond::IntoResponse}; } }
    /// use hybrid::prelude::*;
    ///
    /// fn one_line(problem: &Problem, _head: &Head) -> Response {
    ///     (problem.status(), format!("{}\n", problem.code())).into_response()
    /// }
    ///
    /// let format = ErrorFormat::custom(one_line);
    /// ```
    ///
    /// `{"errors":{"email":["is too short"]}}` stands in full in the facade's guide
    /// `hybrid::guide::errors`, beside the table of all codes.
    pub fn custom(format: impl Fn(&Problem, &Head) -> Response + Send + Sync + 'static) -> Self {
        Self::Custom(CustomFormat(Arc::new(format)))
    }

    /// Whether it looks at the head of the request.
    pub(crate) fn needs_head(&self) -> bool {
        matches!(self, Self::Custom(_))
    }

    /// Writes a problem for that request.
    pub(crate) fn render(&self, problem: &Problem, head: &Head) -> Response {
        match self {
            Self::Custom(CustomFormat(format)) => with_headers(format(problem, head), problem),
            Self::Problem | Self::FastApi => self.write(problem),
        }
    }

    /// Writes a problem without a request at hand.
    pub(crate) fn write(&self, problem: &Problem) -> Response {
        let (body, content_type) = match self {
            Self::FastApi => (serde_json::to_vec(&fast_api(problem)), "application/json"),
            _ => (
                serde_json::to_vec(&Wire(problem)),
                "application/problem+json",
            ),
        };
        // Keys are strings and values are plain: writing them to memory cannot fail.
        let mut response = Response::new(Body::from(body.unwrap_or_default()));
        *response.status_mut() = problem.status();
        let content_type = HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        with_headers(response, problem)
    }
}

fn with_headers(mut response: Response, problem: &Problem) -> Response {
    if problem.status() == StatusCode::UNAUTHORIZED
        && !problem
            .headers()
            .iter()
            .any(|(name, _)| *name == header::WWW_AUTHENTICATE)
    {
        // RFC 9110, section 11.6.1: a 401 names at least one challenge.
        let bearer = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .entry(header::WWW_AUTHENTICATE)
            .or_insert(bearer);
    }
    for (name, value) in problem.headers() {
        response
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    response
}

/// A problem as RFC 9457 has it. Our titles belong to the code and not to the
/// status, so `type` stands first.
struct Wire<'a>(&'a Problem);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let problem = self.0;
        let mut map = serializer.serialize_map(None)?;
        let own = problem.members();
        match own.iter().find(|(name, _)| name == "type") {
            Some((_, uri)) => map.serialize_entry("type", uri)?,
            None => {
                map.serialize_entry("type", &format_args!("urn:hybrid:{}", problem.code()))?;
            }
        }
        map.serialize_entry("title", problem.title())?;
        map.serialize_entry("status", &problem.status().as_u16())?;
        map.serialize_entry("code", problem.code())?;
        if let Some(detail) = problem.public_detail() {
            map.serialize_entry("detail", detail)?;
        }
        if !problem.violations().is_empty() {
            map.serialize_entry("errors", problem.violations())?;
        }
        for (name, value) in own.iter().filter(|(name, _)| name != "type") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn fast_api(problem: &Problem) -> Value {
    if problem.violations().is_empty() {
        return json!({ "detail": problem.public_detail().unwrap_or(problem.title()) });
    }
    let detail = problem.violations().iter().map(|violation| {
        json!({
            "loc": violation.location,
            "msg": violation.message,
            "type": violation.code,
        })
    });
    json!({ "detail": detail.collect::<Vec<_>>() })
}

impl fmt::Debug for ErrorFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Problem => "Problem",
            Self::FastApi => "FastApi",
            Self::Custom(_) => "Custom",
        })
    }
}

impl fmt::Debug for CustomFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomFormat")
    }
}
