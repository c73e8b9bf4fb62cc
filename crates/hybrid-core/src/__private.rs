//! What generated code may name; a closed list. No part of the public interface:
//! it changes with the macros, without notice.

use std::marker::PhantomData;

// Called by `#[model]`.
pub use hybrid_validate::__private::*;

// Called by the route macros: what a value is.
pub use hybrid_validate::{
    FromParam, FromTexts, ParamError, Source, cookie, form, header, path, query,
};

// Called by `#[derive(FromParam)]`: the words as a schema.
pub use serde_json::Value;

// Called by the route macros: facts.
pub use crate::spec::{Lane, OnDisconnect, RouteSpec};

// Called by the route macros: arguments.
pub use crate::extract::{
    ArgumentOf, Describe, FromRequest, FromRequestParts, ViaFromRequest, ViaGuard, ViaModel,
    ViaPlain, ViaRaw, ViaUnsent, ViaUnshared, ViaValidator, raw_body,
};

// Called by the route macros: lanes.
pub use crate::dispatch::{
    Endpoint, RouteHandler as Route, auto, event, inline, on_pool as pool, on_process as process,
};

// Called by `#[extractor]`.
pub use crate::context::Parts;
pub use crate::dispatch::{extract, extract_on_pool};
pub use crate::extract::Arguments;

// Called by `#[middleware]`.
pub use crate::{Request, app::Next, head::Head};

// Called by `#[derive(Problem)]`.
pub use crate::problem::{Conversion, Kind, Problem, ProblemKind, Submitted, TypedError};
pub use crate::{Response, respond::IntoResponse};

// Called by `routes![]`.
pub use crate::app::{RouteEntry, Routes};

use crate::extract::{FormField, TextArgument};

/// Called by `routes![]`: the entry of one handler.
#[must_use]
pub const fn entry<R: Route>() -> RouteEntry {
    RouteEntry::of::<R>()
}

/// Called by the route macros: a value of the head by name.
#[must_use]
pub fn text<T: FromTexts>(param: &'static hybrid_validate::Param<T>) -> TextArgument<T> {
    TextArgument::new(param)
}

/// Called by the route macros: a field of a form.
#[must_use]
pub fn form_field<T: FromTexts>(param: &'static hybrid_validate::Param<T>) -> FormField<T> {
    FormField::new(param)
}

/// Called by `#[extractor]`: says what its arguments need and read.
pub fn describe_arguments<A: Arguments>(arguments: &A, to: &mut Describe) {
    arguments.describe(to);
}

/// Called by the route macros: the argument of a type, whatever it is.
#[doc(hidden)]
#[macro_export]
macro_rules! __arg {
    ($ty:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            ViaFromRequest as _, ViaGuard as _, ViaModel as _, ViaPlain as _, ViaRaw as _,
            ViaUnsent as _, ViaUnshared as _, ViaValidator as _,
        };
        // One reference more than the first choice has: a method on `&self` is
        // found on the receiver as it stands before another `&` is tried.
        (&&&&&&&$crate::__private::ArgumentOf::<$ty>::new()).argument()
    }};
}

pub use crate::__arg as arg;

// === Typed errors ===

/// Asks the compiler what an error type is.
#[derive(Debug, Clone, Copy)]
pub struct ErrorOf<E>(PhantomData<fn() -> E>);

impl<E> ErrorOf<E> {
    /// A question about `E`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only generated code makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Typed errors.
pub trait ViaKind {
    /// Its kinds.
    fn typed(&self) -> TypedError;
}

/// Any other error.
pub trait ViaNothing {
    /// Nothing is known of it.
    fn typed(&self) -> TypedError;
}

impl<E: ProblemKind> ViaKind for &ErrorOf<E> {
    fn typed(&self) -> TypedError {
        TypedError { kinds: E::KINDS }
    }
}

impl<E> ViaNothing for ErrorOf<E> {
    fn typed(&self) -> TypedError {
        TypedError { kinds: &[] }
    }
}

/// Called by the route macros: the typed error that a handler names.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($ty:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ViaKind as _, ViaNothing as _};
        (&&$crate::__private::ErrorOf::<$ty>::new()).typed()
    }};
}

pub use crate::__error as error;

/// Typed errors that `?` turns into a `Problem`.
pub trait ViaConversion<E> {
    /// Its conversion.
    fn conversion(&self) -> Option<Conversion>;

    /// The response that stands for it, with itself as the source.
    fn answer(&self, error: E) -> Response;
}

/// Typed errors that `?` cannot turn into a `Problem`.
pub trait ViaAnswer<E> {
    /// There is none.
    fn conversion(&self) -> Option<Conversion>;

    /// The response that stands for it.
    fn answer(&self, error: E) -> Response;
}

impl<E> ViaConversion<E> for &ErrorOf<E>
where
    E: ProblemKind + std::error::Error + Send + Sync + 'static,
{
    fn conversion(&self) -> Option<Conversion> {
        Some(Conversion::of::<E>())
    }

    fn answer(&self, error: E) -> Response {
        Problem::from(error).into_response()
    }
}

impl<E: ProblemKind> ViaAnswer<E> for ErrorOf<E> {
    fn conversion(&self) -> Option<Conversion> {
        None
    }

    fn answer(&self, error: E) -> Response {
        error.problem().into_response()
    }
}

/// Called by `#[derive(Problem)]`: a typed error as a response.
#[doc(hidden)]
#[macro_export]
macro_rules! __answer {
    ($ty:ty, $error:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ViaAnswer as _, ViaConversion as _};
        (&&$crate::__private::ErrorOf::<$ty>::new()).answer($error)
    }};
}

pub use crate::__answer as answer;

#[doc(hidden)]
pub use inventory;

/// Called by `#[derive(Problem)]` on a type without parameters: tells the whole
/// program what the type becomes under `?`.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit_error {
    ($ty:ty) => {
        $crate::__private::inventory::submit! {
            $crate::__private::Submitted::new(|| {
                #[allow(unused_imports)]
                use $crate::__private::{ViaAnswer as _, ViaConversion as _};
                (&&$crate::__private::ErrorOf::<$ty>::new()).conversion()
            })
        }
    };
}

pub use crate::__submit_error as submit_error;

/// A value that may have something to say.
#[derive(Debug, Clone, Copy)]
pub struct DetailOf<'a, E>(pub &'a E);

/// Values with a `Display`.
pub trait ViaDisplay {
    /// What it says.
    fn detail(&self) -> Option<String>;
}

/// Values without.
pub trait ViaSilence {
    /// Nothing.
    fn detail(&self) -> Option<String>;
}

impl<E: std::fmt::Display> ViaDisplay for &DetailOf<'_, E> {
    fn detail(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl<E> ViaSilence for DetailOf<'_, E> {
    fn detail(&self) -> Option<String> {
        None
    }
}

/// Called by `#[derive(Problem)]`: what an error says of itself, if anything.
#[doc(hidden)]
#[macro_export]
macro_rules! __detail {
    ($error:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ViaDisplay as _, ViaSilence as _};
        (&&$crate::__private::DetailOf($error)).detail()
    }};
}

pub use crate::__detail as detail;

/// Called by the route macros with the feature `discover`: registers a route.
#[cfg(feature = "discover")]
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($route:ty) => {
        $crate::__private::inventory::submit! { $crate::__private::entry::<$route>() }
    };
}

#[cfg(feature = "discover")]
pub use crate::__submit as submit;
