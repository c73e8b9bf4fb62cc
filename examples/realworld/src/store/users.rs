//! Users, as they see themselves.

use hybrid::prelude::{Patch, model};
use r2d2_sqlite::rusqlite::{OptionalExtension as _, params};

use super::{Connection, not_blank, not_null};
use crate::error::{ApiError, Result};

pub struct User {
    pub email: String,
    pub username: String,
    pub bio: Option<String>,
    pub image: Option<String>,
}

#[model(input)]
pub struct Registration {
    #[field(custom = not_blank, max_length = 64)]
    username: String,
    #[field(custom = not_blank, format = "email")]
    pub email: String,
    #[field(custom = not_blank, min_length = 8, max_length = 128)]
    pub password: String,
}

#[model(input)]
pub struct Login {
    #[field(custom = not_blank)]
    pub email: String,
    #[field(custom = not_blank)]
    pub password: String,
}

#[model(input)]
pub struct Changes {
    #[field(custom = not_blank, max_length = 64)]
    #[serde(default, with = "not_null")]
    username: Option<String>,
    #[field(custom = not_blank, format = "email")]
    #[serde(default, with = "not_null")]
    email: Option<String>,
    #[field(custom = not_blank, min_length = 8, max_length = 128)]
    #[serde(default, with = "not_null")]
    pub password: Option<String>,
    bio: Patch<String>,
    #[field(max_length = 2048)]
    image: Patch<String>,
}

/// Adds a user and returns its id.
pub fn add(db: &Connection, user: &Registration, hash: &str) -> Result<i64> {
    db.execute(
        "INSERT INTO users (username, email, password) VALUES (?1, ?2, ?3)",
        params![user.username, user.email, hash],
    )?;
    Ok(db.last_insert_rowid())
}

/// A deleted user is unauthorized: the token may still be valid.
pub fn get(db: &Connection, id: i64) -> Result<User> {
    let sql = "SELECT email, username, bio, image FROM users WHERE id = ?1";
    let user = db.query_row(sql, [id], |row| {
        Ok(User { email: row.get(0)?, username: row.get(1)?, bio: row.get(2)?, image: row.get(3)? })
    });
    user.optional()?.ok_or(ApiError::Credentials)
}

/// The id of the user with that address, and the hash of the password.
pub fn credentials(db: &Connection, email: &str) -> Result<(i64, String)> {
    let sql = "SELECT id, password FROM users WHERE email = ?1";
    let found = db.query_row(sql, [email], |row| Ok((row.get(0)?, row.get(1)?)));
    found.optional()?.ok_or(ApiError::Credentials)
}

/// Changes the fields that are given; `hash` is that of the new password.
pub fn change(db: &Connection, id: i64, changes: Changes, hash: Option<String>) -> Result<()> {
    let Changes { username, email, bio, image, .. } = changes;
    let (sets_bio, bio) = column(bio);
    let (sets_image, image) = column(image);
    db.execute(
        "UPDATE users SET username = coalesce(?2, username), email = coalesce(?3, email),
         password = coalesce(?4, password), bio = iif(?5, nullif(?6, ''), bio),
         image = iif(?7, nullif(?8, ''), image) WHERE id = ?1",
        params![id, username, email, hash, sets_bio, bio, sets_image, image],
    )?;
    Ok(())
}

/// Whether a column is set, and to which value.
fn column(patch: Patch<String>) -> (bool, Option<String>) {
    match patch {
        Patch::Absent => (false, None),
        Patch::Null => (true, None),
        Patch::Value(text) => (true, Some(text)),
    }
}
