//! What user code implements to be an argument of a handler.

use std::future::Future;

use http::StatusCode;

use super::Describe;
use crate::{Request, Response, context::Parts, respond::IntoResponse};

/// Something that is made from a request's head: a guard, the current user, a
/// value that the application computes.
///
/// Guards run before any parameter is judged and before the body is read, in
/// the order of the handler's arguments; a refusal is the answer. What a guard
/// makes is held while the request queues for a thread: let it hold nothing
/// scarce.
///
/// ```
/// # mod hybrid { pub mod prelude { pub use hybrid_core::{context::Parts, extract::FromRequestParts, problem::{Problem, Result}}; } }
/// use hybrid::prelude::*;
///
/// struct ApiKey(String);
///
/// impl FromRequestParts for ApiKey {
///     type Rejection = Problem;
///
///     async fn from_request_parts(parts: &mut Parts) -> Result<Self> {
///         let key = parts.header("x-api-key").ok_or_else(|| Problem::unauthorized("no key"))?;
///         Ok(Self(key.to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from a request's head",
    label = "no `FromRequestParts`",
    note = "implement `FromRequestParts`, or write an `#[extractor]` that returns it"
)]
pub trait FromRequestParts: Sized {
    /// The answer where it cannot be made.
    type Rejection: IntoResponse;

    /// Makes it.
    fn from_request_parts(
        parts: &mut Parts,
    ) -> impl Future<Output = Result<Self, Self::Rejection>> + Send;

    /// Makes what `Option<Self>` is: `None` where the status of the refusal is 401,
    /// as `App::on_error` has it. Any other refusal is the response, so that a
    /// database that is down is not taken for a client without credentials.
    ///
    /// Write it only for a type that may be absent in another way.
    ///
    /// # Errors
    /// The response where it is neither made nor absent.
    fn optional(parts: &mut Parts) -> impl Future<Output = Result<Option<Self>, Response>> + Send
    where
        Self: Send,
    {
        async move {
            let refused = match Self::from_request_parts(parts).await {
                Ok(made) => return Ok(Some(made)),
                Err(rejection) => rejection.into_error_response(),
            };
            match parts.context.status_of(&refused) {
                StatusCode::UNAUTHORIZED => Ok(None),
                _ => Err(refused),
            }
        }
    }

    /// Says what it needs and reads: states, parameters, its refusals. States
    /// said here are checked before the server listens.
    fn describe(to: &mut Describe) {
        let _ = to;
    }
}

/// Something that is made from a whole request, the body included.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "no argument of a handler",
    note = "for a value of the query write `#[query] name: T`, for a JSON body `Json<T>` where `T` is a \
            `#[model]` or implements serde's `Deserialize`",
    note = "for a type of your own implement `FromRequestParts` (head) or `FromRequest` (body), or write \
            an `#[extractor]` that returns it"
)]
pub trait FromRequest: Sized {
    /// The answer where it cannot be made.
    type Rejection: IntoResponse;

    /// Makes it.
    fn from_request(request: Request)
    -> impl Future<Output = Result<Self, Self::Rejection>> + Send;

    /// Says what it needs and reads.
    fn describe(to: &mut Describe) {
        let _ = to;
    }
}

/// See [`FromRequestParts::optional`].
impl<T: FromRequestParts + Send> FromRequestParts for Option<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self, Response> {
        T::optional(parts).await
    }

    fn describe(to: &mut Describe) {
        to.optional(T::describe);
    }
}
