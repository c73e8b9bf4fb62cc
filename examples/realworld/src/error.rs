//! The error of all handlers, and the suite's format of errors.

use std::collections::BTreeMap;

use argon2::password_hash;
use hybrid::prelude::*;
use r2d2_sqlite::rusqlite;
use serde_json::json;

pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// The errors of this program. In the response, the part of the code before the dot is the key.
#[derive(Debug, thiserror::Error, Problem)]
pub enum ApiError {
    #[error("is missing")]
    #[problem(status = 401, code = "token.missing")]
    NoToken,
    #[error("is invalid")]
    #[problem(status = 401, code = "token.invalid")]
    BadToken,
    #[error("invalid")]
    #[problem(status = 401, code = "credentials.invalid")]
    Credentials,
    #[error("has already been taken")]
    #[problem(status = 409, code = "username.taken")]
    UsernameTaken,
    #[error("has already been taken")]
    #[problem(status = 409, code = "email.taken")]
    EmailTaken,
    #[error("not found")]
    #[problem(status = 404, code = "profile.not_found")]
    NoProfile,
    #[error("cannot be yourself")]
    #[problem(status = 422, code = "profile.yourself")]
    Yourself,
    #[error("not found")]
    #[problem(status = 404, code = "article.not_found")]
    NoArticle,
    #[error("forbidden")]
    #[problem(status = 403, code = "article.forbidden")]
    NotYourArticle,
    #[error("not found")]
    #[problem(status = 404, code = "comment.not_found")]
    NoComment,
    #[error("forbidden")]
    #[problem(status = 403, code = "comment.forbidden")]
    NotYourComment,
    #[error("the database is busy")]
    #[problem(status = 503, code = "database.busy")]
    Busy(#[from] r2d2::Error),
    #[error("the database failed")]
    #[problem(status = 500, code = "database.failed")]
    Database(#[source] rusqlite::Error),
    #[error("a password could not be hashed")]
    #[problem(status = 500, code = "hash.failed")]
    Hash(#[from] password_hash::Error),
    #[error("a token could not be made")]
    #[problem(status = 500, code = "token.failed")]
    Token(#[from] jsonwebtoken::errors::Error),
}

impl From<rusqlite::Error> for ApiError {
    /// The text of a broken UNIQUE constraint names the column.
    fn from(error: rusqlite::Error) -> Self {
        match error.to_string() {
            text if text.contains("UNIQUE") && text.contains("users.username") => {
                Self::UsernameTaken
            }
            text if text.contains("UNIQUE") && text.contains("users.email") => Self::EmailTaken,
            _ => Self::Database(error),
        }
    }
}

/// `{"errors":{"email":["must be an email address"]}}`
pub fn format() -> ErrorFormat {
    ErrorFormat::custom(|problem, _head| {
        let mut errors: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for violation in problem.violations() {
            let field = violation.location.path.last();
            let key = field.map_or_else(|| "body".to_owned(), ToString::to_string);
            errors.entry(key).or_default().push(&violation.message);
        }
        if errors.is_empty() {
            let key = problem.code().split('.').next().unwrap_or("body");
            let text = problem.public_detail().unwrap_or(problem.title());
            errors.insert(key.to_owned(), vec![text]);
        }
        (problem.status(), Json(json!({ "errors": errors }))).into_response()
    })
}
