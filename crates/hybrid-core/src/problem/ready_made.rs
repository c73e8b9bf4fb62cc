//! The ready-made error of a handler.

use std::{any::TypeId, borrow::Cow, fmt, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode, header};
use hybrid_validate::{Report, Violation};
use serde::Serialize;
use serde_json::Value;

use super::{Kind, kind, kinds, registry};
use crate::{BoxError, Response};

/// The result of a handler: `Result<T>` stands for `Result<T, Problem>`.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// The ready-made error of a handler, written as `application/problem+json`.
///
/// Any `std::error::Error` becomes one under `?`: with the status that
/// `App::on_error` gives its type, else with that of its `#[derive(Problem)]`,
/// else as a 500 whose text reaches the log and not the client.
///
/// ```
/// # mod hybrid { pub mod prelude { pub use hybrid_core::problem::{Problem, Result}; } }
/// use hybrid::prelude::*;
///
/// fn find(id: u64) -> Result<&'static str> {
///     match id {
///         1 => Ok("Ada"),
///         _ => Err(Problem::not_found("no such user")),
///     }
/// }
///
/// assert_eq!(find(2).map_err(|problem| problem.status().as_u16()), Err(404));
/// ```
pub struct Problem {
    pub(super) inner: Box<Fields>,
}

pub(super) struct Fields {
    status: StatusCode,
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    pub(super) detail: Option<Cow<'static, str>>,
    violations: Vec<Violation>,
    headers: Vec<(HeaderName, HeaderValue)>,
    members: Vec<(Cow<'static, str>, Value)>,
    source: Option<Source>,
}

/// The error that became this problem under `?`, with its type for `on_error`.
struct Source {
    type_id: TypeId,
    error: BoxError,
}

impl Problem {
    /// A problem with that status, and with the code and title that fit it:
    /// `not_found` and "Not found" for 404. A status outside 400 to 599 becomes 500.
    ///
    /// ```
    /// # mod hybrid { pub mod prelude { pub use hybrid_core::{StatusCode, problem::Problem}; } }
    /// use hybrid::prelude::*;
    ///
    /// let problem = Problem::new(StatusCode::FORBIDDEN)
    ///     .with_code("out_of_credit")
    ///     .with_title("You do not have enough credit")
    ///     .with_detail("Your balance is 30, the item costs 50")
    ///     .with_header("x-shop", "12")
    ///     .with("balance", 30);
    /// assert_eq!(problem.code(), "out_of_credit");
    /// ```
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let status = kind::of_errors(status);
        let (code, title) = kind::of_status(status);
        Self::made(status, code, title)
    }

    fn made(status: StatusCode, code: Cow<'static, str>, title: Cow<'static, str>) -> Self {
        let inner = Fields {
            status,
            code,
            title,
            detail: None,
            violations: Vec::new(),
            headers: Vec::new(),
            members: Vec::new(),
            source: None,
        };
        Self {
            inner: Box::new(inner),
        }
    }

    /// A problem of a declared kind.
    #[must_use]
    pub fn of(kind: &Kind) -> Self {
        Self::made(kind.status(), kind.code.into(), kind.title.into())
    }

