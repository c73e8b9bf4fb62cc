//! From a request to a handler's arguments.
//!
//! An argument is one of four things, each an [`Argument`]: a guard
//! ([`FromRequestParts`]), a value of the head (`#[query]`, `#[path]`, `Query<T>`,
//! ..), a body, or what a user's [`FromRequest`] makes. They are taken in stages,
//! which is also the order in which a request is judged:
//!
//! 1. guards, in the order written; the first refusal is the answer
//! 2. values of the head; violations are collected
//! 3. the body is received ([`receive`]), within its limits
//! 4. the body is parsed and judged, on the pool where it is large
//!
//! Nothing here knows lanes: `dispatch` decides where a stage runs.

mod argument;
mod body;
mod describe;
#[cfg_attr(
    not(feature = "multipart"),
    allow(dead_code, reason = "parts of it are for multipart bodies")
)]
mod forms;
mod guard;
mod head_value;
#[cfg_attr(
    not(feature = "multipart"),
    allow(dead_code, reason = "parts of it are for multipart bodies")
)]
mod media;
mod parts;
mod probe;
pub(crate) mod receive;
#[cfg_attr(
    not(feature = "multipart"),
    allow(dead_code, reason = "parts of it are for multipart bodies")
)]
pub(crate) mod room;
mod texts;
mod wrappers;

use std::future::Future;

pub use argument::{Argument, Arguments};
pub use body::{BodyArgument, BodyReader, FormField, RawBody};
pub use describe::{BodyCheck, BodyDescription, Describe, ParamDescription};
#[cfg(feature = "multipart")]
pub use forms::multipart::{Multipart, Part};
pub use guard::Guard;
pub use head_value::{HeadValue, TextArgument};
pub use probe::{
    ArgumentOf, ViaFromRequest, ViaGuard, ViaModel, ViaPlain, ViaRaw, ViaUnsent, ViaUnshared,
    ViaValidator, raw_body,
};
pub use receive::{BodyPlan, BodyStream, Received};
pub use texts::Texts;
pub(crate) use texts::decode;
pub use wrappers::{Extension, Form, Header, Json, Path, Query, State};

use http::StatusCode;

use crate::{Request, Response, head::Parts, respond::IntoResponse};

/// Something that is made from a request's head: a guard, the current user, a
/// value that the application computes.
///
/// Guards run before any parameter is judged and before the body is read, in
/// the order of the handler's arguments; a refusal is the answer. What a guard
/// makes is held while the request queues for a thread: let it hold nothing
/// scarce.
///
/// ```
/// # mod hybrid { pub mod prelude { pub use hybrid_core::{extract::FromRequestParts, head::Parts, problem::{Problem, Result}}; } }
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
            match parts.app.status_of(&refused) {
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
