//! Users, as others see them, and the users whom they follow.

use r2d2_sqlite::rusqlite::{self, OptionalExtension as _, Row, named_params};
use serde::Serialize;

use super::Connection;
use crate::error::{ApiError, Result};

#[derive(Serialize)]
pub struct Profile {
    pub username: String,
    pub bio: Option<String>,
    pub image: Option<String>,
    pub following: bool,
}

/// The columns of a profile, for a viewer `:viewer`.
pub(super) const COLUMNS: &str = "username, bio, image,
    EXISTS (SELECT 1 FROM follows WHERE followed = users.id AND follower = :viewer) AS following";

impl Profile {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            username: row.get("username")?,
            bio: row.get("bio")?,
            image: row.get("image")?,
            following: row.get("following")?,
        })
    }
}

pub fn get(db: &Connection, name: &str, viewer: Option<i64>) -> Result<Profile> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE username = :name");
    let values = named_params! { ":viewer": viewer, ":name": name };
    db.query_row(&sql, values, Profile::read).optional()?.ok_or(ApiError::NoProfile)
}

pub fn follow(db: &Connection, follower: i64, name: &str) -> Result<()> {
    let followed = id_of(db, name)?;
    if followed == follower {
        return Err(ApiError::Yourself);
    }
    let sql = "INSERT OR IGNORE INTO follows (follower, followed) VALUES (?1, ?2)";
    db.execute(sql, [follower, followed])?;
    Ok(())
}

pub fn unfollow(db: &Connection, follower: i64, name: &str) -> Result<()> {
    let followed = id_of(db, name)?;
    let sql = "DELETE FROM follows WHERE follower = ?1 AND followed = ?2";
    db.execute(sql, [follower, followed])?;
    Ok(())
}

fn id_of(db: &Connection, name: &str) -> Result<i64> {
    let sql = "SELECT id FROM users WHERE username = ?1";
    db.query_row(sql, [name], |row| row.get(0)).optional()?.ok_or(ApiError::NoProfile)
}
