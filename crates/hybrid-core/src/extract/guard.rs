//! Arguments made by [`FromRequestParts`]: stage 1.

use std::{fmt, marker::PhantomData};

use hybrid_validate::Report;

use crate::{
    Response,
    context::Parts,
    extract::{Argument, Describe, FromRequestParts, Received, Texts},
    problem::Problem,
    respond::IntoResponse,
};

/// An argument that a [`FromRequestParts`] makes.
pub struct Guard<T>(PhantomData<fn() -> T>);

impl<T> Guard<T> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<T> fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard<{}>", std::any::type_name::<T>())
    }
}

impl<T: FromRequestParts + Send + 'static> Argument for Guard<T> {
    const IS_GUARD: bool = true;

    type Guarded = T;
    type Held = T;
    type Value = T;

    fn describe(&self, to: &mut Describe) {
        T::describe(to);
    }

    async fn guard(&self, parts: &mut Parts) -> Result<T, Response> {
        T::from_request_parts(parts)
            .await
            .map_err(IntoResponse::into_error_response)
    }

    fn read_head(&self, guarded: T, _: &Texts<'_>, _: &mut Report) -> T {
        guarded
    }

    fn read_body(&self, held: T, _: &mut Received, _: &mut Report) -> Result<Option<T>, Problem> {
        Ok(Some(held))
    }
}
