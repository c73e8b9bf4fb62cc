//! The tuple structs that name where an argument comes from.

use std::ops::{Deref, DerefMut};

use crate::{
    Response,
    problem::Problem,
    respond::{IntoResponse, with_type, without_status},
};

macro_rules! wrappers {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name<T>(pub T);

            impl<T> $name<T> {
                /// What it holds.
                pub fn into_inner(self) -> T {
                    self.0
                }
            }

            impl<T> Deref for $name<T> {
                type Target = T;

                fn deref(&self) -> &T {
                    &self.0
                }
            }

            impl<T> DerefMut for $name<T> {
                fn deref_mut(&mut self) -> &mut T {
                    &mut self.0
                }
            }

            impl<T> From<T> for $name<T> {
                fn from(value: T) -> Self {
                    Self(value)
                }
            }
        )*
    };
}

wrappers! {
    /// A JSON body, and a JSON answer.
    ///
    /// As an argument: `application/json` or any `+json` type, up to `body_limit`.
    /// A `#[model]` is checked whole and every fault is listed; a type with
    /// `validator::Validate` is validated; any other type is deserialised only.
    Json;
    /// All values of the query as one struct, or a map.
    Query;
    /// All values of the path: `Path<u64>`, `Path<(A, B)>`, a struct or a map.
    Path;
    /// Several headers as one struct, or all of them as a map, under the names that
    /// were sent.
    ///
    /// An underscore in a field's name is a hyphen: `user_agent` reads `user-agent`, and
    /// never `user_agent`, which is another header and one that proxies do not
    /// protect. Where such a header is wanted, `#[header("user_agent")]` reads it.
    Header;
    /// A whole form, urlencoded or multipart, as one struct.
    Form;
    /// A state of the application, by type.
    State;
    /// A value that a layer or middleware put into the request's extensions.
    Extension;
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut bytes = Vec::with_capacity(128);
        match serde_json::to_writer(&mut bytes, &self.0) {
            Ok(()) => with_type(bytes, "application/json"),
            Err(error) => Problem::from(error).into_response(),
        }
    }

    fn into_error_response(self) -> Response {
        let said = serde_json::to_string(&self.0).unwrap_or_default();
        without_status::<Self>(&format!(": {said}"))
    }
}