    /// 400 `malformed_request`.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::MALFORMED_REQUEST).with_detail(detail)
    }

    /// 401 `unauthorized`, with `WWW-Authenticate: Bearer`; another challenge
    /// is set by [`with_header`](Self::with_header).
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::UNAUTHORIZED)
            .with_detail(detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403 `forbidden`.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::FORBIDDEN).with_detail(detail)
    }

    /// 404 `not_found`.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::NOT_FOUND).with_detail(detail)
    }

    /// 409 `conflict`.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::CONFLICT).with_detail(detail)
    }

    /// 422 `unprocessable`: a request that is well formed and refused by the
    /// handler itself.
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::UNPROCESSABLE).with_detail(detail)
    }

    /// 500 `internal_error`; the text reaches the log and not the client.
    pub fn internal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::INTERNAL).with_detail(text)
    }

    /// 503 `overloaded`, with `Retry-After: 1`.
    pub fn overloaded(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kinds::OVERLOADED)
            .with_detail(detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// 503 `overloaded`, to be asked for again after that time, in whole seconds,
    /// at least one.
    pub(crate) fn overloaded_for(
        wait: std::time::Duration,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::of(&kinds::OVERLOADED)
            .with_detail(detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// 503 `shutting_down`, with `Retry-After: 1`.
    pub(crate) fn shutting_down() -> Self {
        let retry = HeaderValue::from_static("1");
        Self::of(&kinds::SHUTTING_DOWN).with_header(header::RETRY_AFTER, retry)
    }

    /// 504 `handler_timeout`.
    pub(crate) fn handler_timeout() -> Self {
        Self::of(&kinds::HANDLER_TIMEOUT).with_detail("the handler did not answer in time")
    }

    /// 422 `validation_failed` with its violations, in the order given.
    #[must_use]
    pub fn validation(violations: Vec<Violation>) -> Self {
        let detail = match violations.len() {
            1 => Cow::Borrowed("1 value was refused"),
            n => Cow::Owned(format!("{n} values were refused")),
        };
        let mut problem = Self::of(&kinds::VALIDATION_FAILED).with_detail(detail);
        problem.inner.violations = violations;
        problem
    }

    /// The 422 of a report; `detail` says how many violations it left out.
    pub(crate) fn refused(report: Report) -> Self {
        let left_out = report.left_out();
        let problem = Self::validation(report.into_violations());
        match left_out {
            0 => problem,
            more => {
                let detail = problem.public_detail().unwrap_or_default();
                let detail = format!("{detail}, {more} more are not listed");
                problem.with_detail(detail)
            }
        }
    }

    /// Sets the title: one text for every problem of the code.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.inner.title = title.into();
        self
    }

    /// Sets the machine-readable code, which makes `"type": "urn:hybrid:<code>"`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.inner.code = code.into();
        self
    }

    /// Says what went wrong this time. Of a 5xx but 501, 503 and 504 it reaches
    /// the log and not the client.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.inner.detail = Some(detail.into());
        self
    }

    /// Like [`with_detail`](Self::with_detail), where there may be nothing to say.
    #[doc(hidden)]
    #[must_use]
    pub fn maybe_detail(mut self, detail: Option<String>) -> Self {
        self.inner.detail = detail.map(Cow::Owned);
        self
    }

    /// Sets a header of the response, in place of one of that name. A name or a
    /// value that cannot stand in a header makes it a 500.
    #[must_use]
    pub fn with_header<K, V>(mut self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName, Error: Into<BoxError>>,
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        let refused = |error: BoxError| Self::internal(format!("a header of a problem: {error}"));
        let (name, value) = match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => (name, value),
            (Err(error), _) => return refused(error.into()),
            (_, Err(error)) => return refused(error.into()),
        };
        self.inner.headers.retain(|(known, _)| *known != name);
        self.inner.headers.push((name, value));
        self
    }

    /// Sets a member of its own (RFC 9457, section 3.2), in place of one of that
    /// name: `.with("balance", 30)`. The client sees it, of a 5xx too. `type` and
    /// `instance` can be set like this.
    ///
    /// `title`, `status`, `code`, `detail` and `errors` have methods of their own: here
    /// they are left out, with a line in the log, as is a value that does not become
    /// JSON.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        let name = name.into();
        if ["title", "status", "code", "detail", "errors"].contains(&&*name) {
            tracing::error!(
                member = &*name,
                "a member of a problem has a method of its own"
            );
            return self;
        }
        match serde_json::to_value(value) {
            Ok(value) => {
                self.inner.members.retain(|(known, _)| *known != name);
                self.inner.members.push((name, value));
            }
            Err(error) => {
                tracing::error!(member = &*name, %error, "a member of a problem is no JSON");
            }
        }
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.status
    }

    /// The machine-readable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.inner.code
    }

    /// The title: the same for every problem of the code.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.inner.title
    }

    /// What the client is told about this time; `None` for every 5xx but 501,
    /// 503 and 504.
    #[must_use]
    pub fn public_detail(&self) -> Option<&str> {
        let told = !self.inner.status.is_server_error()
            || matches!(self.inner.status.as_u16(), 503 | 504 | 501);
        self.inner.detail.as_deref().filter(|_| told)
    }

    /// What the log is told: the detail, and the source error with its chain.
    pub(crate) fn private_detail(&self) -> String {
        let mut text = self.inner.detail.as_deref().unwrap_or_default().to_owned();
        let mut next = self
            .inner
            .source
            .as_ref()
            .map(|s| &*s.error as &dyn std::error::Error);
        while let Some(error) = next {
            let said = error.to_string();
            // A typed error's detail is what its `Display` says.
            if said != text {
                if !text.is_empty() {
                    text.push_str(": ");
                }
                text.push_str(&said);
            }
            next = error.source();
        }
        text
    }

    /// The violations of a 422, in the order of the wire.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.inner.violations
    }

    /// The headers that the answer gets besides its content type.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.inner.headers
    }

    /// The members of its own, in the order of [`with`](Self::with).
    #[must_use]
    pub fn members(&self) -> &[(Cow<'static, str>, Value)] {
        &self.inner.members
    }

    /// The error that became this problem under `?`.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.inner.source.as_ref().map(|source| &*source.error)
    }

    pub(super) fn source_type(&self) -> Option<TypeId> {
        self.inner.source.as_ref().map(|source| source.type_id)
    }
}

impl<E> From<E> for Problem
where
    E: std::error::Error + Send + Sync + 'static,
{
    fn from(error: E) -> Self {
        let type_id = TypeId::of::<E>();
        let typed = registry::of_itself(type_id, &error);
        let mut problem = typed.unwrap_or_else(|| Self::of(&kinds::INTERNAL));
        let source = Source {
            type_id,
            error: Box::new(error),
        };
        problem.inner.source = Some(source);
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.inner.status.as_u16(), self.inner.code)?;
        match self.private_detail() {
            detail if detail.is_empty() => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("status", &self.inner.status)
            .field("code", &self.inner.code)
            .field("detail", &self.private_detail())
            .field("violations", &self.inner.violations)
            .field("members", &self.inner.members)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Problem {
    /// Two problems are equal when a client could not tell them apart.
    fn eq(&self, other: &Self) -> bool {
        self.status() == other.status()
            && self.code() == other.code()
            && self.public_detail() == other.public_detail()
            && self.violations() == other.violations()
            && self.members() == other.members()
    }
}

/// A problem travels inside its answer, until the edge of the endpoint renders
/// it in the application's format.
#[derive(Clone)]
pub(crate) struct Carried(pub(crate) Arc<Problem>);

impl Carried {
    /// Puts what was rendered in place of the answer that carried the problem.
    /// What was set on that answer since, its status and further headers, stays.
    pub(crate) fn replace(&self, response: &mut Response, mut rendered: Response) {
        if response.status() != self.0.status() {
            *rendered.status_mut() = response.status();
        }
        let of_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
        for name in response
            .headers()
            .keys()
            .filter(|name| !of_the_body.contains(name))
        {
            if !rendered.headers().contains_key(name) {
                for value in response.headers().get_all(name) {
                    rendered.headers_mut().append(name, value.clone());
                }
            }
        }
        *response = rendered;
    }
}
