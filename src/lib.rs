//! A web framework in which the place where a handler runs is a fact.
#![forbid(unsafe_code)]

pub use hybrid_core::{
    BoxError, Bytes, FromParam, HeaderMap, HeaderName, HeaderValue, Method, ParamError, Request,
    Response, StatusCode, Uri, Version,
    app::{App, AppService, Group, HybridLayer, Middleware, Next, Routes, Serve, TrailingSlash},
    body::Body,
    config::{Config, LogFormat},
    dispatch::{Cancel, Current, PoolError, block_on, current, run as pool},
    error::{Error, Result},
    extract::{
        BodyReader, BodyStream, Describe, Extension, Form, FromRequest, FromRequestParts, Header,
        Json, Multipart, Path, Query, State,
    },
    head::{Head, Parts},
    problem::{ErrorFormat, Problem},
    respond::{Html, IntoHeaders, IntoResponse, Redirect},
    server::ClientAddr,
    spec::Lane,
    testing::{TestClient, TestRequest, TestResponse},
};
pub use hybrid_macros::*;

/// What nearly every program uses: `use hybrid::prelude::*;`.
pub mod prelude {
    pub use crate::*;
    pub use hybrid_core::problem::Result;
}

#[doc(hidden)]
pub mod __private {
    pub use hybrid_core::__private::*;
}
