use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    routing::{get, post},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::{Found, Placed, Refused, Shared, ten, ten_long};

pub fn routes() -> Router<Shared> {
    Router::new()
        LISTED
}
