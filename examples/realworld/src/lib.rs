//! The RealWorld backend: users, profiles, articles, comments and tags over SQLite.

pub mod api;
pub mod auth;
pub mod error;
pub mod settings;
pub mod store;

use hybrid::prelude::*;
use tower_http::cors::CorsLayer;

use crate::{auth::Keys, settings::Settings, store::Db};

/// Builds the application. Tests build the same one.
pub fn app() -> App {
    App::new()
        .settings::<Settings>()
        .state_from(Keys::new)
        .state_from(Db::open)
        .error_format(error::format())
        .layer(CorsLayer::permissive())
        .health_at("/health")
        .admin_at("/_hybrid")
        .group("/api", api::routes)
}
