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
mod body_argument;
mod body_limits;
mod body_stream;
mod claim;
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
mod texts;
mod traits;
mod wrappers;

pub use argument::{Argument, Arguments};
pub use body_argument::{BodyArgument, BodyReader, FormField, RawBody};
pub use body_stream::BodyStream;
pub use describe::{BodyDescription, Describe, ParamDescription};
#[cfg(feature = "multipart")]
pub use forms::multipart::{Multipart, Part};
pub use guard::Guard;
pub use head_value::{HeadValue, TextArgument};
pub use probe::{
    ArgumentOf, ViaFromRequest, ViaGuard, ViaModel, ViaPlain, ViaRaw, ViaUnsent, ViaUnshared,
    ViaValidator, raw_body,
};
pub use receive::{BodyPlan, Received};
pub use texts::Texts;
pub(crate) use texts::decode;
pub use traits::{FromRequest, FromRequestParts};
pub use wrappers::{Extension, Form, Header, Json, Path, Query, State};
