//! The arguments that need no rules: method, target, headers, the client's
//! address, states, extensions, and the cancel flag.

use std::{any::type_name, convert::Infallible, future::Future};

use http::{HeaderMap, Method, Uri, Version};
use hybrid_engine::ticket::Cancel;

use crate::{
    Response,
    context::Parts,
    extract::{Describe, Extension, FromRequestParts, State},
    head::ClientAddr,
    problem::Problem,
};

macro_rules! from_head {
    ($($ty:ty = |$parts:ident| $value:expr;)*) => {
        $(impl FromRequestParts for $ty {
            type Rejection = Infallible;

            fn from_request_parts(
                $parts: &mut Parts,
            ) -> impl Future<Output = Result<Self, Infallible>> + Send {
                std::future::ready(Ok($value))
            }
        })*
    };
}

from_head! {
    Method = |parts| parts.method.clone();
    Uri = |parts| parts.uri.clone();
    Version = |parts| parts.version;
    HeaderMap = |parts| parts.headers.clone();
    Cancel = |parts| parts.cancel.clone();
}

impl FromRequestParts for ClientAddr {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self, Problem> {
        let trusted = &parts.context.settings().trusted_proxies;
        // Inside another server there is no connection of ours; the code that knows the
        // client puts it into the extensions.
        let known = parts.extensions.get().copied();
        let found = known.or_else(|| Self::find(parts.peer(), &parts.headers, trusted));
        found.ok_or_else(|| Problem::internal("the client's address is not known here"))
    }

    async fn optional(parts: &mut Parts) -> Result<Option<Self>, Response> {
        Ok(Self::from_request_parts(parts).await.ok())
    }
}

impl<T: Clone + Send + Sync + 'static> FromRequestParts for State<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self, Problem> {
        let states = &parts.matched_route().states;
        // Start-up checks what `describe` says; a user's extractor may not say it.
        // Boxed: nearly always it is made, and the guards' future stays small.
        let state = match states.made::<T>() {
            Some(state) => state,
            None => Box::pin(states.ready::<T>())
                .await
                .map_err(Problem::internal)?,
        };
        Ok(Self(state.clone()))
    }

    fn describe(to: &mut Describe) {
        to.state::<T>();
    }
}

impl<T: Clone + Send + Sync + 'static> FromRequestParts for Extension<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self, Problem> {
        let missing = || {
            let name = type_name::<T>();
            Problem::internal(format!(
                "no layer put an extension of type `{name}` into the request"
            ))
        };
        parts
            .extensions
            .get::<T>()
            .cloned()
            .map(Self)
            .ok_or_else(missing)
    }

    async fn optional(parts: &mut Parts) -> Result<Option<Self>, Response> {
        Ok(parts.extensions.get::<T>().cloned().map(Self))
    }

    fn describe(to: &mut Describe) {
        to.extension(type_name::<T>());
    }
}
